"""Samples that an evaluation leaves in its run, and those of several runs in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfvae import plots
from tfvae._support.checks import integer
from tfvae._support.evaluation_report import EvaluationReport
from tfvae._support.files import read_json
from tfvae._support.inputs import arrays, understood
from tfvae._support.printing import printable
from tfvae.models import GuardedModel

SAMPLES = "samples.npz"
_NUMBER = 64


def drawn(model: GuardedModel, seed: int) -> dict[str, Any]:
    """What `SAMPLES` holds: 64 images, and what they are in words."""
    return {"images": images(model, _NUMBER, seed), "title": np.array(model.sample_title(mean=True))}


def images(model: GuardedModel, n: int, seed: int, mean: bool = True) -> np.ndarray:
    """Samples of a model, grey levels uint8 `[n, H, W, C]`.

    Raises:
        ValueError: the model has none, or a number is out of range.
    """
    model.require("samples")
    x = model.sample(integer("n", n, 1), seed=integer("seed", seed), mean=mean)[1]
    return np.round(255 * np.clip(np.asarray(model.preprocess.grey(x)), 0, 1)).astype(np.uint8)


def picture(images: np.ndarray, title: np.ndarray) -> Figure:
    """The samples of one run."""
    return plots.image_grid(images / 255, title=str(title))


def side_by_side(folders: Sequence[Path]) -> tuple[Figure, list[str]]:
    """The samples of evaluated runs, each with the run's name.

    Args:
        folders: of evaluations.

    Returns:
        The picture, and for each run that has no samples a sentence that says why.

    Raises:
        ValueError: no run has samples, a file is damaged, or the images differ in shape.
    """
    grids, titles, left_out = [], [], []
    for folder in folders:
        path = folder / SAMPLES
        if not path.exists():
            left_out.append(f"{folder.parent} has no samples: {_why_none(folder)}")
            continue
        with understood(path, f"run `tfvae evaluate {folder.parent}` again"):
            found = arrays(path)
            if found["images"].ndim != 4:
                raise ValueError("These are no images.")
            grids.append(found["images"] / 255)
            titles.append(f"{printable(Path(*folder.parent.parts[-2:]))}: {found['title']}")
    if not grids:
        raise ValueError(" ".join(left_out))
    if len({grid.shape for grid in grids}) > 1:
        shapes = ", ".join(" x ".join(map(str, grid.shape[1:])) for grid in grids)
        raise ValueError(f"Samples can be shown together where they are of one size; these are of {shapes}.")
    return plots.image_grids(grids, titles), left_out


def _why_none(folder: Path) -> str:
    again = f"run `tfvae evaluate {folder.parent}` again"
    with understood(folder, again):
        missing = EvaluationReport.of(read_json(folder / "report.json") or {}).missing
        return missing.get("samples", f"it was measured before any were kept; {again}.")
