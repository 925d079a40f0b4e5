"""The names of the systems, and those that train a case."""

from __future__ import annotations

from typing import Any

from cases import Case, Training, training_images
from questions import System

OURS, VALIDATED, BY_HAND, KERAS = "tfvae", "tfvae with validation", "TensorFlow by hand", "Keras example"
JAX, EAGER, COMPILED = "JAX scan", "PyTorch eager", "PyTorch compiled"


def training(name: str, module: str, case: Training, variant: str = "") -> System:
    """A system whose figure is images a second in training."""

    def measure(peer: Any, smoke: bool) -> float:
        used = case.small() if smoke else case
        seconds = peer.train(used, training_images(used.images), variant)
        return used.steps * used.batch * used.epochs / seconds

    return System(name, module, measure)


def all_training(case: Case) -> list[System]:
    """Those that can train every case."""
    return [
        training(OURS, "tfvae_vae", case),
        training(BY_HAND, "tensorflow_by_hand", case),
        training(JAX, "jax_vae", case),
        training(EAGER, "torch_vae", case),
        training(COMPILED, "torch_vae", case, "compiled"),
    ]
