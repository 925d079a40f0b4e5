"""An evaluation as `tfvae evaluate` leaves it in a run; no TensorFlow is needed to read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfvae._support.evaluation_report import EvaluationReport
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


class Evaluation(NamedTuple):
    """Attributes: report; by_example, arrays by test image, such as `bound` `[N]`."""

    report: EvaluationReport
    by_example: dict[str, np.ndarray]


def read(run: RunFolder | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The report of an evaluated run as JSON has it, and the arrays by test image; see `evaluation_of`."""
    found = evaluation_of(run)
    return found.report.as_json(), found.by_example


def evaluation_of(run: RunFolder | Path) -> Evaluation:
    """The evaluation of a run.

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
        content = read_json(path) or {}
        report = EvaluationReport.of(content)
        if not _is_unchanged(content, report, path):
            raise ValueError("It is not what was written.")
        by_example = arrays(path.with_name(ARRAYS))
        if not _is_complete(content, report, by_example):
            raise ValueError("Something is missing.")
    if (folder / CONFIG).exists():
        run.settings  # noqa: B018 (which checks it)
    now = model_digest(folder)
    if now is not None and report.model_digest != now:
        raise ValueError(
            f"The model of {folder} is another one than was measured; run `tfvae evaluate {folder}` again."
        )
    return Evaluation(report, by_example)


def _is_unchanged(content: dict[str, Any], report: EvaluationReport, path: Path) -> bool:
    """Whether a report and the arrays beside it are what was written; evaluations of before said nothing of that."""
    if not is_unbroken(content, "file_digests"):
        return False
    files = report.file_digests or {}
    return all(file_digest(path.with_name(name)) == digest for name, digest in files.items())


def _is_complete(content: dict[str, Any], report: EvaluationReport, by_example: dict[str, np.ndarray]) -> bool:
    """Whether `compare` finds what it needs, in the kinds that it needs."""
    if not all(isinstance(content[section][name], kind) for section, name, kind in _NEEDED):
        return False
    if not isinstance(content["missing"], dict):
        return False
    needed = [by_example[name] for name in ("bound", "standard_error")] if report.likelihood is not None else []
    return all(each.shape == (report.data.examples,) and each.dtype.kind in "fiu" for each in needed)
