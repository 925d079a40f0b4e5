"""Keras' `predict` for a model of raw examples: methods of `GuardedModel`.

Examples are checked on the way in, answers on the way out. Several threads may predict at the same time.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.finite import require_finite
from tfvae.models import abilities, given
from tfvae.parallel import multi_worker
from tfvae.training import doors
from tfvae.training.global_batch import never_empty

if TYPE_CHECKING:
    from tfvae.models.model import GuardedModel


def predict(model: GuardedModel, x: Any, batch_size: int | None = None, *args: Any, **kwargs: Any) -> Any:
    """Keras' `predict`: the mean of p(x|z) at the posterior mean z, for each example.

    Raises:
        FloatingPointError: the data have values that are not finite or, for images, no images, or an answer is not
            finite.
        ValueError: there are no examples, or some of another shape.
    """
    x = given.for_prediction(model, x)
    with doors.some_examples(batch_size):
        x = multi_worker.shared(model.distribute_strategy, x, batch_size)
        answers = keras.Model.predict(model, x, batch_size, *args, **kwargs)
    require_finite(f"The answers of `{model.name}`", answers)
    return answers


def predict_on_batch(model: GuardedModel, x: Any) -> Any:
    """Keras' `predict_on_batch`; several replicas share the batch. Raises as `predict` does."""
    answers = keras.Model.predict_on_batch(model, doors.among_replicas(x, model.distribute_strategy))
    require_finite(f"The answers of `{model.name}`", answers)
    return answers


def predict_step(model: GuardedModel, data: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the predictions for a batch, and `[1]`, how many of its examples are no input: `predict` refuses them.

    The two go together because several threads may predict at the same time: no variable is changed.
    """
    raw, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    raw = model.as_examples(raw)
    predicted = model.predicted(never_empty(raw))[: tf.shape(raw)[0]]
    return predicted, tf.cast(model.preprocess.problems(raw), predicted.dtype)[tf.newaxis]


def predicted(model: GuardedModel, raw: tf.Tensor) -> tf.Tensor:
    """Returns the answer of `predict`: that of calling the model, or its mean if it is a distribution."""
    if reason := abilities.missing(model, "predictions"):
        raise NotImplementedError(reason)
    answer = model(raw, training=False)
    return answer.mean() if isinstance(answer, tfp.distributions.Distribution) else answer


def reconstructed(model: GuardedModel, raw: tf.Tensor) -> tf.Tensor:
    """Returns `predicted`, such that no example's answer depends on its place in the batch."""
    return model.predicted(raw)


def make_predict_function(model: GuardedModel, force: bool = False) -> Any:
    """Keras' `make_predict_function`, whose function looks at each batch first."""
    make = functools.partial(keras.Model.make_predict_function, model)
    return doors.make_predict_function(model, make, model.require_shape, force)
