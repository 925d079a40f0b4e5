"""The commands that measure: `evaluate`, `compare` and `encode`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Literal

from tfvae._support.printing import say
from tfvae.app.cli.common import is_chief, open_run, start_tensorflow
from tfvae.app.outputs import CSV, LATEX, PNG, Output, of_codes, of_runs
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


def compare(
    *runs: Path,
    csv: Path | None = None,
    latex: Path | None = None,
    picture: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Put evaluated runs side by side, with the paired errors of their differences from the first one.

    Runs that differ in nothing but the seed are summed up by mean and spread.

    Args:
        runs: folders that `tfvae evaluate` has measured.
        csv: also write the table as CSV.
        latex: also write the table as a LaTeX tabular.
        picture: also write the runs' samples side by side, as a PNG.
        overwrite: replace a file of the same kind that is there.
    """
    named = (("--csv", csv, CSV), ("--latex", latex, LATEX), ("--picture", picture, PNG))
    outputs = [Output(name, path, form, overwrite, of_runs(*runs)) for name, path, form in named if path is not None]
    for one, two in itertools.combinations(outputs, 2):
        if one.path.resolve() == two.path.resolve():
            raise ValueError(f"`{one.option}` and `{two.option}` must be two files; received {one.path} for both.")
    for output in outputs:
        output.check()
    from tfvae._support.files import written_whole
    from tfvae.app.run import comparison

    found = comparison.compare(list(runs))
    say(*comparison.as_text(found).split("\n"))
    for output in outputs:
        output.check()  # somebody may have put something there meanwhile
        if output.form is PNG:
            start_tensorflow()
            from tfvae.app.run import sample_grids
            from tfvae.callbacks.picture import write_png

            samples, left_out = sample_grids.side_by_side([run / EVALUATION for run in runs])
            for sentence in left_out:
                say(sentence, err=True)
            write_png(samples, output.path)
        else:
            table = comparison.as_csv(found) if output.form is CSV else comparison.as_latex(found)
            with written_whole(output.path) as unfinished:
                unfinished.write_text(table, encoding="utf-8")
        say(f"Wrote {output.path}")


def encode(
    run: Path,
    data: str,
    *,
    out: Path,
    data_dir: str | None = None,
    overwrite: bool = False,
    axes: str | None = None,
) -> None:
    """Write mean and standard deviation of q(z|x) for every image of a data set, with labels where it has them.

    Args:
        run: folder that `tfvae train` wrote.
        data: source of the images, as for `tfvae train --data`.
        out: .npz file to write.
        data_dir: folder of prepared TensorFlow Datasets. [default: the run's, for its own data]
        overwrite: replace an .npz file that is there.
        axes: axes of the images in a file, as for `tfvae train`. [default: the run's]
    """
    of_codes(run, data, out, overwrite)
    found = Run(run)
    found.settings  # noqa: B018 (which a model alone has not)
    found.check()
    start_tensorflow()
    from tfvae.app.run import encoding

    sizes = encoding.write_codes(found, data, out, data_dir, overwrite, axes)
    say(f"Wrote {out}: " + ", ".join(f"{size:,} {part} images" for part, size in sizes.items()))
