"""One bijector after the other, and one the other way round."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfvae._support.checks import check_kind, check_list
from tfvae.bijectors.base import Bijector


@keras.saving.register_keras_serializable("tfvae")
class Chain(Bijector):
    """Bijectors one after the other: forward through the first one first.

    Args:
        bijectors: at least one.
    """

    def __init__(self, bijectors: Sequence[Bijector], name: str | None = None):
        super().__init__(name=name)
        self.bijectors = check_list("bijectors", bijectors, Bijector)

    @property
    def slow_inverse(self) -> bool:  # type: ignore[override]
        return any(each.slow_inverse for each in self.bijectors)

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        for each in self.bijectors:
            each.build((None, *event_shape))
            event_shape = tuple(each.latent_shape)
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        log_dets = []
        for each in self.bijectors:
            x, log_det = each.forward(x, context)
            log_dets.append(log_det)
        return x, tf.add_n(log_dets)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        log_dets = []
        for each in reversed(self.bijectors):
            z, log_det = each.inverse(z, context)
            log_dets.append(log_det)
        return z, tf.add_n(log_dets)

    def start_at(self, x: tf.Tensor) -> tf.Tensor:
        for each in self.bijectors:
            x = each.start_at(x)
        return x


@keras.saving.register_keras_serializable("tfvae")
class Invert(Bijector):
    """A bijector the other way round: its inverse is the forward direction. For one whose z has the shape of x.

    An inverse autoregressive flow is a masked autoregressive one inverted: quick to draw from, slow to score what it
    did not draw.

    Args:
        bijector: any that keeps the shape.
    """

    def __init__(self, bijector: Bijector, name: str | None = None):
        super().__init__(name=name)
        check_kind("bijector", bijector, Bijector)
        self.bijector = bijector

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        self.bijector.build((None, *event_shape))
        if tuple(self.bijector.latent_shape) != event_shape:
            raise ValueError(
                f"`Invert` is for bijectors that keep the shape; {event_shape} becomes {self.bijector.latent_shape}."
            )
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return self.bijector.inverse(x, context)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        return self.bijector.forward(z, context)
