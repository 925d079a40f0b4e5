"""A training run of a reproduction, which is trained once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tfvae._support.folders import below
from tfvae.app import run as training_run
from tfvae.app.interruption import Interruption
from tfvae.app.run.folder import REPORT
from tfvae.app.settings import CONFIG, Settings, settings_of


def trained_run(settings: Settings, folder: Path, interruption: Interruption, verbose: int) -> None:
    """Trains a run, or goes on with it, unless it has ended."""
    below(folder.parent, folder.name)
    has_begun = (folder / CONFIG).exists()
    if has_begun:
        kept = settings_of(folder)
        # A run keeps what it was compiled with where the settings leave that open.
        wanted = dataclasses.replace(settings, xla=kept.xla, steps_per_execution=kept.steps_per_execution)
        if _name(wanted.weights) == _name(kept.weights):  # the folder that holds both runs may have been moved
            wanted = dataclasses.replace(wanted, weights=kept.weights)
        for name, (new, old) in wanted.differences(kept).items():
            raise ValueError(f"The run in {folder} has {name} {old}, not {new}; choose another folder.")
        settings = kept
    if not (folder / REPORT).exists():
        training_run.train(settings, folder, interruption, resume=has_begun, verbose=verbose)


def _name(path: str | None) -> str | None:
    return None if path is None else Path(path).name
