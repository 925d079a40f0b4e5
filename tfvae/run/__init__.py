"""One training run from settings to a run folder: the main job behind `tfvae train`."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import keras

from tfvae import callbacks, datasets, training
from tfvae.interruption import Interruption
from tfvae.models import VAE
from tfvae.run import build
from tfvae.run.averages import Averages
from tfvae.run.checkpoints import Checkpoints
from tfvae.run.recorder import Recorder
from tfvae.run.report import BATCH, summary, test
from tfvae.settings import Settings

__all__ = ["CHECKPOINTS", "MODEL", "Checkpoints", "load_data", "summary", "train"]

CONFIG, MODEL, REPORT = "config.yaml", "model.keras", "report.json"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
_PICTURED = 30  # validation images in the reconstruction grids
_MAPPED = 5000  # in the latent map, and those that the rates are averages over


def train(
    settings: Settings,
    folder: Path,
    interruption: Interruption | None = None,
    resume: bool = False,
    verbose: int = 1,
) -> dict[str, Any]:
    """Trains a VAE, measures it once on the test images and fills a run folder.

    The folder gets config.yaml, history.csv, checkpoints/, samples/, reconstructions/, latent_map/, manifold/ and
    latent_rates/ with a picture an epoch, model.keras and report.json.

    Args:
        settings: what to train.
        folder: made here; must not hold anything yet, unless `resume`.
        interruption: entered by the caller, who is told of a stop by `Interrupted`.
        resume: go on from the newest checkpoint in the folder that is whole (from the start if there is none). The
            result is that of a run that was never interrupted, bit for bit. Where there are checkpoints and all are
            damaged, nothing is done: it would start over silently.
        verbose: as for `fit`.

    Returns:
        The report: the test figures by name, with their convention and the digest of the array they are about.

    Raises:
        FileExistsError: the folder exists and is not empty.
        ValueError: the settings do not fit the data, or all checkpoints are damaged.
        OSError: the folder cannot be written.
    """
    if not resume and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} exists already and is not an empty folder; choose another with --out, or go on with --resume."
        )
    data = load_data(settings)
    if settings.validation_size >= len(data.train):
        raise ValueError(
            f"`validation_size` must leave training images: below {len(data.train)}; "
            f"received {settings.validation_size}."
        )
    images, validation = data.split_validation(settings.validation_size, settings.seed)
    if settings.train_size is not None:
        images = images.take_first(settings.train_size)
    per_epoch = training.steps_per_epoch(len(images), settings.batch_size)
    checkpoints = Checkpoints(folder / CHECKPOINTS)
    model, state = _resumed(checkpoints) if resume else (None, None)
    if model is None:
        model = build.model(settings, images.image_shape, per_epoch)
    if not resume:
        _start(folder, settings)
    averages = Averages() if settings.averaging is not None else None
    recorder = Recorder(folder, checkpoints, per_epoch, interruption or Interruption(), settings.patience, state)
    pictures = _pictures(folder, settings, validation, data.class_names)
    if settings.tensorboard:
        pictures.append(callbacks.Curves(folder / TENSORBOARD / "epochs"))
    if averages:
        exchange = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: averages.exchange())
        pictures = [averages, exchange, *pictures, exchange]
    if not recorder.has_ended:
        model.fit(
            images.batches(settings.batch_size, settings.seed, start=model.steps),
            initial_epoch=recorder.epoch,
            epochs=settings.epochs,
            steps_per_epoch=per_epoch,
            validation_data=validation.in_order(BATCH),
            shuffle=False,
            callbacks=[*pictures, recorder],
            verbose=verbose,
        )
    if settings.patience is not None:
        model = _best(checkpoints, recorder)
    _save_whole(model, folder / MODEL)
    report = test(model, data)
    _write_whole(folder / REPORT, json.dumps(report, indent=2) + "\n")
    return report


def load_data(settings: Settings) -> datasets.Dataset:
    """The data that the settings name."""
    return datasets.load(settings.data, settings.image_size, settings.test_size, settings.seed)


def _start(folder: Path, settings: Settings) -> None:
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(folder / CONFIG, settings.as_yaml())
    except OSError as error:
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise OSError(f"The run folder {folder} cannot be written: {error.strerror}.") from error


def _resumed(checkpoints: Checkpoints) -> tuple[VAE | None, dict[str, Any] | None]:
    """The model and state of the newest checkpoint, or nothing where there is none."""
    newest, damaged = checkpoints.newest()
    if damaged and newest is None:
        names = ", ".join(each.path.name for each in damaged)
        raise ValueError(
            f"All checkpoints in {checkpoints.folder} are damaged: {names}; delete them to start this run anew."
        )
    for each in damaged:
        print(f"{each.path} is damaged and not used.")
    if newest is None:
        return None, None
    return newest.load()


def _best(checkpoints: Checkpoints, recorder: Recorder) -> VAE:
    """The model of the best epoch, with its averaged weights if it has some."""
    assert recorder.best is not None
    best = checkpoints.at(recorder.best["step"])
    if best is None:
        raise OSError(f"The checkpoint of the best epoch, step {recorder.best['step']}, is missing.")
    model, _ = best.load()
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return model


def _pictures(folder: Path, settings: Settings, validation: Any, class_names: tuple[str, ...]) -> list[Any]:
    log_dir = folder / TENSORBOARD if settings.tensorboard else None
    few, many = validation.first(_PICTURED), validation.first(_MAPPED)
    pictures = [
        callbacks.SampleGrid(folder / "samples", log_dir=log_dir),
        callbacks.ReconstructionGrid(folder / "reconstructions", few.images, log_dir=log_dir),
        callbacks.LatentRates(folder / "latent_rates", many.images, log_dir=log_dir),
    ]
    if settings.latent_size >= 2:
        names = class_names or None
        pictures += [
            callbacks.LatentMap(folder / "latent_map", many.images, many.labels, names, log_dir=log_dir),
            callbacks.Manifold(folder / "manifold", many.images, log_dir=log_dir),
        ]
    return pictures


def _save_whole(model: VAE, path: Path) -> None:
    unfinished = path.with_name(f".{path.name}")
    try:
        model.save(unfinished)
        os.replace(unfinished, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise OSError(f"The model could not be written to {path}: {error.strerror or error}.") from error


def _write_whole(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
