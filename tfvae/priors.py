"""Priors p(z): Keras layers that make a distribution afresh at each call and own its parameters, if it has any."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.families import checked_event_shape
from tfvae.noise import Noise


class Prior(keras.layers.Layer, abc.ABC):
    """A distribution over the latents.

    Args:
        event_shape: shape of one latent, for example `(20,)`.
    """

    def __init__(self, event_shape: Sequence[int], name: str | None = None):
        super().__init__(name=name, dtype="float64" if keras.config.floatx() == "float64" else "float32")
        self.event_shape = checked_event_shape(event_shape)
        self.built = True  # a prior is never called, so Keras would never build it

    @abc.abstractmethod
    def distribution(self, encoder: keras.Model) -> tfp.distributions.Distribution:
        """p(z), batch shape `[]`. The model passes its encoder, for priors that are made of posteriors."""

    @abc.abstractmethod
    def draw(self, encoder: keras.Model, noise: Noise, rows: Any) -> tf.Tensor:
        """Draws from `distribution(encoder)` with given noise: `[rows, *event]`."""

    def get_config(self) -> dict[str, Any]:
        return {"event_shape": list(self.event_shape), "name": self.name}


@keras.saving.register_keras_serializable("tfvae")
class StandardNormal(Prior):
    """p(z) = N(0, I), as `tfd.Independent(tfd.Normal)`: TFP knows the KL divergence of a diagonal normal from it."""

    def distribution(self, encoder: keras.Model) -> tfp.distributions.Distribution:
        zeros = tf.zeros(self.event_shape, self.compute_dtype)
        return tfp.distributions.Independent(
            tfp.distributions.Normal(zeros, tf.ones_like(zeros)), reinterpreted_batch_ndims=len(self.event_shape)
        )

    def draw(self, encoder: keras.Model, noise: Noise, rows: Any) -> tf.Tensor:
        return tf.cast(noise.normal("prior", rows, self.event_shape), self.compute_dtype)
