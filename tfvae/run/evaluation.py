"""Measuring a run: everything about its model on its own test images, in the run's folder."""

from __future__ import annotations

import contextlib
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import datasets, plots
from tfvae.callbacks.picture import write_figure
from tfvae.distribution.team import Team, lost_workers_named
from tfvae.evaluation.assessment import Assessment, Examples, assess
from tfvae.evaluation.fixed import fix
from tfvae.evaluation.table import table
from tfvae.files import read_json, writing
from tfvae.hardware import hardware, versions
from tfvae.run import load_data, reading, sample_grids
from tfvae.run.reading import model_digest, model_of
from tfvae.run.report import DIGITS
from tfvae.settings import Settings, settings_of

EVALUATION, REPORT, TABLE, ARRAYS = "evaluation", "report.json", "table.txt", "examples.npz"
_NEEDED = (("data", "examples"), ("data", "digest"), ("data", "convention"), ("settings", "seed"))
_SHOWN = 100  # images in a picture
_TRAINING = 10_000  # images for what compares with them


def evaluate(
    folder: Path,
    sample_size: int = 500,
    images: int | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
    strategy: str = "auto",
) -> dict[str, Any]:
    """Measures the model of a run on the fixed test array and fills RUN/evaluation.

    The folder gets report.json, table.txt, examples.npz (the figures of each test image) and pictures; it is written
    whole when everything is measured, in place of an older one.

    Where several processes measure together all call this. They divide among them, and among their devices, the
    importance weights, which take most of the time; the rest each does for itself. The first one writes.

    Args:
        folder: the run's.
        sample_size: S, of the importance-weighted bound.
        images: measure on the first so many test images only, for a quick look; all if not given.
        seed: of all draws but that of x.
        progress: called with a sentence before each part that takes seconds; of several processes in the first one.
        strategy: the devices, as for training; not those that the run was trained on.

    Returns:
        The report; see `evaluation.assess`.

    Raises:
        FileNotFoundError: the folder holds no run or no model.
        ValueError: it is damaged or of another version, its data have changed shape, a number is out of range, or the
            workers were not started alike.
        FloatingPointError: the model's weights, or its importance weights, are not finite.
        OSError: the folder cannot be written, or another worker is gone.
    """
    team = Team(Settings(strategy=strategy).strategy)  # which may be no strategy
    with lost_workers_named(team, "Nothing was written; start all again."):
        report = _evaluate(folder, sample_size, images, seed, progress if team.is_chief else lambda _: None, team)
        team.part()
        return report


def _evaluate(
    folder: Path, sample_size: int, images: int | None, seed: int, progress: Callable[[str], None], team: Team
) -> dict[str, Any]:
    settings, training, data = team.everyone(lambda: _read(folder))
    team.by_chief(lambda: _check_writable(folder))
    test, train = data.test.first(len(data.test) if images is None else images), _training_images(data)
    digest = model_digest(folder)
    team.agree(
        {f"`{name}` of the run": value for name, value in vars(settings).items()}
        | versions()
        | {"`--sample-size`": sample_size, "`--images`": images, "`--seed`": seed, "the model": digest}
        | {"the test images": datasets.fingerprint(test), "the training images": datasets.fingerprint(train)}
    )
    with team.scope():
        model = model_of(folder)
    found = assess(
        model,
        Examples(test.images, test.labels),
        Examples(train.images, train.labels),
        sample_size,
        seed,
        digits=data.name in DIGITS,
        progress=progress,
    )
    report = found.report
    report["data"] |= {"name": settings.data, "origin": data.test_origin}
    report |= {
        "settings": vars(settings),
        "training": training,
        "steps": model.steps,
        "model_digest": digest,
    }
    report |= {"hardware": hardware(), "versions": versions()}
    team.by_chief(lambda: _write(folder / EVALUATION, found, model, test.images, seed))
    return report


def _read(folder: Path) -> tuple[Settings, dict[str, Any], datasets.Dataset]:
    """Settings, what is known of the training, and data."""
    if (folder / EVALUATION).is_file():
        raise FileExistsError(f"{folder / EVALUATION} is a file; the evaluation would be a folder of that name.")
    settings, training = settings_of(folder), _training(folder)
    try:
        return settings, training, load_data(settings)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(f"The data of {folder} cannot be read from here: {error}") from None


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The report of an evaluated run, and the arrays by test image.

    Raises:
        FileNotFoundError: the run was not evaluated.
        ValueError: the report is damaged, of another version or of another model than is there now.
    """
    path = folder / EVALUATION / REPORT
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {EVALUATION}/{REPORT}; run `tfvae evaluate {folder}` first.")
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        with np.load(path.with_name(ARRAYS), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        complete = _is_complete(report, arrays)
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise ValueError(f"{path.parent} is damaged or of another version; run `tfvae evaluate {folder}` again.")
    now = model_digest(folder)
    if now is not None and report.get("model_digest") != now:
        raise ValueError(
            f"The model of {folder} is another one than was measured; run `tfvae evaluate {folder}` again."
        )
    return report, arrays


def _training_images(data: datasets.Dataset) -> Any:
    """All of them, or a fair sample: the first ones of a folder would be of one class."""
    if len(data.train) <= _TRAINING:
        return data.train.first(_TRAINING)
    return data.split_validation(_TRAINING)[1].first(_TRAINING)


def _training(folder: Path) -> dict[str, Any]:
    """What the run's own report says of its training, if there is one yet: the test loss, and minutes."""
    path = folder / reading.REPORT
    try:
        report = read_json(path)
        if report is None:
            return {}
        seconds = {"minutes": report["training_seconds"], "processor_minutes": report["training_processor_seconds"]}
        return {"test_loss": report["loss"]} | {name: value / 60 for name, value in seconds.items()}
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{path} is damaged or of another version; move it away to measure without its test loss and minutes."
        ) from None


def _check_writable(folder: Path) -> None:
    """What cannot be written is said before the minutes of measuring."""
    with writing(folder / EVALUATION), tempfile.TemporaryDirectory(prefix=f".{EVALUATION}-", dir=folder):
        pass


def _is_complete(report: Any, arrays: dict[str, np.ndarray]) -> bool:
    """Whether `compare` finds what it needs."""
    if "missing" not in report or not all(name in report[section] for section, name in _NEEDED):
        return False
    by_example = ("bound", "standard_error") if "likelihood" in report else ()
    return all(arrays[name].shape == (report["data"]["examples"],) for name in by_example)


def _write(folder: Path, found: Assessment, model: Any, raw: np.ndarray, seed: int) -> None:
    """Makes the folder whole, or leaves what was there."""
    images = np.asarray(model.preprocess.grey(fix(raw, model.preprocess).x))
    samples = None if "samples" in model.lacks else sample_grids.drawn(model, seed)
    with writing(folder), tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        (new / REPORT).write_text(_as_json(found.report), encoding="utf-8")
        (new / TABLE).write_text(table(found.report), encoding="utf-8")
        np.savez(new / ARRAYS, **found.by_example)
        pictures = _pictures(found, images)
        if samples is not None:
            np.savez(new / sample_grids.SAMPLES, **samples)
            pictures["samples"] = sample_grids.picture(**samples)
        for name, figure in pictures.items():
            write_figure(figure, new / f"{name}.png")
        _replace(folder, new, old)


def _replace(folder: Path, new: Path, old: Path) -> None:
    """Puts a new folder in place of what is there, which comes back if that fails."""
    with contextlib.suppress(FileNotFoundError):
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(FileNotFoundError):
            old.rename(folder)
        raise


def _as_json(report: dict[str, Any]) -> str:
    try:
        return json.dumps(report, indent=2, allow_nan=False) + "\n"
    except ValueError:  # what is NaN for a good reason is None
        raise FloatingPointError("Some figures are not finite, so no report was written.") from None


def _pictures(found: Assessment, images: np.ndarray) -> dict[str, Any]:
    pictures: dict[str, Any] = {}
    if found.latents is not None:
        pictures["latents"] = plots.latent_report(**found.latents)
    if found.naive is not None:
        references = {"L_S": found.report["naive"]["bound"]}
        pictures["naive"] = plots.naive_estimates(**found.naive, references=references)
    if found.by_example:
        order = np.argsort(found.by_example["bound"])[:_SHOWN]
        pictures["least_likely"] = plots.image_grid(images[order], title="Test images of the lowest log p(x)")
    if "reliability" in found.report:
        bound, shape = found.by_example["bound"], found.by_example["pareto_shape"]
        pictures["weights"] = plots.weights(shape, found.by_example["effective_sample_size"], bound)
        unreliable = [each["example"] for each in found.report["reliability"]["worst"]]
        if unreliable:
            number = found.report["reliability"]["unreliable"]
            title = f"The worst of {number:,} test images whose weights have a Pareto shape above 0.7"
            pictures["unreliable"] = plots.image_grid(images[unreliable], title=title)
    return pictures
