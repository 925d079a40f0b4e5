"""The continuous Bernoulli distribution: a density on [0, 1] with one parameter."""

from __future__ import annotations

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.families.base import Family, Parameter


@keras.saving.register_keras_serializable("tfvae")
class ContinuousBernoulli(Family):
    """`tfd.Independent(tfd.ContinuousBernoulli(logits))`, for grey values in [0, 1]; a density everywhere else 0.

    p(x) = exp(s x) s / (exp(s) - 1) with s = `logits`: the Bernoulli's s^x made a density by its normaliser, which a
    cross entropy on grey values lacks. Its mean is 1/(1 - exp(-s)) - 1/s, not sigmoid(s).

    Draws are the quantile function of uniform noise, with gradients.

    Source: Loaiza-Ganem and Cunningham 2019, arXiv:1907.06845, section 3.
    """

    scores = "density"
    base = "uniform"

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"logits": Parameter("element")}

    def distribution(self, logits: tf.Tensor) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.ContinuousBernoulli(logits=logits, dtype=logits.dtype))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return _quantile(base, distribution.distribution.logits)


# TFP's own quantile function has gradients that are wrong by 1000 near s = 0 in float32, NaN at 0, and gives values
# above 1; its density, mean and variance are right there.
def _quantile(uniform: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """log(1 + u (exp(s) - 1)) / s for u in (0, 1), to rounding in [0, 1] for every s; u at s = 0."""
    # Below the limit the closed form loses more digits to cancellation than the series to its missing terms.
    small = tf.abs(logits) < (0.3 if logits.dtype == tf.float32 else 0.02)
    return tf.where(
        small,
        _quantile_near_zero(uniform, tf.where(small, logits, tf.zeros_like(logits))),
        _quantile_away_from_zero(uniform, tf.where(small, tf.ones_like(logits), logits)),
    )


def _quantile_away_from_zero(uniform: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """By Q(u; s) = 1 - Q(1 - u; -s) in terms of exp(-|s|), which cannot overflow."""
    size, positive = tf.abs(logits), logits > 0
    far = tf.where(positive, uniform, 1 - uniform)  # probability of lying further from the mode
    distance = -tf.math.log(far + (1 - far) * tf.exp(-size)) / size  # from the mode, which is 0 or 1
    distance = tf.clip_by_value(distance, 0, 1)  # rounding
    return tf.where(positive, 1 - distance, distance)


def _quantile_near_zero(uniform: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """K(s)/s where K is the cumulant generating function of a Bernoulli(u) variable, by its first six cumulants."""
    v, d = uniform * (1 - uniform), 1 - 2 * uniform
    third, fourth, fifth, sixth = v * d, v * (1 - 6 * v), v * d * (1 - 12 * v), v * (1 - 30 * v + 120 * v * v)
    terms = (v / 2, third / 6, fourth / 24, fifth / 120, sixth / 720)
    series = tf.zeros_like(uniform * logits)
    for term in reversed(terms):
        series = (series + term) * logits
    return uniform + series
