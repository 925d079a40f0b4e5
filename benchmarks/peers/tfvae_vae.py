"""tfvae: the model built from its parts, trained in `fit` with the progress bar.

Variants of `train`: "" and "validation", which also evaluates 5,000 images after each epoch.
"""

from __future__ import annotations

import os
import tempfile
import time

import keras
import numpy as np

import tfvae
from cases import LEARNING_RATE, SIDE, Case, Draws, Training, initial_weights, training_images, validation_images
from peers.clock import Clock, FirstStep
from tfvae import families, networks, preprocessing
from tfvae.datasets import Split

SHAPE = (SIDE, SIDE, 1)


def build(case: Case) -> tfvae.VAE:
    if case.filters:
        bodies = networks.convnet(case.filters, case.activation), networks.deconvnet(SHAPE, case.filters[::-1])
    else:
        bodies = networks.mlp(case.hidden, case.activation), networks.mlp(case.hidden[::-1], case.activation)
    normal = case.likelihood == "normal"
    likelihood = families.Normal(SHAPE) if normal else families.Bernoulli(SHAPE)
    return tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(bodies[0], families.Normal((case.latent,))),
        decoder=tfvae.ConditionalDistribution(bodies[1], likelihood),
        prior=tfvae.priors.StandardNormal((case.latent,)),
        preprocess=preprocessing.Dequantize() if normal else preprocessing.Binarize(),
        objective=tfvae.ImportanceWeighted(case.samples) if case.samples else tfvae.ELBO(),
    )


def compile_for(model: tfvae.UnsupervisedModel) -> None:
    """Compiled as users are told to; the only place that knows how."""
    model.compile(keras.optimizers.Adam(LEARNING_RATE), steps_per_execution="auto")


def parameters(case: Case) -> int:
    return count(build(case))


def count(model: keras.Model) -> int:
    """Trainable numbers."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def reference(case: Case, raw: np.ndarray) -> tuple[list[np.ndarray], Draws, float]:
    """Random weights, the random numbers of the first step, and the loss that this step reports."""
    return first_step_of(build(case), case, raw)


def first_step_of(model: tfvae.VAE, case: Case, raw: np.ndarray) -> tuple[list[np.ndarray], Draws, float]:
    weights = drawn_weights(model)
    noise = tfvae.Noise(model.seed)
    data = noise.uniform("dequantize" if case.likelihood == "normal" else "binarize", len(raw), SHAPE)
    latent = noise.normal("posterior", len(raw), (case.latent,), case.draws)
    return weights, Draws(data.numpy(), latent.numpy()), first_loss(model, raw)


def drawn_weights(model: tfvae.UnsupervisedModel, factor: float = 1.0) -> list[np.ndarray]:
    """Random weights, which are assigned; `factor` is 1 for weights that keep the scale of what goes through them."""
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:  # biases too, which are zero at the start
        fan_in = int(np.prod(variable.shape[:-1]))
        variable.assign(factor * random.normal(0, fan_in**-0.5 if fan_in > 1 else 0.1, variable.shape))
    return [np.array(variable) for variable in model.trainable_variables]


def first_loss(model: tfvae.UnsupervisedModel, raw: np.ndarray) -> float:
    """What the first step of training reports."""
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    return float(model.train_on_batch(raw, return_dict=True)["loss"])


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    return fit(build(case), case, images, validation_images() if variant == "validation" else None)


def fit(model: tfvae.UnsupervisedModel, case: Training, images: np.ndarray, validation: np.ndarray | None) -> float:
    """Seconds of all epochs but the first."""
    clock = Clock()
    compile_for(model)
    model.fit(
        tfvae.training.batches(images, case.batch, seed=0),
        steps_per_epoch=case.steps,
        epochs=1 + case.epochs,
        validation_data=None if validation is None else Split(validation).in_order(500),
        shuffle=False,
        callbacks=[clock],
        verbose=1,
    )
    return clock.seconds


def log_likelihood(case: Case, images: np.ndarray, samples: int, variant: str = "") -> tuple[float, float]:
    """The second call, which finds what the first one compiled."""
    del variant
    model = build(case)
    for variable, weight in zip(model.trainable_variables, initial_weights(case), strict=True):
        variable.assign(weight)
    model.log_likelihood(images[: min(100, len(images))], samples)
    start = time.perf_counter()
    bounds = model.log_likelihood(images, samples)
    return time.perf_counter() - start, float(bounds.mean())


def sample(case: Case, number: int, repeats: int, variant: str) -> float:
    """Variants: "means" and "draws"."""
    model = build(case)
    model.sample(number, mean=variant == "means")
    start = time.perf_counter()
    for seed in range(repeats):
        _, x = model.sample(number, seed, mean=variant == "means")
        x.numpy()
    return time.perf_counter() - start


def first_step(case: Case | None, variant: str = "") -> None:
    """Trains a model, the default one if there is no case, to the end of the first execution of `fit`.

    Variants: "" and "measuring", where nothing is known yet of how to run the steps of such a model.
    """
    if variant == "measuring":
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()
    model = tfvae.vae() if case is None else build(case)
    images, batch = training_images(55_000), 100
    steps = tfvae.training.steps_per_epoch(len(images), batch)
    compile_for(model)
    data = tfvae.training.batches(images, batch, seed=0)
    try:
        model.fit(data, steps_per_epoch=steps, shuffle=False, callbacks=[FirstStep()], verbose=0)
    except FirstStep.Done:
        return


def first_use() -> None:
    """Makes the default model."""
    tfvae.vae()
