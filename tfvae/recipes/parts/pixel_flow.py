"""Densities of images by flows on the logits of dequantised images."""

from __future__ import annotations

from collections.abc import Sequence

from tfvae import bijectors, preprocessing
from tfvae._support.checks import check_image_shape, integer
from tfvae.models import Density
from tfvae.priors import Flow


def pixel_flow(image_shape: Sequence[int], bijector: bijectors.Bijector, alpha: float, seed: int) -> Density:
    """The density of images whose logits the bijector takes to N(0, I)."""
    check_image_shape(image_shape)
    flow = Flow(image_shape, bijectors.Chain([bijectors.Logit(alpha), bijector]))
    return Density(flow, preprocessing.Dequantize(), seed)


def check_halvings(name: str, image_shape: Sequence[int], levels: int, unhalved: int = 0) -> None:
    """Refuses images whose height or width cannot be halved at each level, before there are so many.

    Args:
        name: model's, for the sentence.
        image_shape: `(H, W, C)`.
        levels: scales of the flow.
        unhalved: levels at the end that do not halve.

    Raises:
        ValueError: a side would get odd, or `levels` is not an integer from 1 on.
    """
    check_image_shape(image_shape)
    times = integer("levels", levels, 1) - unhalved
    height, width, _ = image_shape
    multiple = 2 ** min(times, max(height, width).bit_length())  # more would be larger than any image
    if height % multiple or width % multiple:
        resize = f", or resize the images to multiples of {multiple}" if multiple <= max(height, width) else ""
        raise ValueError(
            f"{name} of {levels} levels halves height and width {times} times; {height} x {width} images would get odd "
            f"sides. Use fewer levels{resize}."
        )
