"""The standard normal prior."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.noise import Noise
from tfvae.priors.base import Prior


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
