"""Measuring a model: the fixed test array and the log-likelihood."""

from tfvae.evaluation.fixed import FixedArray, digest, fix
from tfvae.evaluation.likelihood import log_likelihood

__all__ = ["FixedArray", "digest", "fix", "log_likelihood"]
