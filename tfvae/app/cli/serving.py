"""The commands for TensorFlow Serving: `export` and `card`."""

from __future__ import annotations

import contextlib
import shlex
import signal
from pathlib import Path

from tfvae._support.printing import say
from tfvae.app.cli.common import start_tensorflow
from tfvae.app.run import Run
from tfvae.app.run.exporting import check
from tfvae.recipes.options import Count, Version
from tfvae.serving.folder import versions


def export(
    run: Path,
    target: Path,
    *,
    reference: str | None = None,
    sample_size: Count = 50,
    version: Version | None = None,
    litert: bool = False,
    data: str | None = None,
    data_dir: str | None = None,
) -> None:
    """Write a trained model as NAME/VERSION for TensorFlow Serving, with a card of its signatures.

    It needs neither tfvae nor Keras nor TensorFlow Probability any more.

    Args:
        run: folder that `tfvae train` wrote, or a .keras file.
        target: folder of the exported model; its name is the model's name in a server.
        reference: data whose validation images anomalies are told from, such as mnist. [default: those of the run]
        sample_size: samples S of the bound on log p(x).
        version: its number. [default: the next free one]
        litert: also write encode and decode for phones and browsers (LiteRT).
        data: place of the run's own images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
    """
    options = [
        *([] if reference is None else ["--reference", reference]),
        *([] if sample_size == 50 else ["--sample-size", str(sample_size)]),
        *(["--litert"] if litert else []),
    ]
    command = shlex.join(["tfvae", "export", _shown(run), _shown(target), *options])
    found = Run(run, data, None if reference else data_dir)
    check(found, target, reference)
    start_tensorflow()
    from tfvae.serving import card as cards

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C, which leaves nothing behind
    newest = max(versions(target), default=None)
    folder = found.export(target, reference, sample_size, version, litert, command, data_dir if reference else None)
    written = cards.read(target, int(folder.name))
    say(f"Wrote {folder}; `tfvae card {target}` says what it answers.")
    if not written["warm_up_requests"]:
        say("It has no warm-up requests: they need pip install 'tfvae[serving]'.")
    with contextlib.suppress(FileNotFoundError, ValueError):  # an older version may have no card
        if newest is not None and (lost := cards.lost(cards.read(target, newest), written)):
            say(f"It lacks what version {newest} answers: {', '.join(lost)}.")


def card(target: Path, *, version: Version | None = None) -> None:
    """Print what an exported model answers: its signatures with shapes and units, and what it lacks.

    Args:
        target: folder of the exported model.
        version: number of the version. [default: the newest one]
    """
    from tfvae.serving import card as cards

    say(*cards.as_text(cards.read(target, version)).split("\n"))


def _shown(path: Path) -> str:
    """A path for the card: where an absolute one lies is of no use on another machine."""
    return path.name if path.is_absolute() else str(path)
