"""The Laplace distribution of independent elements."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.families.location_scale import LocationScale


@keras.saving.register_keras_serializable("tfvae")
class Laplace(LocationScale):
    """`tfd.Independent(tfd.Laplace(location, scale))`, whose tails are heavier than those of a normal.

    Args:
        event_shape: shape of one example.
        scale: scale b, of which the standard deviation is the root of 2 times as large; see `Normal`.
        min_scale: smallest value of a learned scale.
    """

    scores = "density"
    base = "uniform"

    def __init__(self, event_shape: Sequence[int], scale: str | float = "pixel", min_scale: float = 1 / 256):
        super().__init__(event_shape, scale, min_scale)

    def distribution(self, location: tf.Tensor, raw_scale: tf.Tensor | None = None) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.Laplace(location, self._scale(raw_scale, location.dtype)))

    def parameters_at(self, mean: np.ndarray) -> dict[str, np.ndarray]:
        return {"location": mean}

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.distribution.quantile(base)
