"""A run folder, read and checked as a whole: its settings, its report, its model and its images belong together.

TensorFlow is imported by what needs it, so that mistakes cost no waiting.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tfvae._support.inputs import MOST_HISTORY, content, digest
from tfvae._support.printing import say
from tfvae._support.seals import file_digest
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.data import fingerprints, load_data, naming_data, parts, require_source
from tfvae.app.run.identity import Identity
from tfvae.app.run.identity import read as read_identity
from tfvae.app.run.training_report import REPORT, damaged_report, report_of
from tfvae.app.settings import CONFIG, Settings, settings_of

if TYPE_CHECKING:
    from tfvae.datasets import Dataset
    from tfvae.models import GuardedModel

MODEL, HISTORY, CHECKPOINTS = "model.keras", "history.csv", "checkpoints"


class RunFolder:
    """A run as it is on the disk; each part is read once, when it is first asked for.

    Args:
        folder: the run's, or a `.keras` file, which is a model alone.
        data: place of the run's images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
    """

    def __init__(self, folder: str | os.PathLike[str], data: str | None = None, data_dir: str | None = None):
        self.folder, self.place = Path(folder), (data, data_dir)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    @property
    def settings(self) -> Settings:
        """The run's settings, with `data` and `data_dir` of where the images are now.

        Raises:
            FileNotFoundError: the folder is none of a run.
            ValueError: a file is damaged, or the settings or the report are not those of the model.
        """
        return self._bound[0].with_data_at(*self.place)

    @property
    def identity(self) -> Identity | None:
        """The settings and images that the model is bound to; None where nothing says it, or there is no model yet.

        Raises: as for `settings`.
        """
        return self._bound[1]

    @cached_property
    def _bound(self) -> tuple[Settings, Identity | None]:
        """Settings and identity, which belong together as far as that is known without the images.

        Of a run that was written before models held what they are bound to, that is said on the standard error.
        """
        settings, file = settings_of(self.folder), _model_file(self.folder)
        bound = None if file is None else read_identity(file)
        if bound is not None:
            bound.require_settings(settings, self.folder)
        if file is not None:
            _require_one_run(self.folder, file, bound)
        return settings, bound

    def check(self, images: bool = False) -> None:
        """Refuses a run without a model, or with parts that do not belong together; needs no TensorFlow.

        A folder without settings, as weights are published in, is not checked.

        Args:
            images: also refuse a run without settings, or whose images are not in their place.

        Raises:
            FileNotFoundError: there is no run, or no model.
            ValueError, OSError: as for `settings` and `data`.
        """
        if images:
            with naming_data(self.settings, self.folder):
                require_source(self.settings)
        if (self.folder / CONFIG).exists():
            self.settings  # noqa: B018 (which checks it)
        _require_model(self.folder)

    @cached_property
    def model(self) -> GuardedModel:
        """The run's model. Where the training did not end it is that of the newest checkpoint, which is said on the
        standard error.

        Raises:
            FileNotFoundError: there is no model.
            ValueError: the file is damaged, of a newer version, holds another kind of model, or is of another run.
        """
        return self.load()

    def load(self) -> GuardedModel:
        """Another copy of `model`, on the devices whose scope is entered."""
        self.check()
        return _model(self.folder)

    @cached_property
    def data(self) -> Dataset:
        """The images that the run was trained and tested with.

        Raises:
            ValueError: others are in their place.
            ValueError, OSError: they cannot be read.
        """
        return self._own_data(self.settings)

    def data_or_others(
        self, data: str | None, data_dir: str | None = None, axes: str | None = None
    ) -> tuple[Dataset, Settings]:
        """The run's images or others, with the settings that divide them.

        The `test_size` and `data_dir` of the run apply to its own images only. Those are known by their place, or by
        their fingerprints if they were moved.

        Args:
            data: what `tfvae train --data` takes; the run's if not given.
            data_dir: for TensorFlow Datasets; the run's if not given and `data` is the run's.
            axes: those of the images in a file; the run's if not given and `data` is the run's.

        Raises:
            ValueError: other images are in the place of the run's.
            ValueError, OSError: they cannot be read.
        """
        settings = self.settings.with_data_at(data, data_dir)
        settings = settings if axes is None else dataclasses.replace(settings, axes=axes)
        if _is_one_place(settings.data, self.settings.data):
            return (self.data if settings == self.settings else self._own_data(settings)), settings
        if self.identity is not None and settings.test_size is not None:
            with contextlib.suppress(ValueError):  # it may not divide others
                own = load_data(settings)
                if self.identity.images == _fingerprints(own, settings):
                    return own, settings
        settings = dataclasses.replace(settings, test_size=None, axes=axes)
        return load_data(settings), settings

    def _own_data(self, settings: Settings) -> Dataset:
        with naming_data(settings, self.folder):
            data = load_data(settings)
            images = _fingerprints(data, settings)
        if self.identity is not None:
            self.identity.require_images(images, self.folder, settings.data)
        return data

    def forget(self) -> None:
        """Reads everything anew from now on: the folder was written."""
        for name in vars(self).keys() - {"folder", "place"}:
            delattr(self, name)


def as_run(run: RunFolder | str | os.PathLike[str]) -> RunFolder:
    """A run of its folder, or as it is."""
    return run if isinstance(run, RunFolder) else RunFolder(run)


def run_of(folder: Path, data: str | None = None, data_dir: str | None = None) -> RunFolder:
    """A run whose parts belong together, as far as that is known without its images.

    Args, Raises: as for `RunFolder` and its `settings`.
    """
    found = RunFolder(folder, data, data_dir)
    found.settings  # noqa: B018 (which checks it)
    return found


def model_of(path: str | os.PathLike[str]) -> GuardedModel:
    """The model of a run folder, or of a `.keras` file; see `RunFolder.model`."""
    return RunFolder(path).model


def model_digest(folder: Path) -> str | None:
    """12 hexadecimal digits of the SHA-256 of the file that `model_of` reads; None where there is none."""
    path = folder if folder.suffix == ".keras" else _model_file(folder)
    return None if path is None or not path.exists() else digest(path)[:12]


def history_of(folder: Path) -> list[dict[str, str]]:
    """The rows of the history of a run that has ended.

    Raises:
        OSError: there is none.
        ValueError: it is not the one that its report is about.
    """
    path, report = folder / HISTORY, report_of(folder)
    if report is not None and report.history_digest not in (None, file_digest(path)):
        raise ValueError(f"{path} is damaged: its content is not what was written. Restore it.")
    return list(csv.DictReader(io.StringIO(content(path, MOST_HISTORY).decode(), newline="")))


def _require_one_run(folder: Path, file: Path, bound: Identity | None) -> None:
    """Compares the model with the report, if there is one yet."""
    report = report_of(folder)
    digest = None if report is None else report.run_digest
    if bound is None and digest is None:
        say(
            f"{folder} was written before models were bound to their settings and images: nothing shows that these "
            "belong together.",
            err=True,
        )
    elif bound is not None and report is not None and digest is None:
        raise damaged_report(folder / REPORT)
    elif report is not None and (bound is None or digest != bound.digest):
        raise ValueError(f"{folder / REPORT} and {file} are of two runs; restore the one that is not of this run.")


def _model_file(folder: Path) -> Path | None:
    if (folder / MODEL).exists():
        return folder / MODEL
    newest, _ = Checkpoints(folder / CHECKPOINTS).newest()
    return None if newest is None else newest.path


def _require_model(path: Path) -> None:
    if path.suffix == ".keras":
        if not path.exists():
            raise FileNotFoundError(f"There is no model at {str(path)!r}.")
    elif not path.is_dir():
        raise FileNotFoundError(f"There is no run folder {path}; `tfvae train` makes one.")
    elif _model_file(path) is None:
        if Checkpoints(path / CHECKPOINTS).all():
            raise ValueError(f"All checkpoints in {path / CHECKPOINTS} are damaged.")
        raise FileNotFoundError(f"{path} holds neither {MODEL} nor a checkpoint; `tfvae train` writes them.")


def _model(path: Path) -> GuardedModel:
    if path.suffix == ".keras":
        return _whole_model(path)
    newest, _ = Checkpoints(path / CHECKPOINTS).newest()
    if newest is None or (path / MODEL).exists():
        return _whole_model(path / MODEL)
    say(f"{path} has no {MODEL}, which training writes last; this is its checkpoint of step {newest.step}.", err=True)
    model, _ = newest.load()
    model.optimizer.finalize_variable_values(model.trainable_weights)  # the averaged weights, where there are some
    return model


def _whole_model(path: Path) -> GuardedModel:
    from tfvae.models import GuardedModel
    from tfvae.models.saving import load

    model = load(path)
    if not isinstance(model, GuardedModel):
        raise ValueError(f"{path} must hold a whole model; it holds a `{type(model).__name__}`.")
    return model


def _is_one_place(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()


def _fingerprints(data: Dataset, settings: Settings) -> dict[str, str | None]:
    return fingerprints(*parts(data, settings), data.test)
