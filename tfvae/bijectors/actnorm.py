"""A learned shift and scale of each channel, which start from the data."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf

from tfvae.bijectors.base import Bijector, same_for_all

# Least standard deviation, in units of x, that is scaled to 1. What varies less, such as a dark border, may vary more
# in other examples, whose z would then be huge.
_LEAST = 0.1


@keras.saving.register_keras_serializable("tfvae")
class ActNorm(Bijector):
    """A shift and a scale of each element of the last axis: of each channel of an image, of each element of a vector.

        z = (x - shift) exp(log_scale)

    It starts as the identity, and after `start_at` so that z of those examples has mean 0 and variance 1; but what has
    a standard deviation below 0.1 in them, or none, keeps its scale. Nothing depends on the batch, so replicas differ
    in nothing.

    Source: Kingma and Dhariwal 2018, arXiv:1807.03039.
    """

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        self._shift = self.add_weight(shape=event_shape[-1:], initializer="zeros", name="shift")
        self._log_scale = self.add_weight(shape=event_shape[-1:], initializer="zeros", name="log_scale")
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return (x - self._shift.value) * tf.exp(self._log_scale.value), same_for_all(self._log_det(), x)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return z * tf.exp(-self._log_scale.value) + self._shift.value, same_for_all(-self._log_det(), z)

    def start_at(self, x: tf.Tensor) -> tf.Tensor:
        rows = np.float64(x).reshape(-1, self.event_shape[-1])
        deviation = rows.std(axis=0)
        self._shift.assign(rows.mean(axis=0))
        self._log_scale.assign(-np.log(np.where(deviation < _LEAST, 1.0, deviation)))
        return self.forward(x)[0]

    def _log_det(self) -> tf.Tensor:
        positions = math.prod(self.event_shape[:-1])
        return positions * tf.reduce_sum(self._log_scale.value)
