"""The recipe of a masked autoregressive flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt, Lt

from tfvae.recipes.options import Depth, Sizes

if TYPE_CHECKING:
    from tfvae.models import Density


def maf(
    image_shape: Sequence[int] = (28, 28, 1),
    depth: Depth = 5,
    hidden: Sizes = (256,),
    alpha: Annotated[float, Gt(0), Lt(0.5)] = 0.05,
    seed: int = 0,
) -> Density:
    """Masked autoregressive flow on pixels; draws slowly.

    The pixels are those of dequantised images.

    Args:
        image_shape: `(H, W, C)`.
        depth: flows, each of the pixels in the reverse order of the one before.
        hidden: units of the layers of each masked network.
        alpha: distance by which grey values are moved away from 0 and 1 before their logit is taken.
        seed: seed of the dequantisation in training.

    Raises:
        ValueError: an argument is out of range.
    """
    from tfvae import bijectors
    from tfvae.recipes.parts.pixel_flow import pixel_flow

    return pixel_flow(image_shape, bijectors.maf(depth, hidden), alpha, seed)
