"""`encode` and `decode` as LiteRT models, for phones and browsers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from tfvae.models import GuardedModel
from tfvae.serving.answers import Answers
from tfvae.serving.blocks import Tensors


def write(folder: Path, model: GuardedModel) -> None:
    """Writes `assets.extra/NAME.tflite` into the folder of a version, where TensorFlow Serving leaves it alone.

    Raises:
        ValueError: as for `convert`.
    """
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    for name, content in convert(model).items():
        (extra / f"{name}.tflite").write_bytes(content)


def convert(model: GuardedModel) -> dict[str, bytes]:
    """LiteRT models of one row, by name: those of "encode" and "decode" that the model has.

    encode takes `image`, float32 `[1, *data]` in [0, 1]; decode takes `z`, float32 `[1, *latent]`. Outputs are those of
    `Answers`. Nothing is quantised; LiteRT multiplies in another order than TensorFlow, so that they differ in their
    last digits. A model in half precision keeps what its networks compute in.

    Raises:
        ValueError: the converter finds an operation that LiteRT has not, or there is nothing to convert.
    """
    answers, found = Answers(model, sample_size=1), {}
    if "representation" not in model.lacks:
        found["encode"] = _converted(model, answers.encode, "image", model.data_shape)
    if model.latent_shape is not None:
        found["decode"] = _converted(model, answers.decode, "z", model.latent_shape)
    if not found:
        raise ValueError(f"A `{type(model).__name__}` has neither encode nor decode, which are what LiteRT gets.")
    return found


def _converted(model: GuardedModel, answer: Callable[..., Tensors], name: str, shape: tuple[int, ...]) -> bytes:
    function = tf.function(lambda **given: answer(given[name]), autograph=False)
    concrete = function.get_concrete_function(**{name: tf.TensorSpec([1, *shape], tf.float32, name=name)})
    owner = tf.Module()  # not the model, as for a SavedModel
    owner.weights = [weight.value for weight in model.weights]
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        return tf.lite.TFLiteConverter.from_concrete_functions([concrete], owner).convert()
    except Exception as error:  # the converter's own class is not public
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"LiteRT cannot run this model: {reason}") from error
