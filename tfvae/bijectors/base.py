"""What a bijector is: an invertible map of examples that knows by how much it stretches volumes.

Forward goes from data to latents, x -> z, inverse from latents to data. Both give the logarithm of the absolute value
of the determinant of their own Jacobian in the same pass, since what makes z makes it, too. Bijectors are Keras layers,
so that a model tracks, trains and saves what is inside them.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfvae._support.configured import Configured
from tfvae._support.precision import at_least_float32


class Bijector(Configured, keras.layers.Layer, abc.ABC):
    """An invertible map, x -> z, of examples of one shape.

    A final class gives `make`, `forward` and `inverse`. It computes in float32, or in float64 where that is Keras'
    `floatx`; the networks inside may compute in half precision.

    Attributes:
        event_shape: shape of x, known once it is built.
        latent_shape: shape of z.
    """

    slow_inverse = False
    """Whether the inverse takes a pass for each element of an example."""

    def __init__(self, name: str | None = None):
        super().__init__(name=name, dtype=at_least_float32())

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the weights, for examples of shape `input_shape[1:]`. A second time it only compares the shapes.

        Raises:
            ValueError: such examples are not for this bijector, or it was built for others.
        """
        event_shape = tuple(int(size) for size in input_shape[1:] if size is not None)
        if not self.built:
            self.event_shape = event_shape
            self.latent_shape = self.make(event_shape)
        elif tuple(self.event_shape) != event_shape:
            raise ValueError(
                f"`{self.name}` was built for examples of shape {self.event_shape}; received {event_shape}."
            )

    @abc.abstractmethod
    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Makes what has weights, for examples of this shape; gives the shape of z, which has as many elements.

        Raises:
            ValueError: such examples are not for this bijector.
        """

    @abc.abstractmethod
    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """z of examples, and log |det dz/dx|.

        Args:
            x: `[N, *event_shape]`.
            context: `[N, C]`, what the map may depend on beside x; None where it has none.

        Returns:
            `[N, *latent_shape]` and `[N]`, in nats.
        """

    @abc.abstractmethod
    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """The x that `forward` takes to z, and log |det dx/dz|: `[N, *event_shape]` and `[N]`."""

    def start_at(self, x: tf.Tensor) -> tf.Tensor:
        """Sets what starts from the data by examples `[N, *event_shape]`, if anything does; gives their z."""
        return self.forward(x)[0]


def require_image(bijector: Bijector, event_shape: tuple[int, ...]) -> None:
    """ValueError unless examples have three axes."""
    if len(event_shape) != 3:
        raise ValueError(f"`{type(bijector).__name__}` is for images (H, W, C); the examples have shape {event_shape}.")


def sum_of_events(values: tf.Tensor) -> tf.Tensor:
    """`[N, *any]` -> `[N]`. On flat examples, because XLA on a CPU vectorises loops over the last axis."""
    size = math.prod(values.shape[1:])
    return tf.reduce_sum(tf.reshape(values, [-1, size]), axis=1)


def same_for_all(log_det: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """A scalar as `[N]`, for each of the examples `[N, ...]`."""
    return tf.fill([tf.shape(x)[0]], log_det)
