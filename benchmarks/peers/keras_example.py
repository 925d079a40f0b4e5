"""The loop of Keras' own VAE example (keras.io/examples/generative/vae): a `train_step` with metrics and plain `fit`.

As there, a layer draws the noise, mean and scale have a head each, the data are an array, and `compile` gets an
optimiser only, so that Keras decides about XLA (not on a CPU). Otherwise than there the maths are those of `cases`.
Only for the ELBO (`samples` 0).

Variants: none.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from cases import BETA_1, BETA_2, EPSILON, LEARNING_RATE, MIN_SCALE, PIXELS, SIDE, Case, Draws, training_images
from peers.clock import Clock, FirstStep


class Noise(layers.Layer):
    """Draws, or gives what `fixed` holds: uniform numbers like x and normal ones like the latents."""

    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(0)
        self.fixed: Draws | None = None

    def uniform(self, like: Any) -> Any:
        if self.fixed is not None:
            return self.fixed.data
        return keras.random.uniform(ops.shape(like), seed=self.seed_generator)

    def normal(self, like: Any) -> Any:
        if self.fixed is not None:
            return self.fixed.latent[0]
        return keras.random.normal(ops.shape(like), seed=self.seed_generator)


def encoder_of(case: Case) -> keras.Model:
    inputs = x = keras.Input((SIDE, SIDE, 1))
    for filters in case.filters:
        x = layers.Conv2D(filters, 3, activation=case.activation, strides=2, padding="same")(x)
    x = layers.Flatten()(x)
    for units in case.hidden:
        x = layers.Dense(units, activation=case.activation)(x)
    return keras.Model(inputs, [layers.Dense(case.latent)(x), layers.Dense(case.latent)(x)])


def decoder_of(case: Case) -> keras.Model:
    inputs = x = keras.Input((case.latent,))
    if not case.filters:
        for units in reversed(case.hidden):
            x = layers.Dense(units, activation=case.activation)(x)
        heads = [layers.Dense(PIXELS)(x) for _ in range(case.outputs)]
        return keras.Model(inputs, [layers.Reshape((SIDE, SIDE, 1))(head) for head in heads])
    side = SIDE // 2 ** len(case.filters)
    x = layers.Dense(side * side * case.filters[-1], activation=case.activation)(x)
    x = layers.Reshape((side, side, case.filters[-1]))(x)
    for filters in reversed(case.filters):
        x = layers.Conv2DTranspose(filters, 3, activation=case.activation, strides=2, padding="same")(x)
    return keras.Model(inputs, [layers.Conv2D(1, 1)(x) for _ in range(case.outputs)])


class VAE(keras.Model):
    def __init__(self, case: Case):
        super().__init__()
        self.case, self.noise = case, Noise()
        self.encoder, self.decoder = encoder_of(case), decoder_of(case)
        names = ("loss", "distortion", "rate")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self) -> list:
        return self.trackers

    def terms(self, raw: Any) -> tuple[Any, Any]:
        """Mean distortion and rate of a batch."""
        level = ops.cast(raw, "float32")
        uniform = self.noise.uniform(level)
        normal = self.case.likelihood == "normal"
        x = (level + uniform) / 256 if normal else ops.cast(level / 255 > uniform, "float32")
        mean, raw_scale = self.encoder(x)
        scale = MIN_SCALE + ops.softplus(raw_scale)
        heads = self.decoder(mean + scale * self.noise.normal(mean))  # a list, unless there is only one
        outputs = heads if isinstance(heads, list) else [heads]
        rate = ops.sum(0.5 * (mean**2 + scale**2 - 1) - ops.log(scale), axis=-1)
        return ops.mean(ops.sum(self.distortion(x, *outputs), axis=(1, 2, 3))), ops.mean(rate)

    def distortion(self, x: Any, outputs: Any, raw_scale: Any = None) -> Any:
        """-log p(x|z) of each pixel."""
        if self.case.likelihood == "bernoulli":
            return ops.binary_crossentropy(x, outputs, from_logits=True)
        scale = MIN_SCALE + ops.softplus(raw_scale)
        return 0.5 * ((x - outputs) / scale) ** 2 + ops.log(scale) + 0.5 * np.log(2 * np.pi)

    def train_step(self, data: Any) -> dict:
        with tf.GradientTape() as tape:
            distortion, rate = self.terms(data)
            loss = distortion + rate
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        for tracker, value in zip(self.trackers, (loss, distortion, rate), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def parameters(case: Case) -> int:
    return sum(int(np.prod(weight.shape)) for weight in VAE(case).trainable_weights)


def loss(case: Case, weights: list[np.ndarray], raw: np.ndarray, draws: Draws) -> float:
    model = VAE(case)
    for variable, weight in zip(model.trainable_weights, in_heads(case, weights), strict=True):
        variable.assign(np.reshape(weight, variable.shape))
    model.noise.fixed = draws
    return float(sum(model.terms(raw)))


def in_heads(case: Case, weights: list[np.ndarray]) -> list[np.ndarray]:
    """The weights with the heads' means and raw scales apart."""
    end = 2 * (case.encoder_layers + 1)
    encoder, decoder = weights[: end - 2], weights[end:-2]
    for part, (kernel, bias), count in ((encoder, weights[end - 2 : end], 2), (decoder, weights[-2:], case.outputs)):
        kernels, biases = np.split(kernel, count, axis=-1), np.split(bias, count)
        part += [each for pair in zip(kernels, biases, strict=True) for each in pair]
    return encoder + decoder


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    del variant
    model, clock = VAE(case), Clock()
    model.compile(keras.optimizers.Adam(LEARNING_RATE, BETA_1, BETA_2, EPSILON))
    used = images[: case.steps * case.batch]
    model.fit(used, batch_size=case.batch, epochs=1 + case.epochs, callbacks=[clock])
    return clock.seconds


def first_step(case: Case, variant: str = "") -> None:
    del variant
    model = VAE(case)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    try:
        model.fit(training_images(55_000), batch_size=case.batch, callbacks=[FirstStep()], verbose=0)
    except FirstStep.Done:
        return
