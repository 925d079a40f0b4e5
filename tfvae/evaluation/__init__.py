"""Measuring a model: the fixed test array and the log-likelihood."""

from tfvae.evaluation.fixed import FixedArray, fix
from tfvae.evaluation.likelihood import log_likelihood

__all__ = ["FixedArray", "fix", "log_likelihood"]
