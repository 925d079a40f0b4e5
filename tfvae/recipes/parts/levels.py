"""Distributions of the levels of a hierarchical VAE."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tfvae import families
from tfvae.conditional import ConditionalDistribution


def normals(
    name: str, bodies: Sequence[keras.Layer], shapes: Sequence[tuple[int, ...]]
) -> list[ConditionalDistribution]:
    """Diagonal normals of each level, the lowest first."""
    return [
        ConditionalDistribution(body, families.Normal(shape), name=f"{name}_{level}")
        for level, (body, shape) in enumerate(zip(bodies, shapes, strict=True), start=1)
    ]
