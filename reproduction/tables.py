"""Tables whose rows are runs: each is trained and measured once, and may start from another's weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reproduction.run_training import trained_run
from tfvae import plots
from tfvae._support.checks import check_choice
from tfvae._support.files import read_json, write_json
from tfvae._support.inputs import understood
from tfvae.app.interruption import Interruption
from tfvae.app.run import evaluation
from tfvae.app.run.comparison import difference
from tfvae.app.run.evaluated import evaluation_of
from tfvae.app.run.folder import MODEL, history_of, report_of
from tfvae.app.run.recorder import HISTORY
from tfvae.app.settings import CONFIG, Settings, settings_of
from tfvae.callbacks.picture import write_figure
from tfvae.recipes.specification import named_by_a_file

CURVES = "curves.png"
_AGAIN = "move it away to have it made again"
_SECTIONS = ("model", "data", "likelihood", "reliability", "simulated", "samples", "hardware", "versions")
"""Of a report, where it has them."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: of its run folder.
        title: in the table.
        settings: of its run.
        published: what the paper's table has, in its unit; None where it has no such row.
        reruns: the same of independent reruns, with their source.
        start: name of the row whose weights it starts from, or None.
        aim: nats that it was to come down to and minutes it was to take, on two cores; None where nothing was said.
        against: name of the row that it is set against, image by image, or None.
    """

    name: str
    title: str
    settings: Settings
    published: float | None
    reruns: tuple[tuple[str, float], ...] = ()
    start: str | None = None
    aim: tuple[float, float] | None = None
    against: str | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows that belong together.

    Attributes:
        name: of the file with its figures, NAME.json.
        paper: what it is to be compared with.
        rows: the rows that there are.
    """

    name: str
    paper: str
    rows: tuple[Row, ...]

    @property
    def result(self) -> str:
        """Name of the file with its figures."""
        return f"{self.name}.json"


def run(
    table: Table,
    folder: Path,
    rows: Sequence[str] | None = None,
    samples: int = 5000,
    command: str = "",
    interruption: Interruption | None = None,
    verbose: int = 2,
) -> dict[str, Any]:
    """Trains and measures rows of the table.

    The folder gets a run folder for each row, with its `evaluation`, and after each row NAME.json and curves.png with
    all rows that are done. A row whose training has ended is not trained again, one that was interrupted goes on, and
    one that was measured with as many samples on all test images is not measured again. A row of NAME.json with the
    same settings, of which there is the model but no run, was trained elsewhere: it stays as it is, and others may
    start from it.

    Args:
        table: whose rows they are.
        folder: made if missing.
        rows: names of the rows wanted, all if not given; those that they start from or are set against come first.
        samples: S of L_S.
        command: what all this can be made with again; it is kept in NAME.json.
        interruption: entered by the caller, who is told of a stop by `Interrupted`.
        verbose: as for `fit`.

    Returns:
        What NAME.json holds: for each row log p(x) or L_S with its three errors, the rest of its report, and its
        learning curve.

    Raises:
        ValueError: there is no such row, or a run in the folder has other settings.
        OSError: the folder cannot be written.
    """
    folder, by_name = Path(folder), {row.name: row for row in table.rows}
    names = tuple(by_name) if rows is None else rows
    for name in names:
        check_choice("rows", name, by_name)
    wanted: list[Row] = []
    for name in names:
        wanted += [row for row in _with_others(by_name[name], by_name) if row not in wanted]
    result: dict[str, Any] = {
        "paper": table.paper,
        "command": command,
        "rows": {},
    }
    with understood(folder / table.result, _AGAIN):
        result["rows"] |= (read_json(folder / table.result) or result)["rows"]
    for row in wanted:
        if not _taken_over(row, folder, result["rows"]):
            weights = None if row.start is None else str(folder / row.start)
            settings = dataclasses.replace(row.settings, weights=weights)
            trained_run(settings, folder / row.name, interruption or Interruption(), verbose)
            if not _is_measured(folder / row.name, samples):
                evaluation.evaluate(folder / row.name, samples, progress=print if verbose else lambda _: None)
            done = {**result["rows"], row.name: _result(row, folder, result["rows"])}
            result["rows"] = {name: done[name] for name in by_name if name in done}
        _write(result, folder, table)
    return result


def _write(result: dict[str, Any], folder: Path, table: Table) -> None:
    """Writes and draws the rows that are done."""
    write_json(folder / table.result, result)
    curves = {row["title"]: (row["curve"]["passes"], row["curve"]["held_out_loss"]) for row in result["rows"].values()}
    write_figure(plots.learning_curves(curves), folder / CURVES)


def _taken_over(row: Row, folder: Path, done: dict[str, Any]) -> bool:
    """Whether the row was trained elsewhere: its figures and its weights are here, its run is not."""
    if row.name not in done or (folder / row.name / CONFIG).exists() or not (folder / row.name / MODEL).exists():
        return False
    with understood(f"{row.name} of the results in {folder}", _AGAIN):
        # How a run was executed, and where its first weights and data lay, is its machine's affair.
        others = {"weights", "data_dir", "xla", "steps_per_execution"}
        with named_by_a_file():
            settings = Settings(**done[row.name]["settings"])
        return settings.differences(row.settings).keys() <= others


def _with_others(row: Row, by_name: dict[str, Row]) -> list[Row]:
    """The row after those that it starts from or is set against."""
    return [*(each for name in (row.start, row.against) if name for each in _with_others(by_name[name], by_name)), row]


def _is_measured(folder: Path, samples: int) -> bool:
    """Whether a run was measured on all its test images, with so many samples or exactly."""
    trained, measured = report_of(folder), read_json(folder / evaluation.EVALUATION / evaluation.REPORT)
    with understood(f"A report in {folder}", _AGAIN):
        if trained is None or measured is None or measured["data"]["examples"] != trained.test_images:
            return False
        likelihood = measured["likelihood"]
        return likelihood.get("exact", False) or likelihood["sample_size"] == samples


def _result(row: Row, folder: Path, done: dict[str, Any]) -> dict[str, Any]:
    report, settings = evaluation.read(folder / row.name)[0], settings_of(folder / row.name)
    training = report_of(folder / row.name)
    assert training is not None and training.training_seconds and training.training_processor_seconds
    before = {"minutes": 0.0, "processor_minutes": 0.0} if row.start is None else done[row.start]
    return {
        "title": row.title,
        "published": row.published,
        "reruns": dict(row.reruns),
        "start": row.start,
        "aim": None if row.aim is None else {"nats": row.aim[0], "minutes": row.aim[1]},
        **{name: report[name] for name in _SECTIONS if name in report},
        **({"active_units": report["latents"]["active_units"]} if "latents" in report else {}),
        "seed": settings.seed,
        # `start` says whose weights they were; the path is this machine's.
        "settings": settings.plain(without=("weights",)),
        # With the rows that it starts from.
        "minutes": before["minutes"] + training.training_seconds / 60,
        "processor_minutes": before["processor_minutes"] + training.training_processor_seconds / 60,
        "curve": _curve(folder / row.name, settings.passes),
        **({} if row.against is None else {"against": _against(folder / row.name, folder / row.against)}),
    }


def _against(run: Path, other: Path) -> dict[str, Any]:
    """How much better a run is than another on the same images, and what is recognised of their samples; or why not."""
    try:
        of_other, of_run = evaluation_of(other), evaluation_of(run)
    except FileNotFoundError:
        return {"row": other.name, "reason": "only the weights of that row are here"}
    gap = difference(of_other, of_run)
    if gap.reason:
        return {"row": other.name, "reason": gap.reason}
    shares = [found.recognised_share for each in (of_other, of_run) if (found := each.report.samples) is not None]
    return {"row": other.name, "nats": gap.mean, "paired_error": gap.paired_error, "recognised_shares": shares}


def _curve(folder: Path, passes: int) -> dict[str, list[float]]:
    """The loss on the held-out training images after so many passes, in nats."""
    again = f"go on with the run, which writes it again: tfvae train --out {folder} --resume"
    with understood(folder / HISTORY, again):
        history = history_of(folder)
        return {
            "passes": [float(row["epoch"]) * passes for row in history],
            "held_out_loss": [round(float(row["val_loss"]), 3) for row in history],
        }
