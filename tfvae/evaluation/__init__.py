"""Measuring a model: the fixed test array, the log-likelihood, and whether its samples are digits."""

from tfvae.evaluation.classifier import classify
from tfvae.evaluation.fixed import FixedArray, fix
from tfvae.evaluation.likelihood import log_likelihood
from tfvae.evaluation.recognition import Recognition, recognition, reconstruction_accuracy

__all__ = [
    "FixedArray",
    "Recognition",
    "classify",
    "fix",
    "log_likelihood",
    "recognition",
    "reconstruction_accuracy",
]
