"""A run folder, read and checked as a whole: its settings, its report, its model and its images belong together."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
from pathlib import Path
from typing import Any, NamedTuple

from tfvae._support.files import read_json
from tfvae._support.inputs import MOST_HISTORY, content, digest
from tfvae._support.printing import say
from tfvae._support.seals import file_digest, is_unbroken
from tfvae.app.run import identity
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.data import fingerprints, load_data, naming_data, parts
from tfvae.app.run.recorder import HISTORY
from tfvae.app.settings import CONFIG, Settings, settings_of
from tfvae.datasets import Dataset
from tfvae.models import GuardedModel
from tfvae.models.saving import load

MODEL, REPORT = "model.keras", "report.json"
CHECKPOINTS = "checkpoints"


class Run(NamedTuple):
    """A run whose settings and report are those of its model.

    Attributes:
        folder: the run's.
        settings: with `data` and `data_dir` of where the images are now.
        identity: what the model is bound to, or None where nothing says it.
    """

    folder: Path
    settings: Settings
    identity: identity.Identity | None

    def model(self) -> GuardedModel:
        """The run's model; see `model_of`."""
        return _model(self.folder)

    def data(self) -> Dataset:
        """The images that the run was trained and tested with.

        Raises:
            ValueError: others are in their place.
            ValueError, OSError: they cannot be read.
        """
        with naming_data(self.settings, self.folder):
            data = load_data(self.settings)
            images = _fingerprints(data, self.settings)
        if self.identity is not None:
            self.identity.require_images(images, self.folder, self.settings.data)
        return data

    def data_or_others(
        self, data: str, data_dir: str | None = None, axes: str | None = None
    ) -> tuple[Dataset, Settings]:
        """The run's images or others, with the settings that divide them.

        The `test_size` and `data_dir` of the run apply to its own images only. Those are known by their place, or by
        their fingerprints if they were moved.

        Args:
            data: what `tfvae train --data` takes.
            data_dir: for TensorFlow Datasets; the run's if not given and `data` is the run's.
            axes: those of the images in a file; the run's if not given and `data` is the run's.

        Raises:
            ValueError: other images are in the place of the run's.
            ValueError, OSError: they cannot be read.
        """
        settings = self.settings.with_data_at(data, data_dir)
        settings = settings if axes is None else dataclasses.replace(settings, axes=axes)
        if settings.data == self.settings.data or Path(data).resolve() == Path(self.settings.data).resolve():
            return self._replace(settings=settings).data(), settings
        if self.identity is not None and settings.test_size is not None:
            with contextlib.suppress(ValueError):  # it may not divide others
                own = load_data(settings)
                if self.identity.images == _fingerprints(own, settings):
                    return own, settings
        settings = dataclasses.replace(settings, test_size=None, axes=axes)
        return load_data(settings), settings


def run_of(folder: Path, data: str | None = None, data_dir: str | None = None) -> Run:
    """A run whose parts belong together, as far as that is known without its images.

    Of a run that was written before models held the settings and images that they are bound to, that is said on the
    standard error.

    Args:
        folder: the run's.
        data: where its images are now, if they were moved.
        data_dir: the folder of prepared TensorFlow Datasets likewise.

    Raises:
        FileNotFoundError: the folder is none of a run.
        ValueError: a file is damaged, or the settings or the report are not those of the model.
    """
    settings, file = settings_of(folder), _model_file(folder)
    bound = None if file is None else identity.read(file)
    if bound is not None:
        bound.require_settings(settings, folder)
    if file is not None:
        _require_one_run(folder, file, bound)
    return Run(folder, settings.with_data_at(data, data_dir), bound)


def model_of(path: Path) -> GuardedModel:
    """The model of a run folder, or of a `.keras` file.

    Where the training did not end it is that of the newest checkpoint, which is said on the standard error. A folder
    without settings, as weights are published in, is not checked.

    Raises:
        FileNotFoundError: there is no model.
        ValueError: the file is damaged, of a newer version, holds another kind of model, or is of another run.
    """
    if path.suffix == ".keras":
        return _whole_model(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no run folder {path}; `tfvae train` makes one.")
    return run_of(path).model() if (path / CONFIG).exists() else _model(path)


def model_digest(folder: Path) -> str | None:
    """12 hexadecimal digits of the SHA-256 of the file that `model_of` reads; None where there is none."""
    path = folder if folder.suffix == ".keras" else _model_file(folder)
    return None if path is None or not path.exists() else digest(path)[:12]


def report_of(folder: Path) -> dict[str, Any] | None:
    """The report of a run's training, or None if there is none yet.

    Raises:
        ValueError: it is not what was written.
    """
    path = folder / REPORT
    with contextlib.suppress(ValueError):
        report = read_json(path)
        if report is None or is_unbroken(report, "run_digest"):
            return report
    raise damaged_report(path)


def damaged_report(path: Path) -> ValueError:
    """The error of a report that is not what was written."""
    return ValueError(
        f"{path} is damaged or of another version; move it away to measure without its test loss and minutes."
    )


def history_of(folder: Path) -> list[dict[str, str]]:
    """The rows of the history of a run that has ended.

    Raises:
        OSError: there is none.
        ValueError: it is not the one that its report is about.
    """
    path, report = folder / HISTORY, report_of(folder)
    if report is not None and report.get("history_digest") not in (None, file_digest(path)):
        raise ValueError(f"{path} is damaged: its content is not what was written. Restore it.")
    return list(csv.DictReader(io.StringIO(content(path, MOST_HISTORY).decode(), newline="")))


def _require_one_run(folder: Path, file: Path, bound: identity.Identity | None) -> None:
    """Compares the model with the report, if there is one yet."""
    report = report_of(folder) or {}
    if bound is None and "run_digest" not in report:
        say(
            f"{folder} was written before models were bound to their settings and images: nothing shows that these "
            "belong together.",
            err=True,
        )
    elif bound is not None and (folder / REPORT).exists() and "run_digest" not in report:
        raise damaged_report(folder / REPORT)
    elif report and (bound is None or report["run_digest"] != bound.digest):
        raise ValueError(f"{folder / REPORT} and {file} are of two runs; restore the one that is not of this run.")


def _model_file(folder: Path) -> Path | None:
    if (folder / MODEL).exists():
        return folder / MODEL
    newest, _ = Checkpoints(folder / CHECKPOINTS).newest()
    return None if newest is None else newest.path


def _model(folder: Path) -> GuardedModel:
    if (folder / MODEL).exists():
        return _whole_model(folder / MODEL)
    newest, damaged = Checkpoints(folder / CHECKPOINTS).newest()
    if newest is not None:
        say(
            f"{folder} has no {MODEL}, which training writes last; this is its checkpoint of step {newest.step}.",
            err=True,
        )
        model, _ = newest.load()
        model.optimizer.finalize_variable_values(model.trainable_weights)  # the averaged weights, where there are some
        return model
    if damaged:
        raise ValueError(f"All checkpoints in {folder / CHECKPOINTS} are damaged.")
    raise FileNotFoundError(f"{folder} holds neither {MODEL} nor a checkpoint; `tfvae train` writes them.")


def _whole_model(path: Path) -> GuardedModel:
    model = load(path)
    if not isinstance(model, GuardedModel):
        raise ValueError(f"{path} must hold a whole model; it holds a `{type(model).__name__}`.")
    return model


def _fingerprints(data: Dataset, settings: Settings) -> dict[str, str | None]:
    return fingerprints(*parts(data, settings), data.test)
