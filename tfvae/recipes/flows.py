"""Flows that are ready to train as densities of images, each equal to a composition that anyone can write."""

from __future__ import annotations

from collections.abc import Sequence

from tfvae import bijectors, preprocessing
from tfvae._support.checks import check_image_shape
from tfvae.flows import Flow
from tfvae.models import Density


def realnvp(
    image_shape: Sequence[int] = (28, 28, 1),
    levels: int = 2,
    depth: int = 4,
    filters: Sequence[int] = (32, 32),
    alpha: float = 0.05,
    seed: int = 0,
) -> Density:
    """RealNVP on the logits of dequantised images; see `bijectors.realnvp` and `flows.Flow`, and its `start_at`.

    Args:
        image_shape: `(H, W, C)`.
        levels: scales; H and W are halved `levels - 1` times.
        depth: couplings in a row.
        filters: channels of the layers of each coupling's network.
        alpha: of `bijectors.Logit`.
        seed: of the dequantisation in training.

    Raises:
        ValueError: an argument is out of range, or a side that is to be halved is odd.
    """
    bijector = bijectors.realnvp(levels, depth, filters)
    _check_halvings("RealNVP", image_shape, levels, levels - 1)
    return _flow(image_shape, bijector, alpha, seed)


def glow(
    image_shape: Sequence[int] = (28, 28, 1),
    levels: int = 2,
    depth: int = 8,
    filters: Sequence[int] = (64, 64),
    alpha: float = 0.05,
    seed: int = 0,
) -> Density:
    """Glow on the logits of dequantised images; see `bijectors.glow` and `flows.Flow`, and its `start_at`.

    Args:
        image_shape: `(H, W, C)`.
        levels: scales; H and W are halved `levels` times.
        depth: steps at each scale.
        filters: channels of the layers of each coupling's network.
        alpha: of `bijectors.Logit`.
        seed: of the dequantisation in training.

    Raises:
        ValueError: an argument is out of range, or a side that is to be halved is odd.
    """
    bijector = bijectors.glow(levels, depth, filters)
    _check_halvings("Glow", image_shape, levels, levels)
    return _flow(image_shape, bijector, alpha, seed)


def maf(
    image_shape: Sequence[int] = (28, 28, 1),
    depth: int = 5,
    hidden: Sequence[int] = (256,),
    alpha: float = 0.05,
    seed: int = 0,
) -> Density:
    """A masked autoregressive flow on the logits of dequantised images; see `bijectors.maf`. Slow to draw from.

    Args:
        image_shape: `(H, W, C)`.
        depth: flows, each of the pixels in the reverse order of the one before.
        hidden: units of the layers of each masked network.
        alpha: of `bijectors.Logit`.
        seed: of the dequantisation in training.

    Raises:
        ValueError: an argument is out of range.
    """
    return _flow(image_shape, bijectors.maf(depth, hidden), alpha, seed)


def _check_halvings(name: str, image_shape: Sequence[int], levels: int, times: int) -> None:
    """ValueError unless height and width can be halved so often."""
    image_shape = check_image_shape(image_shape)
    height, width, _ = image_shape
    if height % 2**times or width % 2**times:
        raise ValueError(
            f"{name} of {levels} levels halves height and width {times} times; {height} x {width} images would get odd "
            f"sides. Use fewer levels, or resize the images to multiples of {2**times}."
        )


def _flow(image_shape: Sequence[int], bijector: bijectors.Bijector, alpha: float, seed: int) -> Density:
    image_shape = check_image_shape(image_shape)
    flow = Flow(image_shape, bijectors.Chain([bijectors.Logit(alpha), bijector]))
    return Density(flow, preprocessing.Dequantize(), seed)
