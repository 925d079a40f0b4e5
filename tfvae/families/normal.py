"""Normal distributions: of independent elements, and with a full covariance matrix."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import check_vector_shape, number
from tfvae._support.softplus import softplus
from tfvae.families.base import Family, Parameter
from tfvae.families.location_scale import LocationScale


@keras.saving.register_keras_serializable("tfvae")
class Normal(LocationScale):
    """`tfd.Independent(tfd.Normal(location, scale))`: the lecture's q(z|x) and p(x|z).

    Args:
        event_shape: shape of one example.
        scale: where the standard deviation comes from. "pixel": one for each element of each example, from the
            network (posteriors, and the vector sigma of the lecture's text); "image": one for each example, from the
            network (the lecture's formula sigma^2 I); "shared": one learned number for all; a number > 0: fixed.
        min_scale: smallest standard deviation of a learned scale, in units of x. The default is one grey level of
            images in [0, 1]. Without a floor the density of a constant pixel grows without limit.

    A learned scale is `min_scale + softplus(raw_scale)`.
    """

    scores = "density"

    def __init__(self, event_shape: Sequence[int], scale: str | float = "pixel", min_scale: float = 1 / 256):
        super().__init__(event_shape, scale, min_scale)

    def distribution(self, location: tf.Tensor, raw_scale: tf.Tensor | None = None) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.Normal(location, self._scale(raw_scale, location.dtype)))

    def parameters_at(self, mean: np.ndarray) -> dict[str, np.ndarray]:
        return {"location": mean}

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.mean() + distribution.stddev() * base


@keras.saving.register_keras_serializable("tfvae")
class FullNormal(Family):
    """`tfd.MultivariateNormalTriL`: a normal with a full covariance matrix, for vectors `(D,)`.

    The scale matrix L (covariance L L') is lower triangular; its diagonal is `min_scale + softplus(.)`.

    Args:
        event_shape: `(D,)`.
        min_scale: smallest entry on the diagonal of L.
    """

    scores = "density"

    def __init__(self, event_shape: Sequence[int], min_scale: float = 1 / 256):
        super().__init__(check_vector_shape(event_shape))
        self.min_scale = number("min_scale", min_scale, above=0)

    @property
    def parameters(self) -> dict[str, Parameter]:
        triangle = self.event_size * (self.event_size + 1) // 2
        return {"location": Parameter("element"), "raw_scale_tril": Parameter("example", triangle)}

    def distribution(self, location: tf.Tensor, raw_scale_tril: tf.Tensor) -> tfp.distributions.Distribution:
        matrix = tfp.math.fill_triangular(raw_scale_tril)
        diagonal = self.min_scale + softplus(tf.linalg.diag_part(matrix))
        return tfp.distributions.MultivariateNormalTriL(location, tf.linalg.set_diag(matrix, diagonal))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.mean() + distribution.scale.matvec(base)
