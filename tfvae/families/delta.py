"""All mass in one point."""

from __future__ import annotations

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.families.base import Family, Parameter


@keras.saving.register_keras_serializable("tfvae")
class Delta(Family):
    """`tfd.Independent(tfd.Deterministic(location))`: all mass in one point, the code of an autoencoder.

    Its log probability is 0 at the point and -inf elsewhere, so it has no rate: use it with an objective that scores
    the distortion only.
    """

    scores = "point"

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"location": Parameter("element")}

    def distribution(self, location: tf.Tensor) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.Deterministic(location))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return tf.broadcast_to(distribution.mean(), tf.shape(base))
