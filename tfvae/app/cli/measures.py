"""The commands that measure: `evaluate`, `compare` and `encode`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import typer

from tfvae._support.printing import say
from tfvae.app.cli.common import DataAt, DataDir, Overwrite, RunFolder, is_chief, quiet_import
from tfvae.app.outputs import CSV, LATEX, PNG, Output, of_runs
from tfvae.app.settings import DEVICES, Settings, settings_of
from tfvae.parallel import cluster


def evaluate(
    run: RunFolder,
    sample_size: Annotated[
        int, typer.Option(min=1, help="Samples S of the importance-weighted bound; papers take 5,000.")
    ] = 500,
    images: Annotated[
        int | None, typer.Option(min=1, help="Measure on the first so many test images only. [default: all]")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of all draws but that of x, which is always the same.")
    ] = 0,
    strategy: Annotated[str, typer.Option(help=f"{DEVICES} The examples are divided among them.")] = "auto",
    data: DataAt = None,
    data_dir: DataDir = None,
) -> None:
    """Measure a run on its test images: log p(x) with its errors, the latents, labels read off them, samples.

    Fills RUN/evaluation: report.json, table.txt (which is printed), examples.npz with the figures of each test image,
    and pictures.
    """
    Settings(strategy=strategy)
    if not cluster.is_joined(strategy):  # several say it when all have come, who would wait for this one
        settings_of(run)  # what is no run is said before TensorFlow is imported
    with quiet_import():
        from tfvae._support import devices
        from tfvae.app.run import evaluation
        from tfvae.evaluation import table

        devices.grow_memory()
    report = evaluation.evaluate(
        run, sample_size, images, seed, lambda what: say(f"... {what}", err=True), strategy, data, data_dir
    )
    if is_chief(strategy):
        say(*table(report).split("\n"))
        say(f"Wrote {run / evaluation.EVALUATION}")


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders that `tfvae evaluate` has measured.")],
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the table as CSV.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the table as a LaTeX tabular.")] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the runs' samples side by side, as a PNG.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Put evaluated runs side by side, with the paired errors of their differences from the first one.

    Runs that differ in nothing but the seed are summed up by mean and spread.
    """
    named = (("--csv", csv, CSV), ("--latex", latex, LATEX), ("--picture", picture, PNG))
    outputs = [Output(name, path, form, overwrite, of_runs(*runs)) for name, path, form in named if path is not None]
    for one, two in itertools.combinations(outputs, 2):
        if one.path.resolve() == two.path.resolve():
            raise ValueError(f"`{one.option}` and `{two.option}` must be two files; received {one.path} for both.")
    for output in outputs:
        output.check()
    with quiet_import():
        from tfvae._support.files import written_whole
        from tfvae.app.run import comparison, evaluation, sample_grids
        from tfvae.callbacks.picture import write_png
    found = comparison.compare(runs)
    say(*comparison.as_text(found).split("\n"))
    for output in outputs:
        if output.form is PNG:
            samples, left_out = sample_grids.side_by_side([run / evaluation.EVALUATION for run in runs])
            for sentence in left_out:
                say(sentence, err=True)
            write_png(samples, output.path)
        else:
            table = comparison.as_csv(found) if output.form is CSV else comparison.as_latex(found)
            with written_whole(output.path) as unfinished:
                unfinished.write_text(table, encoding="utf-8")
        say(f"Wrote {output.path}")


def encode(
    run: RunFolder,
    data: Annotated[str, typer.Argument(metavar="DATA", help='What `tfvae train --data` takes, such as "mnist".')],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .npz file to write.")],
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
    axes: Annotated[
        str | None, typer.Option(help="Axes of the images in a file, as for `tfvae train`. [default: the run's]")
    ] = None,
) -> None:
    """Write mean and standard deviation of q(z|x) for every image of a data set, with labels where it has them."""
    settings_of(run)
    with quiet_import():
        from tfvae._support import devices
        from tfvae.app.run import encoding

        devices.grow_memory()
    sizes = encoding.write_codes(run, data, out, data_dir, overwrite, axes)
    say(f"Wrote {out}: " + ", ".join(f"{size:,} {part} images" for part, size in sizes.items()))
