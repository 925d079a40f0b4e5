"""A run as a SavedModel: its model, its validation images, its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfvae.app.run.data import load_data, parts
from tfvae.app.run.folder import MODEL, RunFolder, as_run, model_digest
from tfvae.app.settings import Settings
from tfvae.serving.folder import check_target

if TYPE_CHECKING:
    import numpy as np

    from tfvae import datasets

_REFERENCE = 1000  # images; percentiles of more would hardly differ


def export_run(
    run: RunFolder | Path,
    target: Path,
    reference: str | None = None,
    sample_size: int = 50,
    version: int | None = None,
    litert: bool = False,
    command: str | None = None,
    data_dir: str | None = None,
) -> Path:
    """Exports the model of a run that has ended, or of a `.keras` file; see `serving.export`.

    Args:
        run: a run, its folder or a `.keras` file.
        target: the folder of the exported model.
        reference: what `tfvae train --data` takes: the images that anomalies are told from are those of its training
            images that are held out for validation, 1,000 at most. The run's data if not given; a file has none.
        sample_size: S of `log_likelihood`.
        version: the next free one if not given.
        litert: also for phones and browsers.
        command: for the card.
        data_dir: the folder of prepared TensorFlow Datasets, of `reference`.

    Returns:
        The folder of the version.

    Raises:
        FileNotFoundError: there is no such run, or it has not ended.
        ValueError, FloatingPointError, OSError: as for `serving.export`; ValueError also if the settings or images of
            the run are not those that its model was trained with.
    """
    run = as_run(run)
    check(run, target, reference)
    from tfvae.serving.saved_model import export

    images, split = _reference(run, reference, data_dir)
    origin = {
        "source": run.folder.name, "source_digest": model_digest(run.folder), "command": command,
        "reference_data": split,
    }  # fmt: skip
    return export(run.model, target, images, sample_size, version, litert, origin)


def check(run: RunFolder, target: Path, reference: str | None) -> None:
    """Refuses what cannot be exported; needs no TensorFlow.

    Args, Raises: as for `export_run`.
    """
    if run.place[0] is not None and (reference is not None or _is_file(run)):
        raise ValueError("`data` is the place of a run's own images; of a `.keras` file or others give `reference`.")
    if not _is_file(run):
        run.check(images=reference is None)
        if not (run.folder / MODEL).is_file():
            raise FileNotFoundError(
                f"{run.folder} has no {MODEL}: its training has not ended. `tfvae train --out {run.folder} --resume` "
                "goes on."
            )
    check_target(target)


def _is_file(run: RunFolder) -> bool:
    return run.folder.suffix == ".keras"


def _reference(
    run: RunFolder, data: str | None, data_dir: str | None
) -> tuple[np.ndarray | None, dict[str, Any] | None]:
    """Validation images of the data, or of the run, and which these are; of a file without data there are none."""
    if data is None:
        if _is_file(run):
            return None, None
        whole, settings = run.data, run.settings
    elif _is_file(run):
        settings = Settings(data=data, data_dir=data_dir)
        whole = load_data(settings)
    else:
        whole, settings = run.data_or_others(data, data_dir)
    return validation_images(whole, settings), _split(settings)


def validation_images(data: datasets.Dataset, settings: Settings) -> np.ndarray:
    """The first thousand images that training holds out for validation."""
    return parts(data, settings)[1].first(_REFERENCE).images


def _split(settings: Settings) -> dict[str, Any]:
    """Which images are held out; of a file only its name, as where it lies is of no use on another machine."""
    data = Path(settings.data).name if Path(settings.data).is_absolute() else settings.data
    return {"data": data, "validation_size": settings.validation_size, "seed": settings.seed}
