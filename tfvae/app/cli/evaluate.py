"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tfvae._support.printing import say
from tfvae.app.cli.common import is_chief, open_run, start_tensorflow
from tfvae.app.run import Run
from tfvae.app.run.evaluated import EVALUATION
from tfvae.parallel import cluster
from tfvae.recipes.options import Count, Seed


def evaluate(
    run: Path,
    *,
    sample_size: Count = 500,
    images: Count | None = None,
    seed: Seed = 0,
    strategy: Literal["auto", "one", "mirrored", "multiworker"] = "auto",
    data: str | None = None,
    data_dir: str | None = None,
) -> None:
    """Measure a run on its test images: log p(x) with its errors, the latents, labels read off them, samples.

    Fills RUN/evaluation: report.json, table.txt (which is printed), examples.npz with the figures of each test image,
    and pictures.

    Args:
        run: folder that `tfvae train` wrote.
        sample_size: samples S of the importance-weighted bound; papers take 5,000.
        images: measure on the first so many test images only. [default: all]
        seed: seed of all draws but that of x, which is always the same.
        strategy: devices that the examples are divided among, as for `tfvae train`.
        data: place of the run's own images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
    """
    if cluster.is_joined(strategy):  # several say it when all have come, who would wait for this one
        start_tensorflow()
        found = Run(run, data, data_dir)
    else:
        found = open_run(run, data, data_dir)
    report = found.evaluate(sample_size, images, seed, strategy, progress=lambda what: say(f"... {what}", err=True))
    if is_chief(strategy):
        from tfvae.evaluation import table

        say(*table(report.as_json()).split("\n"))
        say(f"Wrote {run / EVALUATION}")
