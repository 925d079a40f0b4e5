"""What the families with a location and a scale share: where the scale comes from."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import tensorflow as tf

from tfvae._support.checks import number
from tfvae._support.softplus import softplus
from tfvae._support.words import listed
from tfvae.families.base import Family, Parameter

_LEARNED = ("shared", "image", "pixel")


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
        is_learned = isinstance(scale, str) and scale in _LEARNED
        self.scale = scale if is_learned else number("scale", scale, above=0, otherwise=listed(_LEARNED))
        self.min_scale = number("min_scale", min_scale, above=0)

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
