"""Measuring a run: everything about its model on its own test images, in the run's folder."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfvae import datasets, plots
from tfvae._support.evaluation_report import EvaluationReport, TrainingSection
from tfvae._support.files import flush, writing
from tfvae._support.folders import below, flush_all, remove_leftovers, unfinished_folder
from tfvae._support.hardware import hardware, versions
from tfvae._support.inputs import understood
from tfvae._support.seals import file_digest, seal
from tfvae.app.run import folder as reading
from tfvae.app.run import sample_grids
from tfvae.app.run.evaluated import ARRAYS, EVALUATION, REPORT, TABLE, read
from tfvae.app.run.folder import RunFolder, as_run, model_digest
from tfvae.app.run.testing import DIGITS
from tfvae.app.run.training_report import TrainingReport, report_of
from tfvae.app.settings import settings_of
from tfvae.callbacks.picture import attempted, write_figure
from tfvae.evaluation.assessment import Assessment, Examples, assess
from tfvae.evaluation.fixed import fix
from tfvae.evaluation.table import table
from tfvae.parallel.team import Team, lost_workers_named

__all__ = ["ARRAYS", "EVALUATION", "REPORT", "TABLE", "evaluate", "read"]

_SHOWN = 100  # images in a picture
_TRAINING = 10_000  # images for what compares with them
_PICTURES = ("latents", "naive", "least_likely", "weights", "unreliable", "samples")
_OWN = {REPORT, TABLE, ARRAYS, sample_grids.SAMPLES} | {
    f"{name}.{form}" for name in _PICTURES for form in ("png", "svg")
}


def evaluate(
    run: RunFolder | Path,
    sample_size: int = 500,
    images: int | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
    strategy: str = "auto",
) -> dict[str, Any]:
    """Measures the model of a run on the fixed test array and fills RUN/evaluation.

    The folder gets report.json, table.txt, examples.npz (the figures of each test image) and pictures; it is written
    whole when everything is measured, in place of an older one. An older one with other files in it is refused.

    Where several processes measure together all call this. They divide among them, and among their devices, the
    importance weights, which take most of the time; the rest each does for itself. The first one writes.

    Args:
        run: a run, or its folder.
        sample_size: S, of the importance-weighted bound.
        images: measure on the first so many test images only, for a quick look; all if not given.
        seed: of all draws but that of x.
        progress: called with a sentence before each part that takes seconds; of several processes in the first one.
        strategy: the devices, as for training; not those that the run was trained on.

    Returns:
        The report; see `evaluation.assess`.

    Raises:
        FileNotFoundError: the folder holds no run or no model.
        ValueError: it is damaged or of another version, its settings or images are not those that the model was trained
            with, a number is out of range, or the workers were not started alike.
        FloatingPointError: the model's weights, or its importance weights, are not finite.
        OSError: the folder cannot be written or holds files of somebody else, or another worker is gone.
    """
    run, team = as_run(run), Team(strategy)
    with lost_workers_named(team, "Nothing was written; start all again."):
        team.everyone(lambda: _check_readable(run))
        say = progress if team.is_chief else lambda _: None
        report = _evaluate(run, sample_size, images, seed, say, team)
        team.part()
        return report


def _evaluate(
    run: RunFolder, sample_size: int, images: int | None, seed: int, progress: Callable[[str], None], team: Team
) -> dict[str, Any]:
    data = run.data
    folder, settings = run.folder, run.settings
    team.by_chief(lambda: _check_writable(folder))
    test, train = data.test.first(len(data.test) if images is None else images), _training_images(data)
    digest = model_digest(folder)
    team.agree(
        {f"`{name}` of the run": value for name, value in settings.flat().items()}
        | versions()
        | {"`--sample-size`": sample_size, "`--images`": images, "`--seed`": seed, "the model": digest}
        | {"the test images": datasets.fingerprint(test), "the training images": datasets.fingerprint(train)}
    )
    with team.scope():
        model = run.load()
    training = team.everyone(lambda: _training(folder, model.steps))
    found = assess(
        model,
        Examples(test.images, test.labels),
        Examples(train.images, train.labels),
        sample_size,
        seed,
        digits=data.name in DIGITS,
        progress=progress,
    )
    figures = EvaluationReport.of(found.report)
    report = dataclasses.replace(
        figures,
        data=dataclasses.replace(figures.data, name=settings.data, origin=data.test_origin),
        settings=settings_of(folder).plain(),  # with the place of its images at training
        training=training,
        steps=model.steps,
        model_digest=digest,
        hardware=hardware(),
        versions=versions(),
    )
    written = team.by_chief(lambda: _write(folder / EVALUATION, found, report, model, test.images, seed))
    return written or report.as_json()


def _training_images(data: datasets.Dataset) -> Any:
    """All of them, or a fair sample: the first ones of a folder would be of one class."""
    if len(data.train) <= _TRAINING:
        return data.train.first(_TRAINING)
    return datasets.hold_out(data.train, _TRAINING, None if data.in_random_order else 0)[1].first(_TRAINING)


def _training(folder: Path, steps: int) -> TrainingSection:
    """What the run's own report says of its training, if there is one yet: the test loss, and minutes."""
    report = report_of(folder)
    if report is None:
        return TrainingSection()
    with understood(folder / reading.REPORT, "move it away to measure without its test loss and minutes"):
        minutes = {
            "minutes": _given(report, "training_seconds") / 60,
            "processor_minutes": _given(report, "training_processor_seconds") / 60,
        }
        training = TrainingSection(test_loss=float(report.loss), **minutes)
    if report.steps not in (None, steps):
        raise ValueError(
            f"{folder / reading.REPORT} is about a model of {report.steps} training steps, and the one of this "
            f"folder has {steps}; restore the file that is not of this run."
        )
    return training


def _given(report: TrainingReport, name: str) -> float:
    if getattr(report, name) is None:
        raise KeyError(name)
    return getattr(report, name)


def _check_readable(run: RunFolder) -> None:
    if (run.folder / EVALUATION).is_file():
        raise FileExistsError(f"{run.folder / EVALUATION} is a file; the evaluation would be a folder of that name.")
    run.check()
    run.data  # noqa: B018 (which reads and checks the images)


def _check_writable(folder: Path) -> None:
    """What cannot be written is said before the minutes of measuring."""
    path = below(folder, EVALUATION)
    with writing(path):
        _require_own(path)
        remove_leftovers(folder)
        with unfinished_folder(folder):
            pass


def _require_own(folder: Path) -> None:
    """Raises FileExistsError if an older evaluation holds what would be lost with it."""
    others = sorted(path.name for path in folder.iterdir() if path.name not in _OWN) if folder.exists() else []
    if others:
        raise FileExistsError(errno.EEXIST, f"it holds {others[0]}, which no evaluation writes; move it away")


def _write(
    folder: Path, found: Assessment, report: EvaluationReport, model: Any, raw: np.ndarray, seed: int
) -> dict[str, Any]:
    """Makes the folder whole, or leaves what was there; returns the report as it was written."""
    images = np.asarray(model.preprocess.grey(fix(raw, model.preprocess).x))
    samples = None if "samples" in model.lacks else sample_grids.drawn(model, seed)
    with writing(folder), unfinished_folder(folder.parent) as new:
        (new / TABLE).write_text(table(report.as_json()), encoding="utf-8")
        np.savez(new / ARRAYS, **found.by_example)
        pictures = _pictures(found, report, images)
        if samples is not None:
            np.savez(new / sample_grids.SAMPLES, **samples)
            pictures["samples"] = partial(sample_grids.picture, **samples)
        arrays = {path.name: file_digest(path) for path in sorted(new.glob("*.npz"))}
        sealed = seal(dataclasses.replace(report, file_digests=arrays).as_json())
        (new / REPORT).write_text(_as_json(sealed), encoding="utf-8")
        for name, draw in pictures.items():
            _write_picture(draw, name, new)
        flush_all(new)
        _replace(folder, new)
    return sealed


def _write_picture(draw: Callable[[], Figure], name: str, folder: Path) -> None:
    attempted(lambda: write_figure(draw(), folder / f"{name}.png"), name, "the rest of the evaluation is written")


def _replace(folder: Path, new: Path) -> None:
    """Puts a new folder in place of what is there, which comes back if that fails."""
    old = new.with_name(folder.name)  # by which `remove_leftovers` puts it back if this process is killed here
    _require_own(below(folder.parent, folder.name))  # somebody may have put something there meanwhile
    with contextlib.suppress(FileNotFoundError):
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(FileNotFoundError):
            old.rename(folder)
        raise
    flush(folder.parent)


def _as_json(report: dict[str, Any]) -> str:
    try:
        return json.dumps(report, indent=2, allow_nan=False) + "\n"
    except ValueError:  # what is NaN for a good reason is None
        raise FloatingPointError("Some figures are not finite, so no report was written.") from None


def _pictures(found: Assessment, report: EvaluationReport, images: np.ndarray) -> dict[str, Callable[[], Figure]]:
    """How each is drawn, by name."""
    pictures: dict[str, Callable[[], Figure]] = {}
    if found.latents is not None:
        pictures["latents"] = partial(plots.latent_report, **found.latents)
    if found.naive is not None and report.naive is not None:
        references = {"L_S": report.naive.bound}
        pictures["naive"] = partial(plots.naive_estimates, **found.naive, references=references)
    if found.by_example:
        order = np.argsort(found.by_example["bound"])[:_SHOWN]
        pictures["least_likely"] = partial(plots.image_grid, images[order], title="Test images of the lowest log p(x)")
    if report.reliability is not None:
        bound, shape = found.by_example["bound"], found.by_example["pareto_shape"]
        pictures["weights"] = partial(plots.weights, shape, found.by_example["effective_sample_size"], bound)
        unreliable = [each.example for each in report.reliability.worst]
        if unreliable:
            number = report.reliability.unreliable
            title = f"The worst of {number:,} test images whose weights have a Pareto shape above 0.7"
            pictures["unreliable"] = partial(plots.image_grid, images[unreliable], title=title)
    return pictures
