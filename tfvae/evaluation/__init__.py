"""Measuring a model: the fixed test array, the log-likelihood, the use of the latents, and whether it makes digits."""

from tfvae.evaluation.aggregate import AggregatePosterior, aggregate_posterior
from tfvae.evaluation.classifier import classify, features
from tfvae.evaluation.encoding import Codes, encode
from tfvae.evaluation.fixed import FixedArray, digest, fix
from tfvae.evaluation.kernel_distance import KernelDistance, TwoSamples, kernel_distance, two_samples
from tfvae.evaluation.latents import LatentStatistics, latent_statistics
from tfvae.evaluation.likelihood import log_likelihood
from tfvae.evaluation.recognition import Recognition, recognition, reconstruction_accuracy
from tfvae.evaluation.representation import Accuracy, linear_probe, nearest_neighbours

__all__ = [
    "Accuracy",
    "AggregatePosterior",
    "Codes",
    "FixedArray",
    "KernelDistance",
    "LatentStatistics",
    "Recognition",
    "TwoSamples",
    "aggregate_posterior",
    "classify",
    "digest",
    "encode",
    "features",
    "fix",
    "kernel_distance",
    "latent_statistics",
    "linear_probe",
    "log_likelihood",
    "nearest_neighbours",
    "recognition",
    "reconstruction_accuracy",
    "two_samples",
]
