"""Priors p(z): Keras layers that own their parameters and make a distribution afresh at each call."""

from tfvae.priors.base import MixtureOfNormals, Prior, StandardNormal, VampPrior
from tfvae.priors.flow import Flow

__all__ = [
    "Flow",
    "MixtureOfNormals",
    "Prior",
    "StandardNormal",
    "VampPrior",
]
