"""The command `compare`."""

from __future__ import annotations

import itertools
from pathlib import Path

from tfvae._support.printing import say
from tfvae.app.cli.common import start_tensorflow
from tfvae.app.outputs import CSV, LATEX, PNG, Output, of_runs
from tfvae.app.run.evaluated import EVALUATION


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
