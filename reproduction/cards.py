"""Weights that are published with a card: what they are, and what they must give again."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfvae._support.files import read_json, write_json, written_whole
from tfvae._support.inputs import understood
from tfvae.app.run import Run
from tfvae.evaluation import fix
from tfvae.models import GuardedModel
from tfvae.models.saving import load

MODEL, CARD = "model.keras", "card.json"
_EXAMPLES = 500
_SAMPLES = 100


def publish(run: Path, folder: Path) -> dict[str, Any]:
    """Writes the weights of an evaluated run, without its optimiser, and a card beside them.

    A model of the same weights that is there stays as it is: saved again, its file would have other bytes.

    Args:
        run: a run folder.
        folder: made if missing; gets model.keras and card.json.

    Returns:
        The card: the settings, the figures of the run's evaluation and log p(x) or L_S, S = 100, of each of the first
        500 test images, rounded to 1e-4 nats.

    Raises:
        FileNotFoundError: the run is not there or was not evaluated.
        OSError: the folder cannot be written.
    """
    found = Run(run)
    settings, report, trained = found.settings, found.evaluation.report.as_json(), found.model
    model = _uncompiled(trained)
    for part, others in zip(model.parts, trained.parts, strict=True):
        part.set_weights(others.get_weights())
    images = found.data.test.first(_EXAMPLES).images
    x = fix(images, model.preprocess)
    card: dict[str, Any] = {
        # Where the run's first weights and the data lay is of no use on another machine.
        "settings": settings.plain(without=("weights", "data_dir")),
        **{name: report[name] for name in ("data", "likelihood", "reliability", "versions") if name in report},
        "examples": {
            "data": settings.data,
            "number": len(x.x),
            "digest": x.digest,
            "sample_size": _SAMPLES,
            "bound": np.round(model.log_likelihood(images, _SAMPLES), 4).tolist(),
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    if not _holds(folder / MODEL, model):
        with written_whole(folder / MODEL) as unfinished:
            model.save(unfinished)
            _compress(unfinished)
    write_json(folder / CARD, card)
    return card


def _uncompiled(model: GuardedModel) -> GuardedModel:
    """A model of the same configuration, with weights of its own and without an optimiser."""
    config: dict[str, Any] = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return keras.saving.deserialize_keras_object(config)


def _compress(file: Path) -> None:
    """Compresses what is in a `.keras` file, which Keras only puts together."""
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in content.items():
            archive.writestr(name, each)


def _holds(file: Path, model: GuardedModel) -> bool:
    """Whether a file has this model's configuration and weights."""
    if not file.exists():
        return False
    held = load(file)
    pairs = zip(held.get_weights(), model.get_weights(), strict=True)
    return held.get_config() == model.get_config() and all(np.array_equal(one, other) for one, other in pairs)


def differences(folder: Path, images: np.ndarray) -> np.ndarray:
    """How far log p(x) or L_S of each of the card's images is from what the card says, in nats.

    Args:
        folder: with model.keras and card.json.
        images: the card's raw images, the first test images of its data.

    Raises:
        ValueError: x of these images is not what the card is about.
    """
    with understood(folder / CARD, "take it from where it was published again"):
        about = (read_json(folder / CARD) or {})["examples"]
        digest, sample_size, bound = about["digest"], about["sample_size"], np.array(about["bound"], float)
    model = load(folder / MODEL)
    x = fix(images, model.preprocess)
    if x.digest != digest:
        raise ValueError(f"The card is about the array {digest}; these images make {x.digest}.")
    return model.log_likelihood(images, sample_size) - bound
