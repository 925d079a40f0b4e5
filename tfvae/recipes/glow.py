"""The recipe of Glow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt, Lt

from tfvae.recipes.options import Depth, Sizes

if TYPE_CHECKING:
    from tfvae.models import Density


def glow(
    image_shape: Sequence[int] = (28, 28, 1),
    levels: Depth = 2,
    depth: Depth = 8,
    filters: Sizes = (64, 64),
    alpha: Annotated[float, Gt(0), Lt(0.5)] = 0.05,
    seed: int = 0,
) -> Density:
    """Glow, a flow on the pixels of dequantised images.

    Args:
        image_shape: `(H, W, C)`.
        levels: scales; height and width are halved `levels` times.
        depth: steps at each scale.
        filters: channels of the layers of each coupling's network.
        alpha: distance by which grey values are moved away from 0 and 1 before their logit is taken.
        seed: seed of the dequantisation in training.

    Raises:
        ValueError: an argument is out of range, or a side that is to be halved is odd.
    """
    from tfvae import bijectors
    from tfvae.recipes.parts.pixel_flow import check_halvings, pixel_flow

    check_halvings("Glow", image_shape, levels)
    return pixel_flow(image_shape, bijectors.glow(levels, depth, filters), alpha, seed)
