"""Several scales: after each, half of the channels are done, and the others go on at half the resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfvae._support.checks import check_list
from tfvae.bijectors.base import Bijector, require_image


@keras.saving.register_keras_serializable("tfvae")
class MultiScale(Bijector):
    """A bijector for each scale of an image. After all but the last one, half of the channels are part of z.

    z is a vector: what left after the first scale, then after the second one, and so on.

    Args:
        levels: at least one bijector, from images to images. The second half of the channels leaves.

    Raises:
        ValueError: a level gives no images of two channels or more, when it is built.

    Source: Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803.
    """

    def __init__(self, levels: Sequence[Bijector], name: str | None = None):
        super().__init__(name=name)
        self.levels = check_list("levels", levels, Bijector)

    @property
    def slow_inverse(self) -> bool:  # type: ignore[override]
        return any(each.slow_inverse for each in self.levels)

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        self._leaving: list[tuple[int, ...]] = []
        size, last = math.prod(event_shape), len(self.levels) - 1
        for index, level in enumerate(self.levels):
            require_image(self, event_shape)
            level.build((None, *event_shape))
            shape = tuple(level.latent_shape)
            if index < last:
                require_image(self, shape)
                *plane, channels = shape
                if channels < 2:
                    raise ValueError(f"A level must give two channels or more, of which half leave; it gives {shape}.")
                event_shape = (*plane, channels // 2)
                shape = (*plane, channels - channels // 2)
            self._leaving.append(shape)
        return (size,)

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        log_dets = []

        def through(level: Bijector, x: tf.Tensor) -> tf.Tensor:
            z, log_det = level.forward(x, context)
            log_dets.append(log_det)
            return z

        return self._vector(x, through), tf.add_n(log_dets)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        parts = tf.split(z, [math.prod(shape) for shape in self._leaving], axis=1)
        images = [tf.reshape(part, [-1, *shape]) for part, shape in zip(parts, self._leaving, strict=True)]
        x, log_dets = images.pop(), []
        for level in reversed(self.levels):
            if level is not self.levels[-1]:
                x = tf.concat([x, images.pop()], axis=-1)
            x, log_det = level.inverse(x, context)
            log_dets.append(log_det)
        return x, tf.add_n(log_dets)

    def start_at(self, x: tf.Tensor) -> tf.Tensor:
        return self._vector(x, lambda level, x: level.start_at(x))

    def _vector(self, x: tf.Tensor, through: Callable[[Bijector, tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """z, where `through` takes an image through a level."""
        done = []
        for level, leaving in zip(self.levels[:-1], self._leaving, strict=False):
            z = through(level, x)
            x, left = tf.split(z, [z.shape[-1] - leaving[-1], leaving[-1]], axis=-1)
            done.append(_flat(left))
        return tf.concat([*done, _flat(through(self.levels[-1], x))], axis=1)


def _flat(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, [-1, math.prod(x.shape[1:])])
