"""The masked autoregressive flow: each element is shifted and scaled by what comes before it."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfvae._support.checks import check_sizes, integer
from tfvae.bijectors.base import Bijector, sum_of_events
from tfvae.bijectors.coupling import bounded


@keras.saving.register_keras_serializable("tfvae")
class MaskedAutoregressive(Bijector):
    """Element i of a vector is shifted and scaled by what a masked network makes of the elements before it.

        z_i = (x_i + shift_i(x_1 ... x_(i-1))) exp(log_scale_i(x_1 ... x_(i-1)))

    Forward takes one pass of the network, inverse as many as there are elements, one after the other. Its last layer
    starts at zeros: then z = x.

    Args:
        hidden: units of each hidden layer, at least one layer.
        context_size: C, of a context that all elements may depend on; 0 for none.
        activation: between the layers, Keras' name.

    Raises:
        ValueError: a size is out of range; or the examples are no vectors, or of one element without a context, which
            leaves nothing to depend on.

    Source: Papamakarios, Pavlakou and Murray 2017, arXiv:1705.07057; the masks: Germain, Gregor, Murray and Larochelle
    2015, arXiv:1502.03509.
    """

    slow_inverse = True

    def __init__(
        self, hidden: Sequence[int] = (128,), context_size: int = 0, activation: str = "relu", name: str | None = None
    ):
        super().__init__(name=name)
        self.hidden = list(check_sizes("hidden", hidden, at_least_one=True))
        self.context_size, self.activation = integer("context_size", context_size, 0), activation

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(event_shape) != 1:
            raise ValueError(f"`MaskedAutoregressive` is for vectors (D,); the examples have shape {event_shape}.")
        size, has_context = event_shape[0], self.context_size > 0
        if size < 2 and not has_context:
            raise ValueError("An autoregressive flow needs two elements or a context; the examples have one element.")
        # A unit of degree d sees the elements 1 ... d and all of the context; element i is made of degrees below i.
        degrees = np.concatenate([1 + np.arange(size), np.zeros(self.context_size, int)])
        self._masks: list[np.ndarray] = []
        self._kernels: list[keras.Variable] = []
        self._biases: list[keras.Variable] = []
        for units in self.hidden:
            higher = _spread(0 if has_context else 1, size - 1, units)
            self._add_layer(degrees[:, np.newaxis] <= higher)
            degrees = higher
        self._add_layer(degrees[:, np.newaxis] < np.tile(1 + np.arange(size), 2), initializer="zeros")
        self._activation = keras.activations.get(self.activation)
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        shift, log_scale = self._shift_and_log_scale(x, context, self._matrices())
        return (x + shift) * tf.exp(log_scale), sum_of_events(log_scale)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        matrices = self._matrices()

        def once_more(x: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            shift, log_scale = self._shift_and_log_scale(x, context, matrices)
            return tf.ensure_shape(z * tf.exp(-log_scale) - shift, z.shape), tf.ensure_shape(log_scale, z.shape)

        # After i rounds the first i elements are right, whatever the others are.
        start = tf.zeros_like(z), tf.zeros_like(z)
        x, log_scale = tf.while_loop(lambda *_: True, once_more, start, maximum_iterations=self.event_shape[0])
        return x, -sum_of_events(log_scale)

    def _add_layer(self, mask: np.ndarray, initializer: str = "glorot_uniform") -> None:
        self._masks.append(mask)
        self._kernels.append(
            self.add_weight(shape=mask.shape, initializer=initializer, name=f"kernel_{len(self._masks)}")
        )
        self._biases.append(self.add_weight(shape=mask.shape[1:], initializer="zeros", name=f"bias_{len(self._masks)}"))

    def _matrices(self) -> list[tf.Tensor]:
        return [
            kernel.value * tf.constant(mask, kernel.dtype)
            for kernel, mask in zip(self._kernels, self._masks, strict=True)
        ]

    def _shift_and_log_scale(
        self, x: tf.Tensor, context: tf.Tensor | None, matrices: list[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        features = x if context is None else tf.concat([x, context], axis=1)
        *hidden, last = [bias.value for bias in self._biases]
        for matrix, bias in zip(matrices, hidden, strict=False):
            features = self._activation(tf.matmul(features, matrix) + bias)
        shift, raw = tf.split(tf.matmul(features, matrices[-1]) + last, 2, axis=1)
        return shift, bounded(raw)


def _spread(least: int, most: int, units: int) -> np.ndarray:
    """Degrees for so many units, all alike often, in order."""
    least = min(least, most)
    return least + np.arange(units) * (most - least + 1) // units
