"""The command line: `python -m reproduction`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from tfvae._support.folders import below
from tfvae._support.printing import say
from tfvae.app.cli import main as run_program
from tfvae.app.cli.command import command
from tfvae.app.cli.common import quiet_import
from tfvae.app.interruption import EXIT_CODE, Interrupted, Interruption
from tfvae.recipes.options import Count

_TABLES = ("iwae", "depth", "pixels")
_WHAT = (*_TABLES, "aevb", "frey-face")
_SAMPLES = 5000


def reproduce(
    what: Literal["iwae", "depth", "pixels", "aevb", "frey-face"] | None = None,
    *,
    out: Path = Path("runs"),
    rows: str | None = None,
    path: Path | None = None,
    samples: Count | None = None,
    table: bool = False,
) -> None:
    """Make published results again; what is done is not done twice, and Ctrl-C loses little.

    On two cores iwae, depth and pixels take hours, aevb half an hour and frey-face an hour.

    Args:
        what: iwae, Burda's table of one stochastic layer; depth, two layers, and VampPrior; pixels, flows and VAEs by
            bits per dimension; aevb, Kingma and Welling's samples for 2, 5, 10 and 20 latents; frey-face, ten folds of
            the file --path.
        out: folder for the results, in a sub-folder of that name.
        rows: rows of iwae, depth and pixels, separated by commas, such as vae-k1,iwae-k5. [default: all]
        path: file of frey-face.
        samples: samples S for log p(x), of all but frey-face. [default: 5000]
        table: print all results in --out as one page.
    """
    if table == (what is not None):
        raise ValueError(f"`python -m reproduction` takes either one of {', '.join(_WHAT)} or --table.")
    for name, value, owners in (
        ("rows", rows, _TABLES),
        ("path", path, ("frey-face",)),
        ("samples", samples, (*_TABLES, "aevb")),
    ):
        if value is not None and what not in owners:
            raise ValueError(f"`--{name}` is of {', '.join(owners)} only.")
    if table:
        from reproduction import document  # needs no TensorFlow

        say(*document.document(out).splitlines())
        return
    assert what is not None
    if what == "frey-face" and path is None:
        raise ValueError("`--path` must name the file of the frames for frey-face.")
    with Interruption() as interruption:
        with quiet_import():
            from reproduction import aevb, depth, frey_face, iwae, pixels, tables
            from tfvae._support import devices

            devices.grow_memory()
        folder, command = below(out, what), f"python -m reproduction {what}"
        if samples is not None:
            command += f" --samples {samples}"
        try:
            if what in _TABLES:
                made = {"iwae": iwae.TABLE, "depth": depth.TABLE, "pixels": pixels.TABLE}[what]
                wanted = None if rows is None else tuple(name.strip() for name in rows.split(","))
                tables.run(made, folder, wanted, samples or _SAMPLES, command, interruption)
            elif what == "aevb":
                aevb.run(folder, samples or _SAMPLES, command=command, interruption=interruption)
            else:
                assert path is not None
                command += f" --path {path.name}"
                frey_face.run(folder, path, command=command, interruption=interruption)
        except Interrupted:
            say("", "Interrupted. The same command goes on.", err=True)
            sys.exit(EXIT_CODE)
    say(f"Results: {folder}. See them all: python -m reproduction --table --out {out}")


def main() -> None:
    """Entry point."""
    run_program(command(reproduce))
