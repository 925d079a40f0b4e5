"""Cross-validation of VAEs, a file for each fold, so that what is done is not done again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from reproduction.fold_training import Protocol, scored, trained
from reproduction.results import mean_and_error
from tfvae._support.checks import integer
from tfvae._support.files import read_json, write_json
from tfvae.app.interruption import Interrupted, Interruption
from tfvae.datasets import Split, fingerprint
from tfvae.objectives import Objective
from tfvae.preprocessing import Preprocessing


@dataclasses.dataclass(frozen=True)
class Study:
    """A model that is cross-validated, and on what.

    Attributes:
        name: of its files.
        objective: what it is trained with.
        preprocess: from frames to x, and so what log p(x) may be called.
        shuffled: the frames are shuffled before they are split; otherwise each fold is a block of neighbours.
        published: mean and standard error to compare with, in nats.
    """

    name: str
    objective: Objective
    preprocess: Preprocessing
    shuffled: bool = True
    published: tuple[float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """What decides the figures of its folds, beside the protocol."""
        return {
            "objective": type(self.objective).__name__,
            **self.objective.get_config(),
            "preprocess": type(self.preprocess).__name__,
            "shuffled": self.shuffled,
        }


def random_folds(examples: int, folds: int, seed: int) -> list[np.ndarray]:
    """Every example in one of K folds, shuffled before they are split; sizes differ by one at most.

    Args:
        examples: their number N.
        folds: K, between 2 and N.
        seed: a non-negative int, of the order.

    Returns:
        K arrays of row numbers.

    Raises:
        ValueError: `folds` is out of range.
    """
    # The bit generator is named because NumPy may one day choose another as its default.
    return _split(np.random.Generator(np.random.PCG64(seed)).permutation(examples), folds)


def block_folds(examples: int, folds: int) -> list[np.ndarray]:
    """The same without shuffling: each fold is a block of neighbours, such as a part of a video."""
    return _split(np.arange(examples), folds)


def cross_validate(
    study: Study, frames: np.ndarray, protocol: Protocol, folder: Path, interruption: Interruption, verbose: int = 0
) -> dict[str, Any]:
    """Trains and scores a study's model once for each fold, on the frames of all the others.

    The folder gets `STUDY-FOLD.json` as each fold ends; a fold that is there is only read.

    Args:
        study: the model.
        frames: `[N, H, W, C]`.
        protocol: how each fold is trained and scored.
        folder: made if missing.
        interruption: looked at between training steps.
        verbose: 0 prints nothing, else a line for each fold.

    Returns:
        The study with the mean over the folds and its standard error for each figure of `scored`, and the folds.

    Raises:
        Interrupted: it was asked to stop; the fold that was being trained is lost.
        ValueError: the folder has folds of other frames or another protocol.
    """
    if study.shuffled:
        tests = random_folds(len(frames), protocol.folds, protocol.seed)
    else:
        tests = block_folds(len(frames), protocol.folds)
    images, found = fingerprint(Split(frames)), []
    for number, test in enumerate(tests):
        path = folder / f"{study.name}-{number:02d}.json"
        identity = {"fold": number, "images": images, **dataclasses.asdict(protocol), **study.as_dict()}
        figures = _kept(path, identity)
        if figures is None:
            figures = _fold(study, frames, number, test, protocol, interruption)
            write_json(path, {"identity": identity, "figures": figures})
            interruption.unsaved = False
            if verbose:
                print(f"{study.name}, fold {number}: {figures['log_likelihood']:.2f} nats", flush=True)
        found.append(figures)
    names = [name for name in ("log_likelihood", "elbo", "bits_per_dim") if name in found[0]]
    averages: dict[str, Any] = {name: mean_and_error([figures[name] for figures in found]) for name in names}
    return {**study.as_dict(), **averages, "published": study.published, "folds": found}


def _fold(
    study: Study, frames: np.ndarray, number: int, test: np.ndarray, protocol: Protocol, interruption: Interruption
) -> dict[str, Any]:
    if interruption.wanted:
        raise Interrupted
    interruption.unsaved = True  # or the program would end while TensorFlow compiles
    rest = np.delete(frames, test, axis=0)
    model = trained(rest, study.objective, study.preprocess, protocol, protocol.seed + number, interruption)
    return {"fold": number, "training_frames": len(rest), **scored(model, frames[test], protocol)}


def _kept(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The figures in a fold's file, if it is there."""
    kept = read_json(path)
    if kept is None:
        return None
    if kept.get("identity") != identity or not isinstance(kept.get("figures"), dict):
        raise ValueError(f"{path} is of other frames or another protocol; choose another folder.")
    return dict(kept["figures"])


def _split(order: np.ndarray, folds: int) -> list[np.ndarray]:
    return np.array_split(order, integer("folds", folds, 2, len(order), "the number of examples, "))
