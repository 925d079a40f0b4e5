"""An ELBO that is not finite in chosen steps."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

import tfvae

FOREVER = 10**6


@keras.saving.register_keras_serializable("tests")
@dataclasses.dataclass(frozen=True)
class Poisoned(tfvae.ELBO):
    """An ELBO that is not finite, in one `term`, in `bad` of every `period` steps from step `first` on."""

    term: str = "loss"
    first: int = 0
    bad: int = FOREVER
    period: int = FOREVER

    def __call__(self, trace, step=None):
        scores = super().__call__(trace, step)
        if step is None:
            return scores
        bad = (step >= self.first) & ((step - self.first) % self.period < self.bad)
        if self.term == "gradient":  # the slope of a square root at 0, while its value is 0
            return scores._replace(loss=scores.loss + tf.sqrt(tf.where(bad, 0 * scores.rate, 1.0)))
        if self.term == "infinite gradient":  # in one example, lest infinities of both signs meet in a NaN
            first = bad & (tf.range(tf.shape(scores.loss)[0]) == 0)
            zero = scores.distortion - tf.stop_gradient(scores.distortion)
            return scores._replace(loss=scores.loss + tf.sqrt(tf.where(first, zero, 1.0)))
        poison = tf.where(bad, np.nan, 0.0)
        return scores._replace(**{name: getattr(scores, name) + poison for name in {self.term, "loss"}})
