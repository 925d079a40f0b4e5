"""Evaluated runs side by side, with the errors of their differences."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfvae._support.evaluation_report import DataSection, EvaluationReport
from tfvae._support.printing import printable
from tfvae.app.run.evaluated import Evaluation, evaluation_of

_NOT_A_SETTING = ("seed", "xla", "steps_per_execution", "tensorboard")  # that makes another kind of run
_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    | {"<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}"}
)


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
    Column("parameters", ("model", "parameters"), 0),
    Column("minutes", ("training", "minutes"), 1),
    Column("test loss", ("training", "test_loss")),
    Column("S", ("likelihood", "sample_size"), 0),
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
    Column("mutual information", ("latents", "mutual_information")),
    Column("unreliable", ("reliability", "unreliable"), 0),
    Column("probe", ("representation", "linear_probe", "accuracy"), 4),
    Column("neighbours", ("representation", "nearest_neighbours", "accuracy"), 4),
    Column("clusters", ("clusters", "accuracy"), 4),
    Column("cluster NMI", ("clusters", "normalised_mutual_information"), 3),
    Column("recognised", ("samples", "recognised_share"), 3),
    Column("rarest digit", ("samples", "rarest_class_share"), 3),
    Column("kernel distance", ("samples", "kernel_distance", "of_draws", "distance"), 4),
)

_GAPS = (("L_S difference", 3), ("paired error", 3), ("MC error of the difference", 3))


class Difference(NamedTuple):
    """L_S of a run less that of the first one, on the same array.

    Attributes:
        mean: over the examples, in nats; above zero the run is better than the first.
        paired_error: standard error of the mean over the examples' differences.
        monte_carlo_error: the part of it that is due to the draws of z, as if they were independent; runs that were
            evaluated with the same seed share their noise, and it is rather less.
        reason: a sentence that says why there is no difference, or None.
    """

    mean: float
    paired_error: float
    monte_carlo_error: float
    reason: str | None


class Comparison(NamedTuple):
    """Attributes: names of the runs; arrays, what each was measured on and in which convention, in words; figures
    `[runs][columns]`, None where a run has none; titles of the columns; digits of each; differences of the others
    from the first; spreads, a sentence for each group of runs that differ in their seed; missing, what a run has no
    figures for, by name with the reason."""

    names: list[str]
    arrays: list[str]
    figures: list[list[float | None]]
    titles: list[str]
    digits: list[int]
    differences: list[Difference]
    spreads: list[str]
    missing: list[dict[str, str]]


def compare(folders: Sequence[Path]) -> Comparison:
    """Compares runs that `tfvae evaluate` has measured.

    Args:
        folders: at least two runs'; the first is what the others are compared with.

    Raises:
        FileNotFoundError: a run was not evaluated.
        ValueError: there are fewer than two runs, one is given twice, or a report is damaged or of another model.
    """
    twice = [folder for folder, times in Counter(each.resolve() for each in folders).items() if times > 1]
    if twice:
        raise ValueError(f"Each run must be given once; received {twice[0].name} twice.")
    if len(folders) < 2:
        raise ValueError(f"There must be at least two runs to compare; received {len(folders)}.")
    evaluations = [evaluation_of(folder) for folder in folders]
    reports = [each.report for each in evaluations]
    written_by = {report.version for report in reports}
    found = [_figures(folder, report) for folder, report in zip(folders, reports, strict=True)]
    present = [index for index in range(len(COLUMNS)) if any(row[index] is not None for row in found)]
    return Comparison(
        names=[printable(folder) for folder in folders],
        arrays=[
            _array(report.data) + (f", by version {report.version}" if len(written_by) > 1 else "")
            for report in reports
        ],
        figures=[[row[index] for index in present] for row in found],
        titles=[COLUMNS[index].title for index in present],
        digits=[COLUMNS[index].digits for index in present],
        differences=[difference(evaluations[0], other) for other in evaluations[1:]],
        spreads=_spreads(folders, reports),
        missing=[report.missing for report in reports],
    )


def _figures(folder: Path, report: EvaluationReport) -> list[float | None]:
    """The figure of each column, or None.

    Raises:
        ValueError: one is no number.
    """
    figures = [_find(report, column.path) for column in COLUMNS]
    if not all(each is None or isinstance(each, (int, float)) for each in figures):
        raise ValueError(f"The report of {folder} is damaged; run `tfvae evaluate {folder}` again.")
    return figures


def difference(first: Evaluation, other: Evaluation) -> Difference:
    """The paired difference of two runs' L_S, if they have the same array, unit and number of samples.

    An exact log p(x) has no number of samples: the other's bound is compared with it.
    """
    nothing, both = math.nan, (first.report, other.report)
    if any(each.likelihood is None for each in both):
        return Difference(nothing, nothing, nothing, "One of the two has no log p(x).")
    must_agree = [("arrays", ("data", "digest")), ("units", ("data", "convention"))]
    if not any(_find(each, ("likelihood", "exact")) for each in both):
        must_agree.append(("numbers of samples", ("likelihood", "sample_size")))
    for what, path in must_agree:
        one, two = (_find(each, path) for each in both)
        if one != two:
            return Difference(nothing, nothing, nothing, f"Not comparable: their {what} differ, {one} and {two}.")
    first_arrays, other_arrays = first.by_example, other.by_example
    gaps = other_arrays["bound"] - first_arrays["bound"]
    errors = np.hypot(other_arrays["standard_error"], first_arrays["standard_error"])
    size = len(gaps)
    paired = float(np.std(gaps, ddof=1) / math.sqrt(size)) if size > 1 else nothing
    return Difference(float(gaps.mean()), paired, float(np.sqrt(np.sum(errors**2)) / size), None)


def as_text(comparison: Comparison) -> str:
    """A table for people: a run a column."""
    rows = [["", *comparison.names]] + [
        [title, *(_shown(row[index], comparison.digits[index]) for row in comparison.figures)]
        for index, title in enumerate(comparison.titles)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    lines += ["", *_measured(comparison), "", f"L_S less that of {comparison.names[0]}, on the same examples:"]
    for name, gap in zip(comparison.names[1:], comparison.differences, strict=True):
        errors = (
            f"paired error {_shown(gap.paired_error, 3)}, Monte Carlo of both as if independent "
            f"{_shown(gap.monte_carlo_error, 3)}"
        )
        lines.append(f"  {name}: " + (gap.reason or f"{gap.mean:+.3f} nats, {errors}"))
    for section in (comparison.spreads, _missing(comparison)):
        lines += ["", *section] if section else []
    return "\n".join(lines) + "\n"


def as_csv(comparison: Comparison) -> str:
    """The figures as they are, a run a row, with its difference from the first."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["run", *comparison.titles, *(title for title, _ in _GAPS), "array"])
    for name, row, array in zip(comparison.names, _rows(comparison), comparison.arrays, strict=True):
        table.writerow([name, *("" if each is None else repr(each) for each in row), array])
    return text.getvalue()


def as_latex(comparison: Comparison) -> str:
    """A `tabular` of the figures, a run a row with its difference from the first; needs no package."""
    titles = [*comparison.titles, *(title for title, _ in _GAPS)]
    digits = [*comparison.digits, *(digits for _, digits in _GAPS)]
    lines = [
        *(f"% {line}" for line in _measured(comparison)),
        f"\\begin{{tabular}}{{l{'r' * len(titles)}}}",
        "\\hline",
        " & ".join(["run", *(title.translate(_LATEX) for title in titles)]) + " \\\\",
        "\\hline",
    ]
    for name, row in zip(comparison.names, _rows(comparison), strict=True):
        cells = (f"${cell}$" if cell != "-" else "--" for cell in map(_shown, row, digits))
        lines.append(" & ".join([name.translate(_LATEX), *cells]) + " \\\\")
    return "\n".join([*lines, "\\hline", "\\end{tabular}"]) + "\n"


def _rows(comparison: Comparison) -> list[list[float | None]]:
    """The figures of each run and its difference from the first, where there is one."""
    gaps = [None, *comparison.differences]
    return [
        [*row, *([None] * len(_GAPS) if gap is None or gap.reason else gap[:3])]
        for row, gap in zip(comparison.figures, gaps, strict=True)
    ]


def _array(data: DataSection) -> str:
    return printable(f"{data.digest}, {data.examples:,} test examples ({data.convention})")


def _measured(comparison: Comparison) -> list[str]:
    """What the figures are about: a line if all runs agree, else a line for each."""
    if len(set(comparison.arrays)) == 1:
        return [f"All on array {comparison.arrays[0]}"]
    return [f"{name} on array {array}" for name, array in zip(comparison.names, comparison.arrays, strict=True)]


def _missing(comparison: Comparison) -> list[str]:
    """What there is no figure for, a line for each reason with the runs that it is true of."""
    reasons: dict[str, list[str]] = {}
    for name, missing in zip(comparison.names, comparison.missing, strict=True):
        for what, reason in missing.items():
            reasons.setdefault(f"{what.replace('_', ' ')}: {reason}", []).append(name)
    return (
        ["Not measured:", *(f"  {reason} ({', '.join(names)})" for reason, names in reasons.items())] if reasons else []
    )


def _spreads(folders: Sequence[Path], reports: Sequence[EvaluationReport]) -> list[str]:
    """Mean and spread of L_S over runs of other seeds, but the same settings, steps, S and number of test examples."""
    groups: dict[str, list[int]] = {}
    for index, report in enumerate(reports):
        same = {name: value for name, value in (report.settings or {}).items() if name not in _NOT_A_SETTING}
        measured = _find(report, ("likelihood", "sample_size")), report.data.examples, report.steps
        groups.setdefault(repr((sorted(same.items()), measured)), []).append(index)
    lines = []
    for members in groups.values():
        seeds = [(reports[index].settings or {}).get("seed") for index in members]
        bounds = [_find(reports[index], ("likelihood", "bound")) for index in members]
        if len(seeds) < 2 or len(set(seeds)) < len(seeds) or None in bounds:
            continue
        names = ", ".join(printable(folders[index]) for index in members)
        mean, spread = float(np.mean(bounds)), float(np.std(bounds, ddof=1))
        arrays = {reports[index].data.digest for index in members}
        others = " Each seed has test examples of its own." if len(arrays) > 1 else ""
        lines.append(
            f"Over seeds {', '.join(map(str, seeds))} ({names}): L_S {mean:.3f}, standard deviation {spread:.3f}."
            f"{others}"
        )
    return lines


def _find(report: EvaluationReport, path: tuple[str, ...]) -> Any:
    """The attribute of an attribute of the report, or None."""
    found: Any = report
    for name in path:
        found = getattr(found, name, None)
    return found


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"
