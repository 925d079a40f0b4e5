"""Flows as distributions: alone, as the prior and as the posterior of a VAE. They are made of `bijectors`."""

from tfvae.bijectors.transformed import Transformed
from tfvae.families.inverse_autoregressive import FlowPosterior, InverseAutoregressive
from tfvae.priors.flow import Flow

__all__ = ["Flow", "FlowPosterior", "InverseAutoregressive", "Transformed"]
