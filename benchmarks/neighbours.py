"""The VAE beside its neighbours, on MNIST with the default settings of `tfvae train`: what each can do, and how well.

    python benchmarks/neighbours.py RUNS                      # trains and measures what neighbours.json does not have
    python benchmarks/neighbours.py RUNS --models gan --seeds 0 1 2
    python benchmarks/neighbours.py --table                   # writes the table only

RUNS gets a run folder for each model and seed; those that are there go on or are not trained again. Figures go to
neighbours.json beside this file, the table to docs/neighbours.md between its markers, samples to docs/images.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfvae._support.markdown import table

HERE = Path(__file__).resolve()
RESULTS = HERE.with_suffix(".json")
TABLE, PICTURE = HERE.parents[1] / "docs/neighbours.md", HERE.parents[1] / "docs/images/neighbours.png"
BEGIN, END = "<!-- table: by benchmarks/neighbours.py -->", "<!-- end -->"
MODELS = {
    "vae": "VAE",
    "naive_monte_carlo": "naive Monte Carlo",
    "autoencoder": "autoencoder",
    "denoising_autoencoder": "denoising autoencoder",
    "masked_autoencoder": "masked autoencoder",
    "mixture": "mixture of normals",
    "gan": "GAN",
}
"""Names of recipes, and what they are called."""
COLUMNS = (
    ("parameters", ("model", "parameters"), "{:,.0f}"),
    ("minutes", ("training", "processor_minutes"), "{:.1f}"),
    ("bits/dim", ("likelihood", "bits_per_dim"), "{:.3f}"),
    ("test loss", ("training", "test_loss"), "{:.2f}"),
    ("linear probe", ("representation", "linear_probe", "accuracy"), "{:.1%}"),
    ("neighbours", ("representation", "nearest_neighbours", "accuracy"), "{:.1%}"),
    ("clusters", ("clusters", "accuracy"), "{:.1%}"),
    ("recognised", ("samples", "recognised_share"), "{:.1%}"),
    ("rarest digit", ("samples", "rarest_class_share"), "{:.1%}"),
)
"""Title, place in the report of `tfvae evaluate`, and format of each figure."""


def measure(model: str, seed: int, runs: Path) -> dict[str, Any]:
    """Trains and evaluates one model; gives the figures that the table shows, and where they are from."""
    folder = runs / model / f"seed-{seed}"
    if not (folder / "report.json").exists():
        options = ["--resume"] if (folder / "config.yaml").exists() else ["--seed", str(seed)]
        _tfvae("train", model, "--out", folder, *options)
    if not (folder / "evaluation/report.json").exists():
        _tfvae("evaluate", folder)
    report = json.loads((folder / "evaluation/report.json").read_text())
    return {
        "model": model,
        "seed": seed,
        "figures": {title: _find(report, path) for title, path, _ in COLUMNS},
        "convention": report["data"]["convention"],
        "missing": report["missing"],
        **{name: report[name] for name in ("settings", "steps", "hardware", "versions")},
    }


def _tfvae(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "tfvae", *map(str, arguments)], check=True)


def _find(report: dict[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = report
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def read() -> list[dict[str, Any]]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else []


def measured() -> str:
    """The rows that have been measured, as Markdown: means over the seeds with their standard deviation."""
    titles = ["model", "seeds", *(title for title, _, _ in COLUMNS)]
    rows = []
    for model, name in MODELS.items():
        runs = [row for row in read() if row["model"] == model]
        if runs:
            cells = [_cell([run["figures"][title] for run in runs], form) for title, _, form in COLUMNS]
            rows.append([name, str(len(runs)), *cells])
    return table(titles, rows, rule="---")


def _cell(values: list[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = form.format(statistics.fmean(known))
    return mean if len(set(known)) == 1 else f"{mean} +- {form.format(statistics.stdev(known))}"


def lacks() -> str:
    """What each model has no figure for, and why, as Markdown."""
    lines = []
    for model, name in MODELS.items():
        row = next((row for row in read() if row["model"] == model), None)
        if row is not None and row["missing"]:
            lines += [f"- **{name}** ({row['convention']})", *(f"  - {reason}" for reason in row["missing"].values())]
    return "\n".join(lines)


def write_table() -> None:
    text = TABLE.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    TABLE.write_text(f"{before}{BEGIN}\n{measured()}\n\n{lacks()}\n{END}{after}", encoding="utf-8")


def draw(runs: Path) -> None:
    """Samples of all models that draw some, of seed 0."""
    from tfvae.app.run import sample_grids
    from tfvae.callbacks.picture import write_png

    folders = [runs / model / "seed-0" for model in MODELS]
    measured = [folder / "evaluation" for folder in folders if (folder / "evaluation").is_dir()]
    if measured:
        write_png(sample_grids.side_by_side(measured)[0], PICTURE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="?", help="folder of the run folders")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--table", action="store_true", help="write the table only")
    arguments = parser.parse_args()
    if not arguments.table:
        if arguments.runs is None:
            parser.error("RUNS must name a folder.")
        for model in arguments.models:
            for seed in arguments.seeds:
                others = [row for row in read() if (row["model"], row["seed"]) != (model, seed)]
                rows = [*others, measure(model, seed, arguments.runs)]
                RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
        draw(arguments.runs)
    write_table()


if __name__ == "__main__":
    main()
