"""The picture of what time buys: -log p(x) against processor minutes."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from reproduction.document import EVIDENCE
from tfvae import plots
from tfvae._support.files import read_json


def figure(results: Path) -> Figure | None:
    """Of the rows in a folder of results; None where there are none."""
    rows = [row for path in EVIDENCE for row in (read_json(results / path) or {"rows": {}})["rows"].values()]
    if not rows:
        return None
    ours = {row["title"]: (row["processor_minutes"], -row["likelihood"]["bound"]) for row in rows}
    others = {row["title"]: [*([row["published"]] * bool(row["published"])), *row["reruns"].values()] for row in rows}
    return plots.pareto(ours, others)
