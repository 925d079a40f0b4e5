"""Checkpoints of a training run: one file each, written whole or not at all, and checked when it is read."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import keras

from tfvae.files import writing, written_whole
from tfvae.run.identity import MEMBER
from tfvae.saving import load

_FORM = re.compile(r"step-(\d{9})-([0-9a-f]{16})\.keras")
_STATE = MEMBER


class Checkpoint(NamedTuple):
    """Attributes: path; step, the number of training steps behind it; digest, 16 digits of the file's SHA-256."""

    path: Path
    step: int
    digest: str

    def is_whole(self) -> bool:
        """Whether the file holds what was written."""
        return _digest(self.path) == self.digest

    def load(self) -> tuple[keras.Model, dict[str, Any]]:
        """The model, compiled as it was, and the state of its training.

        Raises:
            ValueError: the file is damaged.
        """
        if not self.is_whole():
            raise ValueError(f"{self.path} is damaged: its content is not what was written.")
        with zipfile.ZipFile(self.path) as archive:
            state = json.loads(archive.read(_STATE))
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
            return f"step-{step:09d}-{_digest(file)}.keras"

        with writing(f"A checkpoint in {self.folder}"):
            self.folder.mkdir(exist_ok=True)
            with written_whole(self.folder / "step.keras", name) as unfinished:
                model.save(unfinished)
                with zipfile.ZipFile(unfinished, "a") as archive:
                    archive.writestr(_STATE, json.dumps(state))
        everything = self.all()
        for old in everything[: -self.keep]:
            if old.step != best_step:
                old.path.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()[:16]
