"""Affine couplings: one half of an example is shifted and scaled by what a network makes of the other half."""

from __future__ import annotations

import abc
import math

import keras
import numpy as np
import tensorflow as tf

from tfvae._support.checks import number
from tfvae.bijectors.base import Bijector, require_image, sum_of_events
from tfvae.networks.checks import built_body, require_body
from tfvae.networks.thin_convolution import ThinConv2D


def bounded(raw: tf.Tensor, bound: float = 3.0) -> tf.Tensor:
    """A log scale between -bound and bound, near 0 `raw` itself: no step of training makes a scale huge."""
    return bound * tf.tanh(raw / bound)


class Coupling(Bijector, abc.ABC):
    """What couplings share: z = x for the half that is kept, z = (x + shift) exp(log_scale) for the other one.

    `shift` and `log_scale` are made from the kept half by the network and a head, which starts at zeros: then z = x.

    Args:
        network: a body, from the kept half to features; of images best one that keeps height and width, whose head is a
            3x3 convolution; otherwise it is dense.
        flip: keep the other half.
        log_scale_bound: a log scale stays between minus this and this. A row of couplings amplifies what it never saw
            by the product of their scales, each fed by what the one before made of it: small for long rows.

    Raises:
        TypeError: the network is no Keras layer.
        ValueError: the bound is not positive.
    """

    def __init__(self, network: keras.Layer, flip: bool = False, log_scale_bound: float = 3.0, name: str | None = None):
        super().__init__(name=name)
        require_body("network", network)
        self.network, self.flip = network, bool(flip)
        self.log_scale_bound = float(number("log_scale_bound", log_scale_bound, above=0))

    def _make_network(self, seen: tuple[int, ...], moved: tuple[int, ...]) -> None:
        """For a network that sees `seen` and whose head makes shift and log scale of shape `moved`."""
        self._moved_shape = moved
        features = built_body("network", self.network, seen)
        self._spatial = len(moved) == 3 and features[:-1] == moved[:-1]
        zeros = {"kernel_initializer": "zeros", "dtype": self.dtype_policy, "name": "head"}
        if self._spatial:
            self._head = ThinConv2D(2 * moved[-1], 3, **zeros)
        else:
            self._head = keras.layers.Dense(2 * math.prod(moved), **zeros)
            features = (math.prod(features),)
        self._head.build((None, *features))

    def _shift_and_log_scale(self, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.cast(self.network(seen), self.compute_dtype)
        if self._spatial:
            shift, raw = tf.split(self._head(features), 2, axis=-1)
            return shift, bounded(raw, self.log_scale_bound)
        flat = tf.reshape(features, [-1, math.prod(features.shape[1:])])
        shift, raw = (tf.reshape(part, [-1, *self._moved_shape]) for part in tf.split(self._head(flat), 2, axis=-1))
        return shift, bounded(raw, self.log_scale_bound)


@keras.saving.register_keras_serializable("tfvae")
class HalvesCoupling(Coupling):
    """A coupling of the two halves of the last axis: of the channels of an image, of the elements of a vector.

    Of an odd number the second half has one more. For the arguments see `Coupling`; `flip` keeps the second half.

    Raises:
        ValueError: the last axis has one element, which leaves nothing to keep or to transform.

    Source: Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803.
    """

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        *positions, size = event_shape
        if size < 2:
            raise ValueError(
                "A coupling needs two elements along the last axis, one to keep and one to transform; "
                f"the examples have shape {event_shape}."
            )
        self._sizes = [size // 2, size - size // 2]
        kept, moved = reversed(self._sizes) if self.flip else self._sizes
        self._make_network((*positions, kept), (*positions, moved))
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        kept, moved = self._halves(x)
        shift, log_scale = self._shift_and_log_scale(kept)
        return self._whole(kept, (moved + shift) * tf.exp(log_scale)), sum_of_events(log_scale)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        kept, moved = self._halves(z)
        shift, log_scale = self._shift_and_log_scale(kept)
        return self._whole(kept, moved * tf.exp(-log_scale) - shift), -sum_of_events(log_scale)

    def _halves(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        first, second = tf.split(x, self._sizes, axis=-1)
        return (second, first) if self.flip else (first, second)

    def _whole(self, kept: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        return tf.concat([moved, kept] if self.flip else [kept, moved], axis=-1)


@keras.saving.register_keras_serializable("tfvae")
class CheckerboardCoupling(Coupling):
    """A coupling of the black and the white squares of a checkerboard, which is laid on images of any size.

    The network sees zeros in place of what is transformed. For the arguments see `Coupling`; `flip` keeps the squares
    that have pixel (0, 1), otherwise those that have pixel (0, 0) are kept.

    Raises:
        ValueError: the examples are no images, or of one pixel, which leaves nothing to transform.

    Source: Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803.
    """

    def make(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        require_image(self, event_shape)
        height, width, _ = event_shape
        if height * width < 2:
            raise ValueError(
                "A checkerboard needs two pixels, one to keep and one to transform; "
                f"the examples have shape {event_shape}."
            )
        squares = np.add.outer(np.arange(height), np.arange(width))[..., np.newaxis] % 2
        self._kept = squares if self.flip else 1 - squares
        self._make_network(event_shape, event_shape)
        return event_shape

    def forward(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        shift, log_scale = self._of_moved(x)
        return (x + shift) * tf.exp(log_scale), sum_of_events(log_scale)

    def inverse(self, z: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        shift, log_scale = self._of_moved(z)
        return z * tf.exp(-log_scale) - shift, -sum_of_events(log_scale)

    def _of_moved(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Shift and log scale, both 0 for what is kept."""
        kept = tf.constant(self._kept, x.dtype)
        shift, log_scale = self._shift_and_log_scale(x * kept)
        return shift * (1 - kept), log_scale * (1 - kept)
