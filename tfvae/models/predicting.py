"""Keras' `predict` for a model of raw examples: they are checked on the way in, and the answers on the way out."""

from __future__ import annotations

import abc
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.finite import require_finite
from tfvae.models import given
from tfvae.parallel import multi_worker
from tfvae.preprocessing import Preprocessing
from tfvae.training import doors
from tfvae.training.global_batch import never_empty


class PredictingModel(keras.Model):
    """A Keras model that predicts from raw examples; several threads may do so at the same time."""

    preprocess: Preprocessing

    @abc.abstractmethod
    def as_examples(self, raw: Any) -> tf.Tensor:
        """Returns the raw batch as `[B, *data_shape]`."""

    @abc.abstractmethod
    def require_shape(self, shape: tf.TensorShape) -> None:
        """ValueError if a batch of that shape, as far as it is known, holds no examples of this model."""

    def predict(self, x: Any, batch_size: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """Keras' `predict`: the mean of p(x|z) at the posterior mean z, for each example.

        Raises:
            FloatingPointError: the data have values that are not finite or, for images, no images, or an answer is not
                finite.
            ValueError: there are no examples, or some of another shape.
        """
        x = given.for_prediction(self, x)
        with doors.some_examples(batch_size):
            means = super().predict(
                multi_worker.shared(self.distribute_strategy, x, batch_size), batch_size, *args, **kwargs
            )
        require_finite(f"The answers of `{self.name}`", means)
        return means

    def predict_on_batch(self, x: Any) -> Any:
        """Keras' `predict_on_batch`; several replicas share the batch. Raises as `predict` does."""
        means = super().predict_on_batch(doors.among_replicas(x, self.distribute_strategy))
        require_finite(f"The answers of `{self.name}`", means)
        return means

    def predict_step(self, data: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """The predictions for a batch, and `[1]`, how many of its examples are no input: what `predict` refuses.

        The two go together because several threads may predict at the same time: no variable is changed.
        """
        raw, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        raw = self.as_examples(raw)
        predicted = self.predicted(never_empty(raw))[: tf.shape(raw)[0]]
        return predicted, tf.cast(self.preprocess.problems(raw), predicted.dtype)[tf.newaxis]

    def predicted(self, raw: tf.Tensor) -> tf.Tensor:
        """The answer of `predict`: that of calling the model, or its mean if it is a distribution."""
        if reason := self._missing("predictions"):
            raise NotImplementedError(reason)
        answer = self(raw, training=False)
        return answer.mean() if isinstance(answer, tfp.distributions.Distribution) else answer

    def reconstructed(self, raw: tf.Tensor) -> tf.Tensor:
        """`predicted`, where no example's answer depends on its place in the batch."""
        return self.predicted(raw)

    def make_predict_function(self, force: bool = False) -> Any:
        return doors.make_predict_function(self, super().make_predict_function, self.require_shape, force)
