"""The discretised logistic distribution: probabilities of the grey levels 0 ... 255."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.softplus import softplus
from tfvae.families.location_scale import LocationScale
from tfvae.preprocessing import LEVELS


class LogisticLevels(tfp.distributions.AutoCompositeTensorDistribution):
    """A logistic variable rounded to the nearest of the levels 0 ... 255; the first and the last take the tails.

    With the edges a = (k - 1/2 - loc)/scale and b = (k + 1/2 - loc)/scale, P(k) = sigmoid(b) - sigmoid(a), where the
    first level has sigmoid(a) = 0 and the last sigmoid(b) = 1. Values that are no level have probability 0.

    Args:
        loc: location, in levels.
        scale: scale s of the logistic (its standard deviation is 1.81 s), in levels.
    """

    def __init__(self, loc: Any, scale: Any, name: str = "LogisticLevels"):
        parameters = dict(locals())
        self.loc, self.scale = tf.convert_to_tensor(loc), tf.convert_to_tensor(scale)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfp.distributions.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: Any = None) -> dict[str, Any]:
        return {"loc": tfp.util.ParameterProperties(), "scale": tfp.util.ParameterProperties()}

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([], tf.int32)

    def _log_prob(self, value: tf.Tensor) -> tf.Tensor:
        # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), exactly. As a sum of three logarithms
        # none of which is positive nothing cancels, and none underflows: far out it is linear in the distance.
        offset = value - self.loc
        below = -softplus((offset - 0.5) / self.scale)  # log sigmoid(-a)
        above = -softplus(-(offset + 0.5) / self.scale)  # log sigmoid(b)
        width = tf.math.log(-tf.math.expm1(-1.0 / self.scale))  # log(1 - exp(a - b))
        first, last = value <= 0, value >= LEVELS - 1
        inside = tf.where(first, above, tf.where(last, below, below + above + width))
        is_level = tf.equal(value, tf.clip_by_value(tf.round(value), 0, LEVELS - 1))
        return tf.where(is_level, inside, tf.constant(-float("inf"), inside.dtype))

    def _mean(self) -> tf.Tensor:
        # The sum over k of P(K > k).
        return _over_levels(lambda k: tf.sigmoid((self.loc - k - 0.5) / self.scale), LEVELS - 1, self._zeros())

    def _variance(self) -> tf.Tensor:
        mean = self._mean()
        return _over_levels(lambda k: tf.exp(self._log_prob(k)) * (k - mean) ** 2, LEVELS, self._zeros())

    def _quantile(self, value: tf.Tensor) -> tf.Tensor:
        logistic = self.loc + self.scale * (tf.math.log(value) - tf.math.log1p(-value))
        return tf.clip_by_value(tf.round(logistic), 0, LEVELS - 1)

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        shape = tf.concat([[n], self.batch_shape_tensor()], axis=0)
        tiny = np.finfo(self.dtype.as_numpy_dtype).tiny
        seed = tfp.random.sanitize_seed(seed)
        return self._quantile(tf.random.stateless_uniform(shape, seed, minval=tiny, dtype=self.dtype))

    def _zeros(self) -> tf.Tensor:
        return tf.zeros(self.batch_shape_tensor(), self.dtype)


def _over_levels(term: Callable[[Any], tf.Tensor], count: int, zeros: tf.Tensor) -> tf.Tensor:
    """The sum of term(k) over k = 0 ... count - 1, some at a time: images times 256 levels may not fit in memory."""
    total = zeros
    for levels in np.array_split(np.arange(count, dtype=zeros.dtype.as_numpy_dtype), 16):
        total += tf.reduce_sum(term(levels.reshape(-1, *[1] * zeros.shape.rank)), axis=0)
    return total


@keras.saving.register_keras_serializable("tfvae")
class DiscretizedLogistic(LocationScale):
    """Probabilities of the grey levels 0 ... 255: a logistic distribution, each level taking the interval around it.

    With b = (k + 1/2 - 255 location)/(255 scale) and a one level below, P(k) = sigmoid(b) - sigmoid(a); the first
    level takes all that lies below, the last all above, so they sum to one. `mean()` is the mean of these
    probabilities, exactly, in levels: it lies inside 0 ... 255 where 255 location need not.

    Args:
        event_shape: shape of one example.
        scale: where the logistic's scale (0.55 of its standard deviation) comes from: "pixel", "image", "shared" or a
            number > 0, as for `Normal`; like the location in units of the grey value k/255.
        min_scale: smallest value of a learned scale. The default is a tenth of a level, at which a level can have
            probability 0.987: a smaller scale gains next to nothing, and gradients grow as its inverse.

    x are whole levels, as `preprocessing.Levels` makes them; draws are, too, and carry no gradient.

    Source: Kingma et al. 2016, arXiv:1606.04934, and Salimans et al. 2017, arXiv:1701.05517 (in whose code the
    logarithm of the scale is learned, with a floor of 0.116 levels).
    """

    scores = "levels"
    base = "uniform"

    def __init__(self, event_shape: Sequence[int], scale: str | float = "pixel", min_scale: float = 0.1 / 255):
        super().__init__(event_shape, scale, min_scale)

    def distribution(self, location: tf.Tensor, raw_scale: tf.Tensor | None = None) -> tfp.distributions.Distribution:
        scale = self._scale(raw_scale, location.dtype)
        return self._reinterpreted(LogisticLevels((LEVELS - 1) * location, (LEVELS - 1) * scale))

    def parameters_at(self, mean: np.ndarray) -> dict[str, np.ndarray]:
        return {"location": mean / (LEVELS - 1)}  # but for what the ends cut off

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.distribution.quantile(base)
