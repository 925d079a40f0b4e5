"""tfvae: the model built from its parts, trained in `fit` with the progress bar.

Variants of `train`: "" and "validation", which also evaluates 5,000 images after each epoch.
"""

from __future__ import annotations

import time

import keras
import numpy as np

import tfvae
from cases import LEARNING_RATE, SIDE, Case, Draws, validation_images
from tfvae import families, networks, preprocessing

SHAPE = (SIDE, SIDE, 1)


def build(case: Case) -> tfvae.VAE:
    if case.filters:
        bodies = networks.convnet(case.filters, case.activation), networks.deconvnet(SHAPE, case.filters[::-1])
    else:
        bodies = networks.mlp(case.hidden, case.activation), networks.mlp(case.hidden[::-1], case.activation)
    normal = case.likelihood == "normal"
    return tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(bodies[0], families.Normal((case.latent,))),
        decoder=tfvae.ConditionalDistribution(
            bodies[1], families.Normal(SHAPE) if normal else families.Bernoulli(SHAPE)
        ),
        prior=tfvae.priors.StandardNormal((case.latent,)),
        preprocess=preprocessing.Dequantize() if normal else preprocessing.Binarize(),
        objective=tfvae.ImportanceWeighted(case.samples) if case.samples else tfvae.ELBO(),
    )


def compile_for(model: tfvae.UnsupervisedModel, steps_per_epoch: int, batch: int) -> None:
    """Compiled as users are told to; the only place that knows how."""
    settings = tfvae.execution.settings(model, steps_per_epoch, batch)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), **settings)


def parameters(case: Case) -> int:
    return sum(int(np.prod(variable.shape)) for variable in build(case).trainable_variables)


def reference(case: Case, raw: np.ndarray) -> tuple[list[np.ndarray], Draws, float]:
    """Random weights, the random numbers of the first step, and the loss that this step reports."""
    model, random = build(case), np.random.default_rng(0)
    for variable in model.trainable_variables:  # biases too, which are zero at the start
        variable.assign(random.normal(0, 0.05, variable.shape))
    weights = [np.array(variable) for variable in model.trainable_variables]
    noise = tfvae.Noise(model.seed)
    stream = "dequantize" if case.likelihood == "normal" else "binarize"
    data = noise.uniform(stream, len(raw), SHAPE).numpy()
    latent = noise.normal("posterior", len(raw), (case.latent,), case.draws).numpy()
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    return weights, Draws(data, latent), float(model.train_on_batch(raw, return_dict=True)["loss"])


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    model, clock = build(case), Clock()
    compile_for(model, case.steps, case.batch)
    model.fit(
        tfvae.training.batches(images, case.batch, seed=0),
        steps_per_epoch=case.steps,
        epochs=1 + case.epochs,
        validation_data=validation_images() if variant == "validation" else None,
        validation_batch_size=500,
        shuffle=False,
        callbacks=[clock],
        verbose=1,
    )
    return clock.epochs[-1] - clock.epochs[0]


class Clock(keras.callbacks.Callback):
    """When the epochs, their validation included, were over."""

    def __init__(self):
        super().__init__()
        self.epochs: list[float] = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(time.perf_counter())
