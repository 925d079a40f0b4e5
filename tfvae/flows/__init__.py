"""Flows as distributions: alone, as the prior and as the posterior of a VAE. They are made of `bijectors`."""

from tfvae.flows.distribution import Transformed
from tfvae.flows.posterior import FlowPosterior, InverseAutoregressive
from tfvae.flows.prior import Flow

__all__ = ["Flow", "FlowPosterior", "InverseAutoregressive", "Transformed"]
