"""A run as a SavedModel: its model, its validation images, its settings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.run import load_data, parts
from tfvae.run.reading import MODEL, model_digest, model_of
from tfvae.serving.folder import check_target
from tfvae.serving.saved_model import SAMPLE_SIZE, export
from tfvae.settings import Settings, settings_of

_REFERENCE = 1000  # images; percentiles of more would hardly differ


def export_run(
    run: Path,
    target: Path,
    data: str | None = None,
    sample_size: int = SAMPLE_SIZE,
    version: int | None = None,
    litert: bool = False,
    command: str | None = None,
) -> Path:
    """Exports the model of a run that has ended, or of a `.keras` file; see `serving.export`.

    Args:
        run: a run folder or a `.keras` file.
        target: the folder of the exported model.
        data: what `tfvae train --data` takes: the images that anomalies are told from are those of its training images
            that are held out for validation, 1,000 at most. The run's data if not given; a file has none.
        sample_size: S of `log_likelihood`.
        version: the next free one if not given.
        litert: also for phones and browsers.
        command: for the card.

    Returns:
        The folder of the version.

    Raises:
        FileNotFoundError: there is no such run, or it has not ended.
        ValueError, FloatingPointError, OSError: as for `serving.export`.
    """
    is_file = run.suffix == ".keras"
    settings = None if is_file else settings_of(run)
    if settings is not None and not (run / MODEL).is_file():
        raise FileNotFoundError(
            f"{run} has no {MODEL}: its training has not ended. `tfvae train --out {run} --resume` goes on."
        )
    check_target(target)
    model = model_of(run)
    if data is not None:
        settings = Settings(data=data) if settings is None else dataclasses.replace(settings, data=data)
    reference = None if settings is None else validation_images(settings)
    origin = {
        "source": run.name,
        "source_digest": model_digest(run),
        "command": command,
        "reference_data": None if settings is None else _split(settings),
    }
    return export(model, target, reference, sample_size, version, litert, origin)


def validation_images(settings: Settings) -> np.ndarray:
    """The first thousand images that training holds out for validation."""
    return parts(load_data(settings), settings)[1].first(_REFERENCE).images


def _split(settings: Settings) -> dict[str, Any]:
    """Which images are held out; of a file only its name, as where it lies is of no use on another machine."""
    data = Path(settings.data).name if Path(settings.data).is_absolute() else settings.data
    return {"data": data, "validation_size": settings.validation_size, "seed": settings.seed}
