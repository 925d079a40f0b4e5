"""Evaluated runs side by side, with the errors of their differences."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfvae.run.evaluation import read

_NOT_A_SETTING = ("seed", "xla", "steps_per_execution", "tensorboard", "weights")  # that makes another kind of run


class Column(NamedTuple):
    """A figure that runs are compared by.

    Attributes:
        title: in the table's head.
        path: where it is in the report.
        digits: after the point.
    """

    title: str
    path: tuple[str, ...]
    digits: int = 2


COLUMNS = (
    Column("L_S", ("likelihood", "bound")),
    Column("MC error", ("likelihood", "monte_carlo_error"), 3),
    Column("test-set error", ("likelihood", "sampling_error")),
    Column("draw error", ("likelihood", "draw_error"), 3),
    Column("corrected", ("likelihood", "corrected")),
    Column("bits/dim", ("likelihood", "bits_per_dim"), 4),
    Column("ELBO", ("likelihood", "elbo")),
    Column("distortion", ("likelihood", "distortion")),
    Column("rate", ("latents", "rate")),
    Column("active units", ("latents", "active_units"), 0),
    Column("unreliable", ("reliability", "unreliable"), 0),
    Column("probe", ("representation", "linear_probe", "accuracy"), 4),
    Column("recognised", ("samples", "recognised_share"), 3),
    Column("kernel distance", ("samples", "kernel_distance", "of_draws", "distance"), 4),
)


class Difference(NamedTuple):
    """L_S of a run less that of the first one, on the same array.

    Attributes:
        mean: over the examples, in nats; above zero the run is better than the first.
        paired_error: standard error of the mean over the examples' differences.
        monte_carlo_error: standard error from the draws of z.
        reason: a sentence that says why there is no difference, or None.
    """

    mean: float
    paired_error: float
    monte_carlo_error: float
    reason: str | None


class Comparison(NamedTuple):
    """Attributes: names of the runs; figures `[runs][columns]`, None where a run has none; titles of the columns;
    digits of each; differences from the first run; spreads, a sentence for each group of runs that differ in their
    seed."""

    names: list[str]
    figures: list[list[float | None]]
    titles: list[str]
    digits: list[int]
    differences: list[Difference]
    spreads: list[str]


def compare(folders: Sequence[Path]) -> Comparison:
    """Compares runs that `tfvae evaluate` has measured.

    Args:
        folders: at least two runs'; the first is what the others are compared with.

    Raises:
        FileNotFoundError: a run was not evaluated.
        ValueError: there are fewer than two runs, or a report is damaged.
    """
    if len(folders) < 2:
        raise ValueError(f"There must be at least two runs to compare; received {len(folders)}.")
    reports, arrays = zip(*(read(folder) for folder in folders), strict=True)
    found = [[_find(report, column.path) for column in COLUMNS] for report in reports]
    present = [index for index in range(len(COLUMNS)) if any(row[index] is not None for row in found)]
    return Comparison(
        names=[str(folder) for folder in folders],
        figures=[[row[index] for index in present] for row in found],
        titles=[COLUMNS[index].title for index in present],
        digits=[COLUMNS[index].digits for index in present],
        differences=[difference(reports[0], arrays[0], *other) for other in zip(reports[1:], arrays[1:], strict=True)],
        spreads=_spreads(folders, reports),
    )


def difference(first: dict[str, Any], first_arrays: Any, other: dict[str, Any], other_arrays: Any) -> Difference:
    """The paired difference of two runs' L_S."""
    nothing = math.nan
    if "likelihood" not in first or "likelihood" not in other:
        return Difference(nothing, nothing, nothing, "One of the two has no log p(x).")
    for what, path in (
        ("arrays", ("data", "digest")),
        ("units", ("data", "convention")),
        ("numbers of samples", ("likelihood", "sample_size")),
    ):
        one, two = _find(first, path), _find(other, path)
        if one != two:
            return Difference(nothing, nothing, nothing, f"Not comparable: their {what} differ, {one} and {two}.")
    gaps = other_arrays["bound"] - first_arrays["bound"]
    errors = np.hypot(other_arrays["standard_error"], first_arrays["standard_error"])
    size = len(gaps)
    paired = float(np.std(gaps, ddof=1) / math.sqrt(size)) if size > 1 else nothing
    return Difference(float(gaps.mean()), paired, float(np.sqrt(np.sum(errors**2)) / size), None)


def as_text(comparison: Comparison) -> str:
    """A table for people: a run a column."""
    head = ["", *comparison.names]
    rows = [head] + [
        [title, *(_shown(row[index], comparison.digits[index]) for row in comparison.figures)]
        for index, title in enumerate(comparison.titles)
    ]
    widths = [max(len(row[index]) for row in rows) for index in range(len(head))]
    lines = [
        row[0].ljust(widths[0])
        + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    lines += ["", f"L_S less that of {comparison.names[0]}, on the same examples:"]
    for name, gap in zip(comparison.names[1:], comparison.differences, strict=True):
        lines.append(
            f"  {name}: {gap.reason}"
            if gap.reason
            else f"  {name}: {gap.mean:+.3f} nats, paired error {gap.paired_error:.3f}, of it Monte Carlo "
            f"{gap.monte_carlo_error:.3f}"
        )
    return "\n".join([*lines, *([""] if comparison.spreads else []), *comparison.spreads]) + "\n"


def as_csv(comparison: Comparison) -> str:
    """The figures as they are, a run a row, with its difference from the first."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["run", *comparison.titles, "L_S difference", "paired error", "MC error of the difference"])
    gaps = [Difference(0.0, 0.0, 0.0, None), *comparison.differences]
    for name, row, gap in zip(comparison.names, comparison.figures, gaps, strict=True):
        differences = [None if gap.reason else each for each in gap[:3]]
        table.writerow([name, *("" if each is None else repr(each) for each in (*row, *differences))])
    return text.getvalue()


def as_latex(comparison: Comparison) -> str:
    """A `tabular` of the figures, a run a row; needs no package."""
    lines = [
        f"\\begin{{tabular}}{{l{'r' * len(comparison.titles)}}}",
        "\\hline",
        " & ".join(["run", *map(_escaped, comparison.titles)]) + " \\\\",
        "\\hline",
    ]
    for name, row in zip(comparison.names, comparison.figures, strict=True):
        cells = (_shown(each, digits) for each, digits in zip(row, comparison.digits, strict=True))
        lines.append(" & ".join([_escaped(name), *(f"${cell}$" if cell != "-" else "--" for cell in cells)]) + " \\\\")
    return "\n".join([*lines, "\\hline", "\\end{tabular}"]) + "\n"


def _spreads(folders: Sequence[Path], reports: Sequence[dict[str, Any]]) -> list[str]:
    """Mean and spread of L_S over runs of the same settings and other seeds."""
    groups: dict[str, list[int]] = {}
    for index, report in enumerate(reports):
        same = {name: value for name, value in report["settings"].items() if name not in _NOT_A_SETTING}
        groups.setdefault(repr((sorted(same.items()), report["data"]["digest"])), []).append(index)
    lines = []
    for members in groups.values():
        seeds = [reports[index]["settings"]["seed"] for index in members]
        bounds = [_find(reports[index], ("likelihood", "bound")) for index in members]
        if len(set(seeds)) < 2 or None in bounds:
            continue
        names = ", ".join(str(folders[index]) for index in members)
        mean, spread = float(np.mean(bounds)), float(np.std(bounds, ddof=1))
        lines.append(
            f"Over seeds {', '.join(map(str, seeds))} ({names}): L_S {mean:.3f}, standard deviation {spread:.3f}."
        )
    return lines


def _find(report: dict[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = report
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _escaped(text: str) -> str:
    for character in "&%$#_{}":
        text = text.replace(character, "\\" + character)
    return text
