"""Measuring a model: the fixed test array, the log-likelihood and the use of the latents."""

from tfvae.evaluation.fixed import FixedArray, digest, fix
from tfvae.evaluation.latents import LatentStatistics, latent_statistics
from tfvae.evaluation.likelihood import log_likelihood

__all__ = ["FixedArray", "LatentStatistics", "digest", "fix", "latent_statistics", "log_likelihood"]
