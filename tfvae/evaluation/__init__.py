"""Measuring a model: the fixed test array, the log-likelihood, the use of the latents, and whether it makes digits."""

from tfvae.evaluation.aggregate import AggregatePosterior, aggregate_posterior
from tfvae.evaluation.assessment import Assessment, Examples, assess
from tfvae.evaluation.clustering import Clustering, clustering
from tfvae.evaluation.digits.classifier import classify, features
from tfvae.evaluation.digits.kernel_distance import KernelDistance, TwoSamples, kernel_distance, two_samples
from tfvae.evaluation.digits.recognition import Recognition, recognition, reconstruction_accuracy
from tfvae.evaluation.draw_error import draw_error
from tfvae.evaluation.encoding import Codes, encode
from tfvae.evaluation.fixed import FixedArray, digest, fix
from tfvae.evaluation.latents import LatentStatistics, latent_statistics
from tfvae.evaluation.naive import NaiveEstimate, naive_estimate
from tfvae.evaluation.normal_shape import NormalShape, normal_shape, sliced_wasserstein, whitened
from tfvae.evaluation.representation import Accuracy, linear_probe, nearest_neighbours, silhouette
from tfvae.evaluation.table import table
from tfvae.likelihood.estimate import (
    Bracket,
    LikelihoodEstimate,
    likelihood_estimate,
    log_likelihood,
    simulated_bracket,
)

__all__ = [
    "Accuracy",
    "AggregatePosterior",
    "Assessment",
    "Bracket",
    "Clustering",
    "Codes",
    "Examples",
    "FixedArray",
    "KernelDistance",
    "LatentStatistics",
    "LikelihoodEstimate",
    "NaiveEstimate",
    "NormalShape",
    "Recognition",
    "TwoSamples",
    "aggregate_posterior",
    "assess",
    "classify",
    "clustering",
    "digest",
    "draw_error",
    "encode",
    "features",
    "fix",
    "kernel_distance",
    "latent_statistics",
    "likelihood_estimate",
    "linear_probe",
    "log_likelihood",
    "naive_estimate",
    "nearest_neighbours",
    "normal_shape",
    "recognition",
    "reconstruction_accuracy",
    "silhouette",
    "simulated_bracket",
    "sliced_wasserstein",
    "table",
    "two_samples",
    "whitened",
]
