"""What the families with a location and a scale share: where the scale comes from."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import tensorflow as tf

from tfvae._support.checks import is_in_float32, real
from tfvae._support.softplus import softplus
from tfvae.families.base import Family, Parameter


class LocationScale(Family, abc.ABC):
    """A family with a location for each element and a scale that may be shared.

    Args:
        event_shape: shape of one example.
        scale: "pixel", "image", "shared" or a number > 0, see `Normal`.
        min_scale: smallest value of a learned scale.

    A learned scale is `min_scale + softplus(raw_scale)`.
    """

    def __init__(self, event_shape: Sequence[int], scale: str | float, min_scale: float):
        super().__init__(event_shape)
        is_word = isinstance(scale, str) and scale in ("pixel", "image", "shared")
        if not is_word and not is_in_float32("scale", scale):
            raise ValueError(f'`scale` must be "pixel", "image", "shared" or a number > 0; received {scale!r}.')
        if not is_in_float32("min_scale", min_scale):
            raise ValueError(f"`min_scale` must be > 0; received {min_scale!r}.")
        self.scale, self.min_scale = scale if is_word else real(scale), real(min_scale)

    @property
    def parameters(self) -> dict[str, Parameter]:
        location = {"location": Parameter("element")}
        if self.scale == "pixel":
            return location | {"raw_scale": Parameter("element")}
        if self.scale == "image":
            return location | {"raw_scale": Parameter("example")}
        if self.scale == "shared":
            return location | {"raw_scale": Parameter("model")}
        return location

    def _scale(self, raw_scale: tf.Tensor | None, dtype: tf.DType) -> tf.Tensor:
        """The scale, with axes that broadcast to those of the location."""
        if raw_scale is None:
            return tf.constant(self.scale, dtype)
        scale = self.min_scale + softplus(raw_scale)
        if self.scale == "image":  # [..., 1] -> [..., 1, 1, 1]
            scale = tf.reshape(scale, tf.concat([tf.shape(scale)[:-1], [1] * len(self.event_shape)], axis=0))
        return scale
