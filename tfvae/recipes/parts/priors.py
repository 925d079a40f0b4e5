"""Priors p(z)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfvae.recipes.options import Count, CountOrNone, Depth, Sizes, StartedByExamples


def normal(latent_shape: Sequence[int]) -> Any:
    """N(0, I)."""
    from tfvae import priors

    return priors.StandardNormal(latent_shape, name="prior")


def mixture(latent_shape: Sequence[int], components: Count = 10, rank: CountOrNone = 0) -> Any:
    """Mixture of normals; the rate is averaged over samples.

    Args:
        components: number of normals.
        rank: rank of each covariance beside its diagonal; 0 for a diagonal covariance.
    """
    from tfvae import priors

    return priors.MixtureOfNormals(latent_shape, components, rank, name="prior")


def vamp(latent_shape: Sequence[int], image_shape: Sequence[int], pseudo_inputs: StartedByExamples = 500) -> Any:
    """Average of the posteriors of learned pseudo-inputs; the rate is averaged over samples.

    Args:
        pseudo_inputs: number of pseudo-inputs, which each step encodes too.
    """
    from tfvae import priors

    return priors.VampPrior(latent_shape, image_shape, pseudo_inputs, name="prior")


def flow(latent_shape: Sequence[int], depth: Depth = 4, hidden: Sizes = (128, 128)) -> Any:
    """Affine couplings on top of N(0, I); the rate is averaged over samples.

    Args:
        depth: couplings in a row.
        hidden: units of the layers of each coupling's network.
    """
    from tfvae import bijectors, priors

    couplings = bijectors.vector_flow(depth, hidden)
    is_vector = len(latent_shape) == 1
    return priors.Flow(
        latent_shape, couplings if is_vector else bijectors.Chain([bijectors.Flatten(), couplings]), name="prior"
    )
