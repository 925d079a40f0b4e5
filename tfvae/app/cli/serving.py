"""The commands for TensorFlow Serving: `export` and `card`."""

from __future__ import annotations

import contextlib
import shlex
import signal
from pathlib import Path
from typing import Annotated

import typer

from tfvae._support.printing import say
from tfvae.app.cli.common import DataAt, DataDir, quiet_import
from tfvae.serving.folder import versions

_NAME = "Folder of the exported model; its name is the model's name in a server."


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `tfvae train` wrote, or a .keras file.")],
    target: Annotated[Path, typer.Argument(metavar="NAME", help=_NAME)],
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help='Data whose validation images anomalies are told from, such as "mnist". [default: those of the run]',
        ),
    ] = None,
    sample_size: Annotated[int, typer.Option(min=1, help="Samples S of the bound on log p(x).")] = 50,
    version: Annotated[int | None, typer.Option(min=1, help="Its number. [default: the next free one]")] = None,
    litert: Annotated[
        bool, typer.Option("--litert", help="Also write encode and decode for phones and browsers (LiteRT).")
    ] = False,
    data: DataAt = None,
    data_dir: DataDir = None,
) -> None:
    """Write a trained model as NAME/VERSION for TensorFlow Serving, with a card of its signatures.

    It needs neither tfvae nor Keras nor TensorFlow Probability any more.
    """
    options = [
        *([] if reference is None else ["--reference", reference]),
        *([] if sample_size == 50 else ["--sample-size", str(sample_size)]),
        *(["--litert"] if litert else []),
    ]
    command = shlex.join(["tfvae", "export", _shown(run), _shown(target), *options])
    with quiet_import():
        from tfvae._support import devices
        from tfvae.app.run.exporting import export_run

        devices.grow_memory()
    from tfvae.serving import card as cards

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C, which leaves nothing behind
    newest = max(versions(target), default=None)
    folder = export_run(run, target, reference, sample_size, version, litert, command, data, data_dir)
    written = cards.read(target, int(folder.name))
    say(f"Wrote {folder}; `tfvae card {target}` says what it answers.")
    if not written["warm_up_requests"]:
        say("It has no warm-up requests: they need pip install 'tfvae[serving]'.")
    with contextlib.suppress(FileNotFoundError, ValueError):  # an older version may have no card
        if newest is not None and (lost := cards.lost(cards.read(target, newest), written)):
            say(f"It lacks what version {newest} answers: {', '.join(lost)}.")


def card(
    target: Annotated[Path, typer.Argument(metavar="NAME", help=_NAME)],
    version: Annotated[int | None, typer.Option(min=1, help="Which version. [default: the newest one]")] = None,
) -> None:
    """Print what an exported model answers: its signatures with shapes and units, and what it lacks."""
    from tfvae.serving import card as cards

    say(*cards.as_text(cards.read(target, version)).split("\n"))


def _shown(path: Path) -> str:
    """A path for the card: where an absolute one lies is of no use on another machine."""
    return path.name if path.is_absolute() else str(path)
