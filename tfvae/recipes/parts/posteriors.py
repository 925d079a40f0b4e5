"""Families of q(z|x)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfvae.recipes.options import Depth, Sizes


def normal(latent_shape: Sequence[int]) -> Any:
    """Diagonal normal."""
    from tfvae import families

    return families.Normal(latent_shape)


def flow(latent_shape: Sequence[int], depth: Depth = 4, hidden: Sizes = (128, 128)) -> Any:
    """Inverse autoregressive flows on top of a diagonal normal; the rate is averaged over samples.

    Args:
        depth: flows in a row.
        hidden: units of the layers of each flow's network.
    """
    from tfvae.flows import InverseAutoregressive

    return InverseAutoregressive(latent_shape, depth, hidden)
