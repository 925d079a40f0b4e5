"""The categorical distribution: a probability of its own for every level."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import integer
from tfvae._support.private import SoftmaxOfAnyRank
from tfvae.families.base import Family, Parameter
from tfvae.preprocessing import LEVELS


class CategoricalLevels(SoftmaxOfAnyRank, tfp.distributions.Categorical):
    """`tfd.Categorical` of the numbers 0, 1, ..., which have a mean and a variance."""

    def _mean(self) -> tf.Tensor:
        probabilities = self.probs_parameter()
        return tf.linalg.matvec(probabilities, _numbers(probabilities))

    def _variance(self) -> tf.Tensor:
        probabilities = self.probs_parameter()
        deviations = _numbers(probabilities) - self._mean()[..., tf.newaxis]
        return tf.reduce_sum(probabilities * deviations**2, axis=-1)


def _numbers(probabilities: tf.Tensor) -> tf.Tensor:
    return tf.range(tf.shape(probabilities)[-1], dtype=probabilities.dtype)


@keras.saving.register_keras_serializable("tfvae")
class Categorical(Family):
    """Independent categorical distributions: for each element a softmax over its levels 0 ... `levels` - 1.

    The most general distribution of single elements, and the one with the most parameters: `levels` for each. With a
    dense head that is most of a network (784 pixels, 500 features: 100 million weights), with the 1x1 convolutions of
    a spatial head it is `levels` for each feature. It knows nothing of neighbouring levels being alike.

    Args:
        event_shape: shape of one example.
        levels: number of levels, at least 2; 256 for `preprocessing.Levels` of images.

    x are whole levels as floats; draws are, too, and carry no gradient. `mean()` is the sum over k of k P(k).
    """

    scores = "levels"
    base = "uniform"

    def __init__(self, event_shape: Sequence[int], levels: int = LEVELS):
        super().__init__(event_shape)
        self.levels = integer("levels", levels, 2)

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"logits": Parameter("element", self.levels)}

    def distribution(self, logits: tf.Tensor) -> tfp.distributions.Distribution:
        # Values that are no level would otherwise be errors on a CPU and anything on a GPU.
        return self._reinterpreted(
            CategoricalLevels(logits, dtype=logits.dtype, force_probs_to_zero_outside_support=True)
        )

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        # The inverse distribution function: how many of the levels' upper edges lie below. The last one (1, but for
        # rounding) is left out, so that no draw is above the last level.
        edges = tf.cumsum(distribution.distribution.probs_parameter(), axis=-1)[..., :-1]
        return tf.reduce_sum(tf.cast(edges < base[..., tf.newaxis], base.dtype), axis=-1)
