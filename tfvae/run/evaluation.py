"""Measuring a run: everything about its model on its own test images, in the run's folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import datasets, plots
from tfvae.evaluation.assessment import Assessment, Examples, assess
from tfvae.evaluation.fixed import fix
from tfvae.evaluation.table import table
from tfvae.hardware import hardware, versions
from tfvae.run.reading import model_of
from tfvae.run.report import DIGITS
from tfvae.settings import settings_of

EVALUATION, REPORT, TABLE, ARRAYS = "evaluation", "report.json", "table.txt", "examples.npz"
_SHOWN = 100  # images in a picture


def evaluate(
    folder: Path,
    sample_size: int = 500,
    images: int | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measures the model of a run on the fixed test array and fills RUN/evaluation.

    The folder gets report.json, table.txt, examples.npz (the figures of each test image) and pictures; it is written
    whole when everything is measured, in place of an older one.

    Args:
        folder: the run's.
        sample_size: S, of the importance-weighted bound.
        images: measure on the first so many test images only, for a quick look; all if not given.
        seed: of all draws but that of x.
        progress: called with a sentence before each part that takes seconds.

    Returns:
        The report; see `evaluation.assess`.

    Raises:
        FileNotFoundError: the folder holds no run or no model.
        ValueError: it is damaged or of another version, or its data have changed shape.
        FloatingPointError: the model's importance weights are not finite.
        OSError: the folder cannot be written.
    """
    settings, model = settings_of(folder), model_of(folder)
    data = datasets.load(settings.data, settings.image_size, settings.test_size, settings.seed, settings.data_dir)
    test = data.test.first(min(len(data.test), images or len(data.test)))
    train = data.train.first(min(len(data.train), 10_000))
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
    report |= {"settings": vars(settings), "steps": model.steps, "hardware": hardware(), "versions": versions()}
    shown = model.preprocess.grey(fix(test.images, model.preprocess).x)
    _write(folder / EVALUATION, found, np.asarray(shown))
    return report


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The report of an evaluated run, and the arrays by test image.

    Raises:
        FileNotFoundError: the run was not evaluated.
        ValueError: the report is damaged or of another version.
    """
    path = folder / EVALUATION / REPORT
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {EVALUATION}/{REPORT}; run `tfvae evaluate {folder}` first.")
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        with np.load(path.with_name(ARRAYS), allow_pickle=False) as arrays:
            return report, {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is damaged; run `tfvae evaluate {folder}` again.") from error


def _write(folder: Path, found: Assessment, images: np.ndarray) -> None:
    """Makes the folder whole, or leaves what was there."""
    try:
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OSError(f"{folder} cannot be written: {error.strerror or error}.") from error
    try:
        (unfinished / REPORT).write_text(json.dumps(found.report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        (unfinished / TABLE).write_text(table(found.report), encoding="utf-8")
        np.savez(unfinished / ARRAYS, **found.by_example)
        for name, figure in _pictures(found, images).items():
            figure.savefig(unfinished / f"{name}.png")
        unfinished.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    except OSError as error:
        raise OSError(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _pictures(found: Assessment, images: np.ndarray) -> dict[str, Any]:
    pictures: dict[str, Any] = {}
    if found.latents is not None:
        pictures["latents"] = plots.latent_report(**found.latents)
    if found.naive is not None:
        references = {"L_S": found.report["naive"]["bound"]}
        pictures["naive"] = plots.naive_estimates(**found.naive, references=references)
    if found.by_example:
        bound, shape = found.by_example["bound"], found.by_example["pareto_shape"]
        pictures["weights"] = plots.weights(shape, found.by_example["effective_sample_size"], bound)
        order = np.argsort(bound)[:_SHOWN]
        pictures["least_likely"] = plots.image_grid(images[order], title="Test images of the lowest L_S")
        unreliable = [each["example"] for each in found.report["reliability"]["worst"]]
        if unreliable:
            title = "Test images whose weights have a Pareto shape above 0.7, the worst first"
            pictures["unreliable"] = plots.image_grid(images[unreliable], title=title)
    return pictures
