"""The invertible 1x1 convolution: a square matrix along the last axis."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from scipy import linalg

from tfvae.bijectors.base import Bijector, same_for_all


@keras.saving.register_keras_serializable("tfvae")
class InvertibleLinear(Bijector):
    """A square matrix along the last axis: an invertible 1x1 convolution of images, a linear map of vectors.

        z = W x,  W = P L (U + diag(s)),  log |det| = H W sum log |s|

    with a fixed permutation P, and L and U lower and upper triangular, of diagonal 1 and 0. W starts as a random
    rotation; the signs of s stay what they are then.

    Source: Kingma and Dhariwal 2018, arXiv:1807.03039.
    """

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        size = event_shape[-1]
        rotation = np.float64(keras.initializers.Orthogonal()((size, size)))
        permutation, lower, upper = linalg.lu(rotation)
        diagonal = np.diag(upper)
        self._permutation = self._weight("permutation", permutation, trainable=False)
        self._signs = self._weight("signs", np.sign(diagonal), trainable=False)
        self._lower = self._weight("lower", np.tril(lower, -1))
        self._upper = self._weight("upper", np.triu(upper, 1))
        self._log_sizes = self._weight("log_sizes", np.log(np.abs(diagonal)))
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        lower, upper = self._triangles()
        matrix = tf.matmul(self._permutation.value, tf.matmul(lower, upper))
        return self._times(x, matrix), same_for_all(self._log_det(), x)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        lower, upper = self._triangles()
        half = tf.linalg.triangular_solve(lower, tf.transpose(self._permutation.value))
        matrix = tf.linalg.triangular_solve(upper, half, lower=False)
        return self._times(z, matrix), same_for_all(-self._log_det(), z)

    def _weight(self, name: str, value: np.ndarray, trainable: bool = True) -> keras.Variable:
        return self.add_weight(
            shape=value.shape, initializer=lambda shape, dtype: tf.cast(value, dtype), trainable=trainable, name=name
        )

    def _triangles(self) -> tuple[tf.Tensor, tf.Tensor]:
        """L and U + diag(s). What training does to the rest of the squares is left out."""
        size = self.event_shape[-1]
        below = tf.constant(np.tri(size, k=-1), self.compute_dtype)
        lower = self._lower.value * below + tf.eye(size, dtype=self.compute_dtype)
        diagonal = self._signs.value * tf.exp(self._log_sizes.value)
        return lower, self._upper.value * tf.transpose(below) + tf.linalg.diag(diagonal)

    def _times(self, x: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(x, [-1, self.event_shape[-1]])
        return tf.reshape(tf.matmul(flat, matrix, transpose_b=True), tf.shape(x))

    def _log_det(self) -> tf.Tensor:
        return math.prod(self.event_shape[:-1]) * tf.reduce_sum(self._log_sizes.value)
