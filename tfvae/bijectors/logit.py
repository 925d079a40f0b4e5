"""From grey values in (0, 1) to all real numbers."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfvae._support.checks import number
from tfvae._support.softplus import softplus
from tfvae.bijectors.base import Bijector, sum_of_events


@keras.saving.register_keras_serializable("tfvae")
class Logit(Bijector):
    """The logit of grey values, which are first moved away from 0 and 1, where it is infinite.

        z = log p/(1 - p),  p = alpha + (1 - 2 alpha) x

    All z have an x, so a flow through it also has some mass at x in (-a, 0) and (1, 1 + a), a = alpha/(1 - 2 alpha):
    a trained one has little, and its draws may lie there. Beyond, where nothing can be drawn, the log-det is -inf.

    Args:
        alpha: between 0 and 1/2. The smaller it is, the further dark and bright pixels are drawn apart.

    Source: Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803, without the symmetry at 1;
    Papamakarios, Pavlakou and Murray 2017, arXiv:1705.07057, with it.
    """

    def __init__(self, alpha: float = 0.05, name: str | None = None):
        super().__init__(name=name)
        self.alpha = number("alpha", alpha, above=0, below=0.5)

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        p = self.alpha + (1 - 2 * self.alpha) * x
        outside = (p <= 0) | (p >= 1)
        p = tf.where(outside, tf.constant(0.5, p.dtype), p)
        z = tf.math.log(p) - tf.math.log1p(-p)
        return z, self._log_det(z) + sum_of_events(tf.where(outside, tf.constant(-math.inf, z.dtype), 0.0))

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        x = (tf.sigmoid(z) - self.alpha) / (1 - 2 * self.alpha)
        return x, -self._log_det(z)

    def _log_det(self, z: tf.Tensor) -> tf.Tensor:
        """Of the forward direction: sum of log (1 - 2 alpha) - log p - log (1 - p)."""
        return sum_of_events(softplus(z) + softplus(-z) + math.log(1 - 2 * self.alpha))
