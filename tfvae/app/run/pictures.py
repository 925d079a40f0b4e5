"""What a run draws at the end of every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tfvae import callbacks
from tfvae._support.folders import below
from tfvae.app.run.averages import Averages
from tfvae.app.settings import Settings
from tfvae.models import GuardedModel

_RECONSTRUCTED = 30  # validation images
_INTERPOLATED = 6  # pairs of them
_MAPPED = 5000  # in the latent map, and those that the rates are averages over


def pictures(
    folder: Path, model: GuardedModel, settings: Settings, validation: Any, class_names: tuple[str, ...]
) -> list[callbacks.EpochPicture]:
    """The callbacks that draw what the model can do.

    Args:
        folder: the run's.
        model: the run's.
        settings: the run's.
        validation: the split of validation images, of which the first ones are drawn.
        class_names: what their labels mean; empty if they have none.
    """
    log_dir = _log_dir(folder, settings)
    many = validation.first(_MAPPED)
    few = many.first(_RECONSTRUCTED)
    lacks, names = model.lacks, class_names or None
    drawing: list[callbacks.EpochPicture] = []
    if "samples" not in lacks:
        drawing.append(callbacks.SampleGrid(below(folder, "samples"), log_dir=log_dir))
    if model.interpolates and model.draws_quickly:
        ends = few.images[: _INTERPOLATED * 2]
        drawing.append(callbacks.InterpolationGrid(below(folder, "interpolations"), ends, log_dir=log_dir))
    if "reconstructions" not in lacks:
        drawing.append(callbacks.ReconstructionGrid(below(folder, "reconstructions"), few.images, log_dir=log_dir))
    if "latents" not in lacks:
        drawing.append(callbacks.LatentRates(below(folder, "latent_rates"), many.images, log_dir=log_dir))
    if "representation" not in lacks and model.codes(model.representative(few.images[:1])).shape[1] >= 2:
        drawing.append(
            callbacks.LatentMap(below(folder, "latent_map"), many.images, many.labels, names, log_dir=log_dir)
        )
    if model.levels > 1:
        drawing.append(callbacks.LevelSamples(below(folder, "level_samples"), log_dir=log_dir))
        drawing.append(callbacks.Traversals(below(folder, "traversals"), many.images, log_dir=log_dir))
    elif "latents" not in lacks and (model.latent_shape or (0,))[-1] >= 2:
        drawing.append(callbacks.Manifold(below(folder, "manifold"), many.images, log_dir=log_dir))
    return drawing


def curves(folder: Path, settings: Settings) -> list[keras.callbacks.Callback]:
    """The callback that writes each epoch's figures for TensorBoard, if that is wanted."""
    log_dir = _log_dir(folder, settings)
    return [] if log_dir is None else [callbacks.Curves(below(log_dir, "epochs"))]


def draw_missing(
    drawing: Sequence[callbacks.EpochPicture],
    drawn: Sequence[keras.callbacks.Callback],
    model: GuardedModel,
    epoch: int,
) -> None:
    """Draws the pictures of an epoch if one is missing: the process ended between the checkpoint and the pictures.

    Args:
        drawing: the callbacks that draw.
        drawn: the same, `with_averages`.
        model: of the checkpoint.
        epoch: counted from 1.
    """
    paths = [picture.path(epoch) for picture in drawing]
    if all(path is None or path.exists() for path in paths):
        return
    together = keras.callbacks.CallbackList(drawn, model=model)
    together.on_train_begin()
    together.on_epoch_end(epoch - 1)
    together.on_train_end()


def with_averages(settings: Settings, drawing: Sequence[callbacks.EpochPicture]) -> list[keras.callbacks.Callback]:
    """Drawing with averaged weights, where there are some, which are also put into the model for its validation."""
    if settings.averaging is None:
        return [*drawing]
    averages = Averages()
    exchange = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: averages.exchange())
    return [averages, exchange, *drawing, exchange]


def _log_dir(folder: Path, settings: Settings) -> Path | None:
    return below(folder, "tensorboard") if settings.tensorboard else None
