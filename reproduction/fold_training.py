"""One fold: a VAE trained on some frames and scored on others."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np

from reproduction.results import elbos
from tfvae import evaluation, families, preprocessing
from tfvae.app.interruption import Interrupted, Interruption
from tfvae.datasets import batches as training
from tfvae.models import VAE
from tfvae.objectives import Objective
from tfvae.recipes.vae import vae
from tfvae.training.choice import by_rule


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How every fold is trained and scored.

    Attributes:
        folds: of the cross-validation.
        hidden: units of the one hidden layer of encoder and decoder.
        latent_size: latent dimensions.
        activation: of the hidden layers, Keras' name.
        scale, min_scale: where the standard deviation of p(x|z) comes from, and its floor; see `families.Normal`.
        batch_size: frames a step.
        steps: of training.
        learning_rate: Adam's at the start; it falls to zero on a cosine.
        samples: S of the estimate of log p(x).
        seed: of the order of the frames; this plus the fold's number, of its weights, noise and batches.
    """

    folds: int = 10
    hidden: int = 200
    latent_size: int = 20
    activation: str = "softplus"
    scale: str = "pixel"
    min_scale: float = 1 / 256
    batch_size: int = 100
    steps: int = 15_000
    learning_rate: float = 3e-3
    samples: int = 5000
    seed: int = 0


class _Stop(keras.callbacks.Callback):
    """Ends training where it was asked to: a fold is short, and begun again."""

    def __init__(self, interruption: Interruption):
        super().__init__()
        self.interruption = interruption

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.interruption.wanted:
            raise Interrupted


def trained(
    frames: np.ndarray,
    objective: Objective,
    preprocess: preprocessing.Preprocessing,
    protocol: Protocol,
    seed: int,
    interruption: Interruption,
) -> VAE:
    """A VAE after its training on frames `[N, H, W, C]`, a function of the arguments alone.

    Raises:
        Interrupted: it was asked to stop.
        ValueError: the protocol makes no sense, or has batches larger than N.
    """
    keras.utils.set_random_seed(seed)
    likelihood = families.Normal(frames.shape[1:], scale=protocol.scale, min_scale=protocol.min_scale)
    model = vae(
        frames.shape[1:],
        protocol.latent_size,
        f"mlp({protocol.hidden}, activation={protocol.activation})",
        likelihood,
        preprocess,
        objective=objective,
        seed=seed,
    )
    rate = keras.optimizers.schedules.CosineDecay(protocol.learning_rate, protocol.steps)
    way = by_rule(model, protocol.batch_size)
    model.compile(keras.optimizers.Adam(rate), **way.arguments)
    batches = training.batches(frames, protocol.batch_size, seed)
    # One epoch: nothing is looked at between the first step and the last.
    model.fit(batches, steps_per_epoch=protocol.steps, shuffle=False, verbose=0, callbacks=[_Stop(interruption)])
    return model


def scored(model: VAE, frames: np.ndarray, protocol: Protocol) -> dict[str, Any]:
    """A model's figures on frames, averages over them in nats.

    Returns:
        elbo, a lower bound; log_likelihood, the estimate of the tighter bound L_S; bits_per_dim of that, where it may
        be quoted; the digest of the array that is scored; and scales_at_floor, the share of the standard deviations of
        p(x|z), at the posterior means, below twice their floor.
    """
    log_p = float(evaluation.log_likelihood(model, frames, protocol.samples).mean())
    scales = np.asarray(model(frames).stddev())
    found = {
        "elbo": float(elbos(model, frames).mean()),
        "log_likelihood": log_p,
        "frames": len(frames),
        "digest": evaluation.fix(frames, model.preprocess).digest,
        "scales_at_floor": float(np.mean(scales < 2 * protocol.min_scale)),
    }
    if model.unit.bits_offset is not None:
        found["bits_per_dim"] = model.unit.bits_per_dim(log_p, int(np.prod(model.data_shape)))
    return found
