"""Images of another size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.datasets.splits import Split

if TYPE_CHECKING:
    import tensorflow as tf

_AT_ONCE = 1000  # images; resized ones are float32 for a moment


def resize(images: Any, size: tuple[int, int]) -> tf.Tensor:
    """Images [..., H, W, C] of another size, in their own type: uint8, or floats in [0, 1].

    Linear interpolation with antialiasing (`tf.image.resize`), rounded to the nearest level for uint8. Height and width
    are scaled each for itself: nothing is cropped, and the proportions change where those of `size` differ.
    """
    import tensorflow as tf

    with tf.device("CPU"):  # everywhere, because a dataset should not depend on the device to the last bit
        resized = tf.image.resize(images, size, method="bilinear", antialias=True)
        if images.dtype == np.uint8:
            return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
        return tf.clip_by_value(resized, 0, 1)  # rounding can leave [0, 1]


def resize_split(split: Split, size: tuple[int, int] | None) -> Split:
    """The split with images of this size; the same split where it has it already or size is None."""
    if size is None or split.image_shape[:2] == size:
        return split
    resized = np.empty((len(split), *size, split.image_shape[2]), split.images.dtype)
    for start in range(0, len(split), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        resized[rows] = resize(split.images[rows], size)
    return replace(split, images=resized)
