"""The images of a run: read, divided and named by fingerprints."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfvae.app.settings import Settings

if TYPE_CHECKING:
    from tfvae.datasets import Dataset

_TFDS = "tfds:"
_MOST_VALIDATION = 5000  # images, if nothing is said


def load_data(settings: Settings) -> Dataset:
    """The data that the settings name."""
    from tfvae import datasets  # half a second, for which what is no run need not wait

    return datasets.load(
        settings.data, settings.image_size, settings.test_size, settings.seed, settings.data_dir,
        settings.bad_records, settings.frames, settings.axes,
    )  # fmt: skip


def require_source(settings: Settings) -> None:
    """Raises FileNotFoundError if the data of the settings are a path and nothing is there."""
    place = Path(settings.data)
    if not settings.data.startswith(_TFDS) and (place.suffix or os.sep in settings.data) and not place.exists():
        from tfvae import datasets

        raise datasets.unknown(settings.data)


def parts(data: Dataset, settings: Settings) -> tuple[Any, Any]:
    """The images to train on and those to validate on."""
    if data.validation is not None:
        if settings.validation_size is not None:
            raise ValueError(
                f"`validation_size` must not be given: the data have {len(data.validation):,} validation images of "
                f"their own; received {settings.validation_size}."
            )
        return _first(data.train, settings), data.validation
    size = settings.validation_size or min(_MOST_VALIDATION, max(1, len(data.train) // 10))
    if size >= len(data.train):
        raise ValueError(f"`validation_size` must leave training images: below {len(data.train)}; received {size}.")
    images, validation = data.split_validation(size, settings.seed)
    return _first(images, settings), validation


def _first(images: Any, settings: Settings) -> Any:
    return images if settings.train_size is None else images.take_first(settings.train_size)


def fingerprints(training: Any, validation: Any, test: Any) -> dict[str, str | None]:
    """Names the images and labels of a run's three splits; None where there are no labels."""
    from tfvae import datasets

    splits = {"training": training, "validation": validation, "test": test}
    images = {f"{name} images": datasets.fingerprint(split) for name, split in splits.items()}
    return images | {f"{name} labels": datasets.label_fingerprint(split) for name, split in splits.items()}


@contextlib.contextmanager
def naming_data(settings: Settings, folder: Path) -> Iterator[None]:
    """Adds to a failure to read a run's data which run it is, and how to say where the data are now.

    Raises:
        ValueError, OSError: for those of the block, or because `data_dir` is no folder.
    """
    option = "--data-dir" if settings.data.startswith(_TFDS) else "--data"
    try:
        if settings.data_dir is not None and "://" not in settings.data_dir and not Path(settings.data_dir).is_dir():
            raise FileNotFoundError(f"there is no folder {settings.data_dir}.")
        yield
    except (ValueError, OSError) as error:
        kind = ValueError if isinstance(error, ValueError) else OSError
        wanted = f"If they were moved, name their place with `{option}`."
        raise kind(f"The data of {folder} cannot be read from here: {error} {wanted}") from None
