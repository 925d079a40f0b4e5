"""A run as a SavedModel: its model, its validation images, its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfvae import datasets
from tfvae.app.run.data import load_data, parts
from tfvae.app.run.folder import MODEL, Run, model_digest, model_of, run_of
from tfvae.app.settings import Settings
from tfvae.serving.folder import check_target
from tfvae.serving.saved_model import SAMPLE_SIZE, export

_REFERENCE = 1000  # images; percentiles of more would hardly differ


def export_run(
    run: Path,
    target: Path,
    reference: str | None = None,
    sample_size: int = SAMPLE_SIZE,
    version: int | None = None,
    litert: bool = False,
    command: str | None = None,
    data: str | None = None,
    data_dir: str | None = None,
) -> Path:
    """Exports the model of a run that has ended, or of a `.keras` file; see `serving.export`.

    Args:
        run: a run folder or a `.keras` file.
        target: the folder of the exported model.
        reference: what `tfvae train --data` takes: the images that anomalies are told from are those of its training
            images that are held out for validation, 1,000 at most. The run's data if not given; a file has none.
        sample_size: S of `log_likelihood`.
        version: the next free one if not given.
        litert: also for phones and browsers.
        command: for the card.
        data: where the run's own images are now, if they were moved.
        data_dir: the folder of prepared TensorFlow Datasets, of `reference` or of `data`.

    Returns:
        The folder of the version.

    Raises:
        FileNotFoundError: there is no such run, or it has not ended.
        ValueError, FloatingPointError, OSError: as for `serving.export`; ValueError also if the settings or images of
            the run are not those that its model was trained with.
    """
    if data is not None and (reference is not None or run.suffix == ".keras"):
        raise ValueError("`data` is the place of a run's own images; of a `.keras` file or others give `reference`.")
    trained = None if run.suffix == ".keras" else _ended(run, data, None if reference else data_dir)
    check_target(target)
    model = model_of(run) if trained is None else trained.model()
    images, split = _reference(trained, reference, data_dir)
    origin = {"source": run.name, "source_digest": model_digest(run), "command": command, "reference_data": split}
    return export(model, target, images, sample_size, version, litert, origin)


def _ended(folder: Path, data: str | None, data_dir: str | None) -> Run:
    found = run_of(folder, data, data_dir)
    if not (folder / MODEL).is_file():
        raise FileNotFoundError(
            f"{folder} has no {MODEL}: its training has not ended. `tfvae train --out {folder} --resume` goes on."
        )
    return found


def _reference(
    trained: Run | None, data: str | None, data_dir: str | None
) -> tuple[np.ndarray | None, dict[str, Any] | None]:
    """Validation images of the data, or of the run, and which these are; of a file without data there are none."""
    if data is None:
        if trained is None:
            return None, None
        whole, settings = trained.data(), trained.settings
    elif trained is None:
        settings = Settings(data=data, data_dir=data_dir)
        whole = load_data(settings)
    else:
        whole, settings = trained.data_or_others(data, data_dir)
    return validation_images(whole, settings), _split(settings)


def validation_images(data: datasets.Dataset, settings: Settings) -> np.ndarray:
    """The first thousand images that training holds out for validation."""
    return parts(data, settings)[1].first(_REFERENCE).images


def _split(settings: Settings) -> dict[str, Any]:
    """Which images are held out; of a file only its name, as where it lies is of no use on another machine."""
    data = Path(settings.data).name if Path(settings.data).is_absolute() else settings.data
    return {"data": data, "validation_size": settings.validation_size, "seed": settings.seed}
