"""Checkpoints of a training run: one file each, written whole or not at all, and checked when it is read."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfvae._support.files import writing, written_whole
from tfvae._support.inputs import MOST_HISTORY, archive, digest, member, understood
from tfvae.app.run.identity import MEMBER

if TYPE_CHECKING:
    import keras

_DIGITS = 16
_FORM = re.compile(rf"step-(\d{{9}})-([0-9a-f]{{{_DIGITS}}})\.keras")
_STATE = MEMBER


class Checkpoint(NamedTuple):
    """Attributes: path; step, the number of training steps behind it; digest, 16 digits of the file's SHA-256."""

    path: Path
    step: int
    digest: str

    def is_whole(self) -> bool:
        """Whether the file holds what was written."""
        return digest(self.path)[:_DIGITS] == self.digest

    def load(self) -> tuple[keras.Model, dict[str, Any]]:
        """The model, compiled as it was, and the state of its training.

        Raises:
            ValueError: the file is damaged, or of another version.
            OSError: it is no regular file.
        """
        if not self.is_whole():
            raise ValueError(f"{self.path} is damaged: its content is not what was written.")
        with understood(self.path, "delete it to go on from an older one"), archive(self.path) as opened:
            state = json.loads(member(opened, _STATE, MOST_HISTORY))
            _check_state(state)
        from tfvae.models.saving import load  # here, so that what is not there is said without TensorFlow

        return load(self.path), state


class Checkpoints:
    """The checkpoints in one folder.

    A checkpoint is the model's `.keras` file with one more member, `training.json`; `tfvae.load` reads it too. Its name
    holds the step and the digest of the file. It is there whole or not at all, so a crash or a full disk never harms
    those that are there.

    Args:
        folder: made when the first one is written, in a folder that is there.
        keep: how many of the last are kept, at least 1; the best one is kept beside them.
    """

    def __init__(self, folder: Path, keep: int = 2):
        self.folder, self.keep = folder, keep

    def all(self) -> list[Checkpoint]:
        """From the oldest to the newest."""
        matches = [(path, _FORM.fullmatch(path.name)) for path in self.folder.glob("step-*.keras")]
        return sorted((Checkpoint(path, int(m[1]), m[2]) for path, m in matches if m), key=lambda each: each.step)

    def newest(self) -> tuple[Checkpoint | None, list[Checkpoint]]:
        """The newest one that is whole, and those newer than it, which are damaged."""
        damaged: list[Checkpoint] = []
        for checkpoint in reversed(self.all()):
            if checkpoint.is_whole():
                return checkpoint, damaged
            damaged.append(checkpoint)
        return None, damaged

    def at(self, step: int) -> Checkpoint | None:
        """The one of that step."""
        return next((each for each in self.all() if each.step == step), None)

    def write(self, model: keras.Model, step: int, state: dict[str, Any], best_step: int | None) -> None:
        """Writes one, then deletes those that are neither among the last nor the best.

        Args:
            model: compiled.
            step: training steps so far.
            state: what `load` is to give back beside the model; JSON, whose floats come back bit for bit.
            best_step: the step of the best one.

        Raises:
            OSError: it could not be written; those before are still there.
        """

        def name(file: Path) -> str:
            return f"step-{step:09d}-{digest(file)[:_DIGITS]}.keras"

        with writing(f"A checkpoint in {self.folder}"):
            self.folder.mkdir(exist_ok=True)
            with written_whole(self.folder / "step.keras", name) as unfinished:
                model.save(unfinished)
                with zipfile.ZipFile(unfinished, "a") as opened:
                    opened.writestr(_STATE, json.dumps(state))
        everything = self.all()
        for old in everything[: -self.keep]:
            if old.step != best_step:
                old.path.unlink(missing_ok=True)


def _check_state(state: Any) -> None:
    """ValueError where the state of a training is not as `Recorder` writes it."""
    match state:
        case {
            "identity": dict(), "epoch": int(), "step": int(), "metrics": dict(metrics), "history": list(history),
            "best": None | {"epoch": int(), "step": int()}, "seconds": [float(), float()],
        } if all(isinstance(values, list) for values in metrics.values()) and all(map(_is_row, history)):  # fmt: skip
            return
    raise ValueError(f"{_STATE} is of another form.")


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(value, (int, float)) for value in row.values())
