"""Estimates of log p(x) from importance weights, and how far they can be trusted."""

from tfvae.likelihood.estimate import (
    Bracket,
    LikelihoodEstimate,
    likelihood_estimate,
    log_likelihood,
    simulated_bracket,
)

__all__ = ["Bracket", "LikelihoodEstimate", "likelihood_estimate", "log_likelihood", "simulated_bracket"]
