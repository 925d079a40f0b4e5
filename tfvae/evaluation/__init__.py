"""Measuring a model: the fixed test array, the log-likelihood, the use of the latents, and whether it makes digits."""

from tfvae.evaluation.classifier import classify
from tfvae.evaluation.fixed import FixedArray, digest, fix
from tfvae.evaluation.latents import LatentStatistics, latent_statistics
from tfvae.evaluation.likelihood import (
    Bracket,
    LikelihoodEstimate,
    likelihood_estimate,
    log_likelihood,
    simulated_bracket,
)
from tfvae.evaluation.naive import NaiveEstimate, naive_estimate
from tfvae.evaluation.recognition import Recognition, recognition, reconstruction_accuracy

__all__ = [
    "Bracket",
    "FixedArray",
    "LatentStatistics",
    "LikelihoodEstimate",
    "NaiveEstimate",
    "Recognition",
    "classify",
    "digest",
    "fix",
    "latent_statistics",
    "likelihood_estimate",
    "log_likelihood",
    "naive_estimate",
    "recognition",
    "reconstruction_accuracy",
    "simulated_bracket",
]
