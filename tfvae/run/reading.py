"""The files of a run folder, and the model in it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tfvae.models import GuardedModel
from tfvae.run.checkpoints import Checkpoints
from tfvae.saving import load

MODEL, REPORT = "model.keras", "report.json"
CHECKPOINTS = "checkpoints"


def model_of(path: Path) -> GuardedModel:
    """The model of a run folder, or of a `.keras` file.

    Where the training did not end it is that of the newest checkpoint, which is said on the standard error.

    Raises:
        FileNotFoundError: there is no model.
        ValueError: the file is damaged, of a newer version, or holds another kind of model.
    """
    if path.suffix == ".keras":
        return _whole_model(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no run folder {path}; `tfvae train` makes one.")
    if (path / MODEL).exists():
        return _whole_model(path / MODEL)
    newest, damaged = Checkpoints(path / CHECKPOINTS).newest()
    if newest is not None:
        print(
            f"{path} has no {MODEL}, which training writes last; this is its checkpoint of step {newest.step}.",
            file=sys.stderr,
        )
        model, _ = newest.load()
        model.optimizer.finalize_variable_values(model.trainable_weights)  # the averaged weights, where there are some
        return model
    if damaged:
        raise ValueError(f"All checkpoints in {path / CHECKPOINTS} are damaged.")
    raise FileNotFoundError(f"{path} holds neither {MODEL} nor a checkpoint; `tfvae train` writes them.")


def model_digest(folder: Path) -> str | None:
    """12 hexadecimal digits of the SHA-256 of the file that `model_of` reads; None where there is none."""
    path = folder if folder.suffix == ".keras" else folder / MODEL
    if not path.exists():
        newest, _ = Checkpoints(folder / CHECKPOINTS).newest()
        if newest is None:
            return None
        path = newest.path
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _whole_model(path: Path) -> GuardedModel:
    model = load(path)
    if not isinstance(model, GuardedModel):
        raise ValueError(f"{path} must hold a whole model; it holds a `{type(model).__name__}`.")
    return model
