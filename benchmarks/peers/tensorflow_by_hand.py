"""TensorFlow without Keras and without tfvae: the maths and Adam written out, an epoch as one XLA program.

What tfvae's parts cost is the difference. Weights and moments are `tf.Variable`s, the data lie in memory as one tensor,
a `tf.while_loop` gathers each batch and draws its random numbers by Philox (with XLA's default algorithm they take
15 ms a batch on a CPU). Only the order of an epoch is drawn outside. XLA computes convolutions in a slow way inside
loops on a CPU, so for them a step is a program.

Variants of `train`: "" is XLA, "no XLA" the same function as a plain graph.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from cases import (
    BETA_1,
    BETA_2,
    EPSILON,
    LEARNING_RATE,
    MIN_SCALE,
    PIXELS,
    SIDE,
    Case,
    Draws,
    initial_weights,
    training_images,
)

HALF_LOG_2_PI = float(0.5 * np.log(2 * np.pi))


def parameters(case: Case) -> int:
    return sum(weight.size for weight in initial_weights(case))


def layers_of(case: Case, weights: list) -> tuple[list, list]:
    """The encoder's and the decoder's layers, pairs of kernel and bias."""
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    return layers[: case.encoder_layers + 1], layers[case.encoder_layers + 1 :]


def dense(x: tf.Tensor, layer: tuple) -> tf.Tensor:
    return tf.matmul(x, layer[0]) + layer[1]


def encode(case: Case, layers: list, x: tf.Tensor) -> list[tf.Tensor]:
    """Mean and standard deviation of q(z|x), `[B, latent]` each; x `[B, 784]`."""
    activation = getattr(tf.nn, case.activation)
    if case.filters:
        x = tf.reshape(x, [-1, SIDE, SIDE, 1])
        for kernel, bias in layers[:-1]:
            x = activation(tf.nn.conv2d(x, kernel, 2, "SAME") + bias)
        x = tf.reshape(x, [-1, layers[-1][0].shape[0]])
    else:
        for layer in layers[:-1]:
            x = activation(dense(x, layer))
    mean, raw_scale = tf.split(dense(x, layers[-1]), 2, axis=-1)
    return mean, MIN_SCALE + tf.math.softplus(raw_scale)


def decode(case: Case, layers: list, z: tf.Tensor) -> tf.Tensor:
    """The head's outputs for latents `[N, latent]`: `[N, 784 * outputs]`."""
    activation = getattr(tf.nn, case.activation)
    if not case.filters:
        for layer in layers[:-1]:
            z = activation(dense(z, layer))
        return dense(z, layers[-1])
    side = SIDE // 2 ** len(case.filters)
    x = tf.reshape(activation(dense(z, layers[0])), [-1, side, side, case.filters[-1]])
    for kernel, bias in layers[1:-1]:
        side *= 2
        shape = [tf.shape(x)[0], side, side, kernel.shape[2]]
        x = activation(tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME") + bias)
    x = dense(tf.reshape(x, [-1, x.shape[-1]]), layers[-1])
    return tf.reshape(x, [-1, case.outputs * PIXELS])


def log_normal(x: tf.Tensor, mean: Any, scale: Any) -> tf.Tensor:
    return tf.reduce_sum(-0.5 * ((x - mean) / scale) ** 2 - tf.math.log(scale) - HALF_LOG_2_PI, axis=-1)


def log_likelihood_of(case: Case, layers: list, x: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
    """log p(x|z), `[S, B]`; x `[B, 784]`, z `[S, B, latent]`."""
    outputs = decode(case, layers, tf.reshape(z, [-1, case.latent]))
    outputs = tf.reshape(outputs, [case.draws, -1, outputs.shape[-1]])
    if case.likelihood == "bernoulli":
        return -tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(x + tf.zeros_like(outputs), outputs), axis=-1)
    mean, raw_scale = tf.split(outputs, 2, axis=-1)
    return log_normal(x, mean, MIN_SCALE + tf.math.softplus(raw_scale))


def mean_loss(case: Case, weights: list, raw: tf.Tensor, uniform: tf.Tensor, normal: tf.Tensor) -> tf.Tensor:
    level = tf.cast(raw, tf.float32)
    x = (level + uniform) / 256 if case.likelihood == "normal" else tf.cast(level / 255 > uniform, tf.float32)
    encoder, decoder = layers_of(case, weights)
    mean, scale = encode(case, encoder, x)
    z = mean + scale * normal
    log_px_z = log_likelihood_of(case, decoder, x, z)
    if case.samples:
        log_w = log_px_z + log_normal(z, 0.0, tf.ones([])) - log_normal(z, mean, scale)
        return tf.reduce_mean(np.float32(np.log(case.samples)) - tf.reduce_logsumexp(log_w, axis=0))
    rate = tf.reduce_sum(0.5 * (mean**2 + scale**2 - 1) - tf.math.log(scale), axis=-1)
    return tf.reduce_mean(rate - tf.reduce_mean(log_px_z, axis=0))


def loss(case: Case, weights: list[np.ndarray], raw: np.ndarray, draws: Draws) -> float:
    flat = raw.reshape(-1, PIXELS)
    return float(mean_loss(case, weights, flat, draws.data.reshape(flat.shape), draws.latent))


class Adam:
    """Kingma and Ba 2015, with Keras' place of epsilon."""

    def __init__(self, weights: list[tf.Variable]):
        self.weights = weights
        self.first = [tf.Variable(tf.zeros_like(each)) for each in weights]
        self.second = [tf.Variable(tf.zeros_like(each)) for each in weights]
        self.steps = tf.Variable(0.0)

    def apply(self, gradients: list[tf.Tensor]) -> None:
        step = self.steps.assign_add(1.0)
        rate = LEARNING_RATE * tf.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
        for weight, m, v, gradient in zip(self.weights, self.first, self.second, gradients, strict=True):
            m.assign_add((gradient - m) * (1 - BETA_1))
            v.assign_add((gradient**2 - v) * (1 - BETA_2))
            weight.assign_sub(rate * m / (tf.sqrt(v) + EPSILON))


def make_epoch(case: Case, images: tf.Tensor, xla: bool) -> Any:
    """A function of an epoch's row numbers `[steps, batch]` and its number that trains and gives the last loss."""
    weights = [tf.Variable(each) for each in initial_weights(case)]
    adam = Adam(weights)

    def step(raw: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        uniform = tf.random.stateless_uniform(raw.shape, seed, alg="philox")
        other_seed = seed + tf.constant([0, 1])
        normal = tf.random.stateless_normal([case.draws, case.batch, case.latent], other_seed, alg="philox")
        with tf.GradientTape() as tape:
            value = mean_loss(case, weights, raw, uniform, normal)
        adam.apply(tape.gradient(value, weights))
        return value

    @tf.function(jit_compile=xla, autograph=False)
    def single(rows: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return step(tf.ensure_shape(tf.gather(images, rows), [case.batch, PIXELS]), seed)

    def looped(rows: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        for index, each in enumerate(rows):
            value = single(each, tf.stack([number, 2 * index]))
        return value

    @tf.function(jit_compile=xla, autograph=False)
    def epoch(rows: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        def body(index: tf.Tensor, _: tf.Tensor) -> Any:
            raw = tf.ensure_shape(tf.gather(images, rows[index]), [case.batch, PIXELS])
            return index + 1, step(raw, tf.stack([number, 2 * index]))

        return tf.while_loop(lambda index, _: index < case.steps, body, (tf.constant(0), tf.constant(0.0)))[1]

    return looped if xla and case.filters else epoch


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    epoch = make_epoch(case, tf.constant(images.reshape(-1, PIXELS)), xla=variant != "no XLA")

    def run(number: int) -> None:
        order = tf.random.shuffle(tf.range(len(images)))[: case.steps * case.batch]
        epoch(tf.reshape(order, [case.steps, case.batch]), tf.constant(number)).numpy()

    run(0)
    start = time.perf_counter()
    for number in range(case.epochs):
        run(1 + number)
    return time.perf_counter() - start


def first_step(case: Case, variant: str = "") -> None:
    """One epoch, compiled as one program, of a single step."""
    images = tf.constant(training_images(55_000).reshape(-1, PIXELS))
    epoch = make_epoch(replace(case, images=case.batch), images, xla=variant != "no XLA")
    order = tf.random.shuffle(tf.range(len(images)))[: case.batch]
    epoch(order[tf.newaxis], tf.constant(0)).numpy()
