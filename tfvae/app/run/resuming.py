"""A run that goes on: the checkpoint to go on from, and whether it and the model are of this run.

`training.py` goes on from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfvae._support.printing import say
from tfvae._support.versions import NewerVersionError
from tfvae.app.run import identity
from tfvae.app.run.checkpoints import Checkpoint, Checkpoints
from tfvae.app.settings import Settings
from tfvae.models import GuardedModel
from tfvae.parallel.team import Team


def newest(checkpoints: Checkpoints, images: dict[str, str | None], team: Team, resume: bool) -> Checkpoint | None:
    """The checkpoint to go on from, in which all workers agree; None for a run that begins.

    Args:
        checkpoints: the run's.
        images: fingerprints of the images, in which the workers must agree as well.
        team: the workers.
        resume: go on, if there is a checkpoint.

    Raises:
        ValueError: all checkpoints are damaged, or the workers differ.
    """
    if resume:
        team.by_chief(lambda: set_damaged_aside(checkpoints))
    found = checkpoints.newest()[0] if resume else None
    team.agree(
        {**{f"the {name}": images[name] for name in images}, "the checkpoint": found.path.name if found else None}
    )
    return found


def set_damaged_aside(checkpoints: Checkpoints) -> None:
    """Renames damaged checkpoints.

    Raises:
        ValueError: all checkpoints are damaged.
    """
    newest, damaged = checkpoints.newest()
    if damaged and newest is None:
        names = ", ".join(each.path.name for each in damaged)
        raise ValueError(
            f"All checkpoints in {checkpoints.folder} are damaged: {names}; delete them to start this run anew."
        )
    for each in damaged:
        say(f"{each.path} is damaged and not used.")
        each.path.rename(each.path.with_suffix(".damaged"))  # lest it be taken for the one that is written again


def require_same_run(kept: dict[str, Any], settings: Settings, images: dict[str, str | None], folder: Path) -> None:
    """Raises ValueError if a checkpoint was written with other settings or images."""
    before = identity.from_json(kept)
    before.require_settings(settings, folder)
    before.require_images(images, folder, settings.data)


def say_other_replicas(team: Team, before: str) -> None:
    """Says that a checkpoint was written on another number of devices."""
    if team.is_chief and before != str(team.replicas):
        say(
            f"The checkpoint was written on {before} replicas; this run goes on with {team.replicas}: the same steps "
            "to rounding, but not bit for bit.",
            err=True,
        )


def require_own_model(file: Path, run: identity.Identity, goes_on: bool) -> None:
    """Raises ValueError if the end of the run would replace the model of another run, or all that is left of one."""
    if not file.exists():
        return
    if not goes_on:
        raise ValueError(
            f"{file} is there and no checkpoint: nothing is left to go on from, and training anew would replace it. "
            "Move it away, or choose another --out."
        )
    try:
        kept = identity.read(file)
    except NewerVersionError:
        raise
    except ValueError:  # a damaged one is written again
        return
    if kept and (run.settings | kept.compared, run.images | kept.images) != (run.settings, run.images):
        raise ValueError(f"{file} is of another run than the checkpoints beside it and would be replaced; move it.")


def best(checkpoints: Checkpoints, found: dict[str, Any] | None) -> GuardedModel:
    """The model of the best epoch, with its averaged weights if it has some.

    Args:
        checkpoints: the run's.
        found: the best epoch, as `Recorder` keeps it.
    """
    if found is None:
        raise OSError("The checkpoint of the best epoch was deleted with the run folder; train the run again.")
    best = checkpoints.at(found["step"])
    if best is None or not best.is_whole():
        raise OSError(f"The checkpoint of the best epoch, step {found['step']}, is damaged or missing.")
    model, _ = best.load()
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return model
