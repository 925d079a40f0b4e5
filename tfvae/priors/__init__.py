"""Priors p(z): Keras layers that own their parameters and make a distribution afresh at each call."""

from tfvae.priors.base import Prior
from tfvae.priors.flow import Flow
from tfvae.priors.mixture import MixtureOfNormals
from tfvae.priors.normal import StandardNormal
from tfvae.priors.vamp import VampPrior

__all__ = [
    "Flow",
    "MixtureOfNormals",
    "Prior",
    "StandardNormal",
    "VampPrior",
]
