"""JAX: an epoch as one `lax.scan` over its batches inside one `jit`, with the state donated and the data resident.

The order of the data is drawn inside. Adam is written out, in Keras' form, where it becomes part of the same program.

For convolutions on a CPU that is not JAX's best, because XLA computes them in a slow way inside loops (0.6 s a step in
a scan, 0.05 s outside), so there a step is a compiled function and the loop is Python's. Nor is the gradient of
`lax.conv_transpose` (0.5 s), so it is written out as the convolutions that it is.

Random numbers come from the implementation "rbg": with JAX's default, "threefry2x32", the dense model at batch 100 made
28,500 images/s where it made 38,800 with "rbg" and with "unsafe_rbg".

Variants: none.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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

jax.config.update("jax_default_prng_impl", "rbg")

ROWS, SAMPLES = 100, 50  # of a block of log-likelihoods
LAYOUT = ("NHWC", "HWIO", "NHWC")
Weights = list[jax.Array]
LOG_2_PI = float(np.log(2 * np.pi))


def parameters(case: Case) -> int:
    return sum(weight.size for weight in initial_weights(case))


def layers_of(case: Case, weights: Weights) -> tuple[list, list]:
    """The encoder's and the decoder's layers, pairs of kernel and bias."""
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    return layers[: case.encoder_layers + 1], layers[case.encoder_layers + 1 :]


def dense(x: jax.Array, layer: Sequence[jax.Array]) -> jax.Array:
    return x @ layer[0] + layer[1]


def convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=LAYOUT)


@jax.custom_vjp
def transposed_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The gradient of a convolution, which is what Keras' layer is: that is what `transpose_kernel` says."""
    return jax.lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=LAYOUT, transpose_kernel=True)


def forwards(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple]:
    return transposed_convolution(x, kernel), (x, kernel)


def backwards(inputs: tuple, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = inputs
    _, with_respect_to_kernel = jax.vjp(lambda kernel: convolution(gradient, kernel), kernel)
    return convolution(gradient, kernel), with_respect_to_kernel(x)[0]


transposed_convolution.defvjp(forwards, backwards)


def encode(case: Case, layers: list, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and standard deviation of q(z|x), `[B, latent]`; x `[B, 784]`."""
    activation = getattr(jax.nn, case.activation)
    if case.filters:
        x = x.reshape(-1, SIDE, SIDE, 1)
        for kernel, bias in layers[:-1]:
            x = activation(convolution(x, kernel) + bias)
        x = x.reshape(len(x), -1)
    else:
        for layer in layers[:-1]:
            x = activation(dense(x, layer))
    mean, raw_scale = jnp.split(dense(x, layers[-1]), 2, axis=-1)
    return mean, MIN_SCALE + jax.nn.softplus(raw_scale)


def decode(case: Case, layers: list, z: jax.Array) -> jax.Array:
    """The head's outputs for latents `[N, latent]`: `[N, 784 * outputs]`."""
    activation = getattr(jax.nn, case.activation)
    if not case.filters:
        for layer in layers[:-1]:
            z = activation(dense(z, layer))
        return dense(z, layers[-1])
    side = SIDE // 2 ** len(case.filters)
    x = activation(dense(z, layers[0])).reshape(-1, side, side, case.filters[-1])
    for kernel, bias in layers[1:-1]:
        x = activation(transposed_convolution(x, kernel) + bias)
    return dense(x, layers[-1]).reshape(len(z), -1)


def log_normal(x: jax.Array, mean: Any, scale: Any) -> jax.Array:
    return (-0.5 * ((x - mean) / scale) ** 2 - jnp.log(scale) - 0.5 * LOG_2_PI).sum(-1)


def log_likelihood_of(case: Case, layers: list, x: jax.Array, z: jax.Array) -> jax.Array:
    """log p(x|z), `[S, B]`; x `[B, 784]`, z `[S, B, latent]`."""
    outputs = decode(case, layers, z.reshape(-1, case.latent)).reshape(*z.shape[:2], -1)
    if case.likelihood == "bernoulli":
        return (x * outputs - jax.nn.softplus(outputs)).sum(-1)
    mean, raw_scale = jnp.split(outputs, 2, axis=-1)
    return log_normal(x, mean, MIN_SCALE + jax.nn.softplus(raw_scale))


def preprocess(case: Case, raw: jax.Array, uniform: jax.Array) -> jax.Array:
    level = raw.astype(jnp.float32)
    return (level + uniform) / 256 if case.likelihood == "normal" else (level / 255 > uniform).astype(jnp.float32)


def log_weights(case: Case, weights: Weights, x: jax.Array, normal: jax.Array) -> jax.Array:
    """log p(x, z) - log q(z|x), `[S, B]`."""
    encoder, decoder = layers_of(case, weights)
    mean, scale = encode(case, encoder, x)
    z = mean + scale * normal
    log_px_z = log_likelihood_of(case, decoder, x, z)
    return log_px_z + log_normal(z, 0.0, 1.0) - log_normal(z, mean, scale)


def mean_loss(case: Case, weights: Weights, raw: jax.Array, uniform: jax.Array, normal: jax.Array) -> jax.Array:
    x = preprocess(case, raw, uniform)
    if case.samples:
        log_w = log_weights(case, weights, x, normal)
        return (np.log(case.samples) - jax.nn.logsumexp(log_w, axis=0)).mean()
    encoder, decoder = layers_of(case, weights)
    mean, scale = encode(case, encoder, x)
    distortion = -log_likelihood_of(case, decoder, x, mean + scale * normal).mean(0)
    rate = (0.5 * (mean**2 + scale**2 - 1) - jnp.log(scale)).sum(-1)
    return (distortion + rate).mean()


def loss(case: Case, weights: list[np.ndarray], raw: np.ndarray, draws: Draws) -> float:
    flat = raw.reshape(-1, PIXELS)
    return float(mean_loss(case, [*map(jnp.asarray, weights)], flat, draws.data.reshape(flat.shape), draws.latent))


def adam(weights: Weights, first: Weights, second: Weights, step: jax.Array, gradients: Weights) -> tuple:
    first = [BETA_1 * m + (1 - BETA_1) * g for m, g in zip(first, gradients, strict=True)]
    second = [BETA_2 * v + (1 - BETA_2) * g * g for v, g in zip(second, gradients, strict=True)]
    rate = LEARNING_RATE * jnp.sqrt(1 - BETA_2 ** (step + 1)) / (1 - BETA_1 ** (step + 1))
    moved = [w - rate * m / (jnp.sqrt(v) + EPSILON) for w, m, v in zip(weights, first, second, strict=True)]
    return moved, first, second, step + 1


def make_epoch(case: Case, images: jax.Array) -> Any:
    """A function (state, key) -> (state, losses of the steps or of the last one)."""

    def step(state: tuple, inputs: tuple) -> tuple:
        raw, key = inputs
        data_key, latent_key = jax.random.split(key)
        uniform = jax.random.uniform(data_key, raw.shape)
        normal = jax.random.normal(latent_key, (case.draws, case.batch, case.latent))
        value, gradients = jax.value_and_grad(lambda w: mean_loss(case, w, raw, uniform, normal))(state[0])
        return adam(*state, gradients), value

    def plan(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The rows and the keys of an epoch's steps."""
        order_key, steps_key = jax.random.split(key)
        used = jax.random.permutation(order_key, len(images))[: case.steps * case.batch]
        return used.reshape(case.steps, case.batch), jax.random.split(steps_key, case.steps)

    @functools.partial(jax.jit, donate_argnums=0)
    def scanned(state: tuple, images: jax.Array, key: jax.Array) -> tuple:
        return jax.lax.scan(lambda state, each: step(state, (images[each[0]], each[1])), state, plan(key))

    @functools.partial(jax.jit, donate_argnums=0)
    def single(state: tuple, images: jax.Array, rows: jax.Array, key: jax.Array) -> tuple:
        return step(state, (images[rows], key))

    planned = jax.jit(plan)

    def looped(state: tuple, key: jax.Array) -> tuple:
        for rows, step_key in zip(*planned(key), strict=True):
            state, value = single(state, images, rows, step_key)
        return state, value

    return looped if case.filters else lambda state, key: scanned(state, images, key)


def initial_state(case: Case) -> tuple:
    """Weights, Adam's moments and its number of steps."""
    weights = [*map(jnp.asarray, initial_weights(case))]
    return weights, [*map(jnp.zeros_like, weights)], [*map(jnp.zeros_like, weights)], jnp.float32(0)


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    del variant
    epoch = make_epoch(case, jnp.asarray(images.reshape(-1, PIXELS)))
    state = initial_state(case)
    keys = jax.random.split(jax.random.key(1), 1 + case.epochs)
    state, losses = epoch(state, keys[0])
    losses.block_until_ready()
    start = time.perf_counter()
    for key in keys[1:]:
        state, losses = epoch(state, key)
    jax.block_until_ready((state, losses))
    return time.perf_counter() - start


def log_likelihood(case: Case, images: np.ndarray, samples: int, variant: str = "") -> tuple[float, float]:
    """In blocks of 100 images and 50 samples, a scan over the samples inside one `jit`; compiled before."""
    del variant
    weights = [*map(jnp.asarray, initial_weights(case))]
    blocks = jnp.asarray(images.reshape(-1, ROWS, PIXELS))

    @jax.jit
    def block(raw: jax.Array, key: jax.Array) -> jax.Array:
        data_key, latent_key = jax.random.split(key)
        x = preprocess(case, raw, jax.random.uniform(data_key, raw.shape))

        def add(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
            normal = jax.random.normal(key, (SAMPLES, ROWS, case.latent))
            log_w = log_weights(case, weights, x, normal)
            return jnp.logaddexp(total, jax.nn.logsumexp(log_w, axis=0)), None

        total, _ = jax.lax.scan(add, jnp.full(ROWS, -jnp.inf), jax.random.split(latent_key, samples // SAMPLES))
        return total - np.log(samples)

    keys = jax.random.split(jax.random.key(0), len(blocks))
    block(blocks[0], keys[0]).block_until_ready()
    start = time.perf_counter()
    bounds = np.concatenate([block(raw, key) for raw, key in zip(blocks, keys, strict=True)])
    return time.perf_counter() - start, float(bounds.mean())


def sample(case: Case, number: int, repeats: int, variant: str) -> float:
    """Variants: "means" and "draws"; compiled before."""
    weights = [*map(jnp.asarray, initial_weights(case))]

    @jax.jit
    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        latent_key, data_key = jax.random.split(key)
        z = jax.random.normal(latent_key, (number, case.latent))
        outputs = decode(case, layers_of(case, weights)[1], z)
        mean, raw_scale = jnp.split(outputs, 2, axis=-1)
        if variant == "means":
            return z, mean
        return z, mean + (MIN_SCALE + jax.nn.softplus(raw_scale)) * jax.random.normal(data_key, mean.shape)

    keys = jax.random.split(jax.random.key(0), 1 + repeats)
    jax.block_until_ready(draw(keys[0]))
    start = time.perf_counter()
    for key in keys[1:]:
        np.asarray(draw(key)[1])
    return time.perf_counter() - start


def first_step(case: Case, variant: str = "") -> None:
    """One epoch, compiled as one program, of a single step."""
    del variant
    images = training_images(55_000)
    one_step = replace(case, images=case.batch)
    epoch = make_epoch(one_step, jnp.asarray(images.reshape(-1, PIXELS)))
    jax.block_until_ready(epoch(initial_state(case), jax.random.key(1)))
