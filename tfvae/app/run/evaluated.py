"""An evaluation as `tfvae evaluate` leaves it in a run; no TensorFlow is needed to read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfvae._support.files import read_json
from tfvae._support.inputs import arrays, understood
from tfvae._support.seals import file_digest, is_unbroken
from tfvae.app.run.folder import RunFolder, as_run, model_digest
from tfvae.app.settings import CONFIG

if TYPE_CHECKING:
    import numpy as np

EVALUATION, REPORT, TABLE, ARRAYS = "evaluation", "report.json", "table.txt", "examples.npz"
_NEEDED = (
    ("data", "examples", int), ("data", "digest", str), ("data", "convention", str), ("settings", "seed", int),
)  # fmt: skip


def read(run: RunFolder | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The report of an evaluated run, and the arrays by test image.

    Raises:
        FileNotFoundError: the run was not evaluated.
        ValueError: the report is damaged, of another version or of another model than is there now.
    """
    run = as_run(run)
    folder = run.folder
    path = folder / EVALUATION / REPORT
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {EVALUATION}/{REPORT}; run `tfvae evaluate {folder}` first.")
    with understood(path.parent, f"run `tfvae evaluate {folder}` again"):
        report = read_json(path) or {}
        if not _is_unchanged(report, path):
            raise ValueError("It is not what was written.")
        by_example = arrays(path.with_name(ARRAYS))
        if not _is_complete(report, by_example):
            raise ValueError("Something is missing.")
    if (folder / CONFIG).exists():
        run.settings  # noqa: B018 (which checks it)
    now = model_digest(folder)
    if now is not None and report.get("model_digest") != now:
        raise ValueError(
            f"The model of {folder} is another one than was measured; run `tfvae evaluate {folder}` again."
        )
    return report, by_example


def _is_unchanged(report: dict[str, Any], path: Path) -> bool:
    """Whether a report and the arrays beside it are what was written; evaluations of before said nothing of that."""
    if not is_unbroken(report, "file_digests"):
        return False
    files = report.get("file_digests", {})
    return all(file_digest(path.with_name(name)) == digest for name, digest in files.items())


def _is_complete(report: dict[str, Any], by_example: dict[str, np.ndarray]) -> bool:
    """Whether `compare` finds what it needs, in the kinds that it needs."""
    if not all(isinstance(report[section][name], kind) for section, name, kind in _NEEDED):
        return False
    if not isinstance(report["missing"], dict) or not isinstance(report.get("likelihood", {}), dict):
        return False
    needed = [by_example[name] for name in ("bound", "standard_error")] if "likelihood" in report else []
    return all(each.shape == (report["data"]["examples"],) and each.dtype.kind in "fiu" for each in needed)
