"""Runs: from settings to a run folder, and what is done with it then. TensorFlow is imported by what needs it."""

from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.data import load_data, parts
from tfvae.app.run.folder import CHECKPOINTS, MODEL, model_of
from tfvae.app.run.run import Run, train
from tfvae.app.run.training_report import REPORT, summary

__all__ = ["CHECKPOINTS", "MODEL", "REPORT", "Checkpoints", "Run", "load_data", "model_of", "parts", "summary", "train"]
