"""A trained model as a SavedModel for TensorFlow Serving, which needs none of the packages that made it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae._support.checks import check_some, integer
from tfvae.models import GuardedModel
from tfvae.serving import card, warm_up
from tfvae.serving import litert as litert_models
from tfvae.serving.answers import Answers
from tfvae.serving.folder import MOST, add_version, check_target
from tfvae.serving.signatures import Signature, signatures, with_default

SAMPLE_SIZE = 50
_BATCH = 160  # reference images scored at a time


def export(
    model: GuardedModel,
    target: str | Path,
    reference: Any = None,
    sample_size: int = SAMPLE_SIZE,
    version: int | None = None,
    litert: bool = False,
    origin: dict[str, Any] | None = None,
) -> Path:
    """Writes a model as `target/VERSION`, a SavedModel with signatures in tensors, and its card.

    Inputs and outputs of a signature share their first axis, and no row's answer depends on another one. What the
    signatures are, and why others are missing, is in `card.json`; `Answers` is the same in Python.

    Args:
        model: trained.
        target: the folder of the model, whose name is the model's name in a server.
        reference: raw images `[N, *data]` that `anomaly_score` compares with, such as validation images; none if not
            given.
        sample_size: number S of samples of the bound that `log_likelihood` gives.
        version: its number, >= 1; the next free one if not given.
        litert: also write `encode` and `decode` for phones and browsers, `assets.extra/encode.tflite` and so on.
        origin: more for the card, such as the settings of the run.

    Returns:
        The folder of the version.

    Raises:
        TypeError: `model` is none of tfvae.
        ValueError: an argument is out of range, `reference` holds no images, the model has no answers, or LiteRT cannot
            run it.
        FloatingPointError: the model's weights, or its scores of the reference, are not finite.
        FileExistsError: there is such a version.
        OSError: the folder cannot be written.
    """
    target = Path(target)
    _check(model, sample_size, version)
    check_target(target)
    answers = Answers(model, sample_size, None if reference is None else _scores(model, sample_size, reference))
    found, missing = signatures(answers)
    if not found:
        raise ValueError(f"The model has no answers to export. {' '.join(dict.fromkeys(missing.values()))}")

    def fill(folder: Path) -> None:
        _save(model, found, folder)
        if litert:
            litert_models.write(folder, model)
        warmed_up = warm_up.write(folder, target.name, found, model.data_shape)
        card.write(folder, card.make(answers, target.name, found, missing, warmed_up) | (origin or {}))

    return add_version(target, fill, version)


def _check(model: Any, sample_size: Any, version: Any) -> None:
    if not isinstance(model, GuardedModel):
        raise TypeError(f"`model` must be a model of tfvae; received {type(model).__name__}.")
    integer("sample_size", sample_size, 1)
    if version is not None:
        integer("version", version, 1, MOST, "the most that a server can read, ")
    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            raise FloatingPointError(f"The model's weights are not finite ({weight.path}), so it was not exported.")


def _scores(model: GuardedModel, sample_size: int, reference: Any) -> np.ndarray | None:
    """What `anomaly_score` calls the score of each reference image, or None where the model has none."""
    reference = np.asarray(model.as_examples(reference))
    check_some("reference", reference, "image")
    model.preprocess.check(reference, "`reference`")
    score = tf.function(Answers(model, sample_size).score, autograph=False, reduce_retracing=True)
    try:
        parts = [score(reference[start : start + _BATCH]).numpy() for start in range(0, len(reference), _BATCH)]
    except NotImplementedError:
        return None
    scores = np.concatenate(parts)
    if not np.isfinite(scores).all():
        raise FloatingPointError(
            f"The model's score of {np.sum(~np.isfinite(scores))} of the {len(scores)} reference images is not finite, "
            "so it was not exported: its weights are too large."
        )
    return scores


def _save(model: GuardedModel, found: dict[str, Signature], folder: Path) -> None:
    module = tf.Module()
    # The variables and not the model: a Keras model brings traces of its own calls, whose distributions cannot be
    # loaded without TensorFlow Probability.
    module.weights = [weight.value for weight in model.weights]
    functions = {name: signature.function for name, signature in with_default(found).items()}
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except tf.errors.OpError as error:  # what TensorFlow makes of a full disk
        raise OSError(error.message) from error
