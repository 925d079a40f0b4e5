"""Bijectors that only move elements: their log-det is 0."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfvae.bijectors.base import Bijector, require_image


@keras.saving.register_keras_serializable("tfvae")
class Squeeze(Bijector):
    """Each square of 2 x 2 pixels becomes one pixel of four times as many channels: `(H, W, C)` -> `(H/2, W/2, 4 C)`.

    Raises:
        ValueError: a side is odd, when it is built.

    Source: Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803.
    """

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        require_image(self, event_shape)
        height, width, channels = event_shape
        if height % 2 or width % 2:
            raise ValueError(
                f"`Squeeze` halves images whose height and width are even; received {height} x {width}. "
                "Use fewer levels, or resize the images."
            )
        return height // 2, width // 2, 4 * channels

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.nn.space_to_depth(x, 2), _zeros(x)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.nn.depth_to_space(z, 2), _zeros(z)


@keras.saving.register_keras_serializable("tfvae")
class Flatten(Bijector):
    """Examples of any shape become vectors, row by row."""

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (math.prod(event_shape),)

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reshape(x, [-1, *self.latent_shape]), _zeros(x)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reshape(z, [-1, *self.event_shape]), _zeros(z)


@keras.saving.register_keras_serializable("tfvae")
class Reverse(Bijector):
    """The last axis in reverse order: what came last in an autoregressive flow comes first in the next one."""

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reverse(x, axis=[-1]), _zeros(x)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reverse(z, axis=[-1]), _zeros(z)


def _zeros(x: tf.Tensor) -> tf.Tensor:
    return tf.zeros([tf.shape(x)[0]], x.dtype)
