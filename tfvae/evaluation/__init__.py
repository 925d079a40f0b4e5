"""Measuring a model: the fixed test array, the log-likelihood, the use of the latents, and whether it makes digits."""

from tfvae.evaluation.aggregate import AggregatePosterior, aggregate_posterior
from tfvae.evaluation.classifier import classify
from tfvae.evaluation.encoding import Codes, encode
from tfvae.evaluation.fixed import FixedArray, digest, fix
from tfvae.evaluation.latents import LatentStatistics, latent_statistics
from tfvae.evaluation.likelihood import log_likelihood
from tfvae.evaluation.recognition import Recognition, recognition, reconstruction_accuracy

__all__ = [
    "AggregatePosterior",
    "Codes",
    "FixedArray",
    "LatentStatistics",
    "Recognition",
    "aggregate_posterior",
    "classify",
    "digest",
    "encode",
    "fix",
    "latent_statistics",
    "log_likelihood",
    "recognition",
    "reconstruction_accuracy",
]
