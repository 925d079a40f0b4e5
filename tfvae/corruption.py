"""What a denoising autoencoder has to undo: noise on grey values in [0, 1], from addressed random numbers."""

from __future__ import annotations

import abc
import dataclasses

import keras
import tensorflow as tf

from tfvae._support.checks import number
from tfvae._support.configured import Configured
from tfvae.noise import Noise


@dataclasses.dataclass(frozen=True)
class Corruption(Configured, abc.ABC):
    """A random change of x; `[B, *data]` to `[B, *data]`."""

    @abc.abstractmethod
    def __call__(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """x, changed."""


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class GaussianNoise(Corruption):
    """Adds N(0, stddev^2) to every element.

    Args:
        stddev: > 0, in units of x.
    """

    stddev: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "stddev", number("stddev", self.stddev, above=0))

    def __call__(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        return x + self.stddev * tf.cast(noise.normal("corruption", tf.shape(x)[0], tuple(x.shape[1:])), x.dtype)


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class MaskingNoise(Corruption):
    """Sets each element to 0 with a probability.

    Args:
        share: that probability, in (0, 1).

    Source: Vincent, Larochelle, Bengio and Manzagol 2008, section 2.3, who set a fixed number of elements to 0.
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", number("share", self.share, above=0, below=1))

    def __call__(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        return tf.where(_uniform(x, noise) < self.share, tf.zeros_like(x), x)


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class SaltAndPepper(Corruption):
    """Sets each element to 0 or to 1, both equally likely, with a probability.

    Args:
        share: of elements that are set, in (0, 1).
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", number("share", self.share, above=0, below=1))

    def __call__(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        uniform = _uniform(x, noise)
        return tf.where(uniform < self.share, tf.cast(uniform < self.share / 2, x.dtype), x)


def _uniform(x: tf.Tensor, noise: Noise) -> tf.Tensor:
    return noise.uniform("corruption", tf.shape(x)[0], tuple(x.shape[1:]))
