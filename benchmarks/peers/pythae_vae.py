"""pythae: its own default VAE (784-512-10, sigmoid mean, unit scale) and its own trainer, with a validation set.

Images are given as pythae's own examples give them: as floats in [0, 1], converted before training. Its trainer
evaluates after each epoch, shows a progress bar and keeps a copy of the best model; nothing of that is switched off.

Variants: none.
"""

from __future__ import annotations

import math
import tempfile
import time
from typing import Any

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback

from cases import LEARNING_RATE, PIXELS, SIDE, Case, Draws, validation_images


def build(case: Case) -> VAE:
    return VAE(VAEConfig(input_dim=(1, SIDE, SIDE), latent_dim=case.latent))


def parameters(case: Case) -> int:
    return sum(parameter.numel() for parameter in build(case).parameters())


def loss(case: Case, weights: list[np.ndarray], raw: np.ndarray, draws: Draws) -> float:
    """With the constant of the normal density, which pythae leaves out."""
    model, normal = build(case), torch.from_numpy(draws.latent[0])
    layers = in_heads(weights)
    parts = (model.encoder.layers, model.encoder.embedding, model.encoder.log_var, model.decoder.layers)
    parameters = [parameter for part in parts for parameter in part.parameters()]
    for parameter, weight in zip(parameters, layers, strict=True):
        parameter.data = torch.from_numpy(np.array(weight.T))
    model._sample_gauss = lambda mean, scale: (mean + scale * normal, normal)
    value = model({"data": as_floats(raw)}).loss.item()
    return value + PIXELS * 0.5 * math.log(2 * math.pi)


def in_heads(weights: list[np.ndarray]) -> list[np.ndarray]:
    """The weights with the encoder's two heads apart."""
    (mean, log_variance), (mean_bias, log_variance_bias) = np.split(weights[2], 2, axis=-1), np.split(weights[3], 2)
    return [*weights[:2], mean, mean_bias, log_variance, log_variance_bias, *weights[4:]]


def as_floats(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.reshape(-1, 1, SIDE, SIDE) / np.float32(255))


class Clock(TrainingCallback):
    """When epochs, their evaluation included, are over."""

    def __init__(self) -> None:
        self.epochs: list[float] = []

    def on_epoch_end(self, training_config: Any, **kwargs: Any) -> None:
        self.epochs.append(time.perf_counter())


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    del variant
    train_images, validation = (
        BaseDataset(as_floats(each), torch.zeros(len(each))) for each in (images, validation_images())
    )
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=1 + case.epochs,
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=case.batch,
            per_device_eval_batch_size=case.batch,
        )
        BaseTrainer(build(case), train_images, validation, settings, [clock]).train()
    return clock.epochs[-1] - clock.epochs[0]
