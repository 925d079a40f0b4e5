"""JAX: a step as one compiled function in a Python loop, with the state donated and the data resident.

A loop inside `jit` would be slower: see `jax_vae.py`, whose Adam and random numbers these are. Variants: none.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cases import PIXELS, SIDE, Draws, RealNVP, initial_flow_weights
from peers.jax_vae import LAYOUT, LOG_2_PI, Weights, adam

EVEN = (np.add.outer(np.arange(SIDE), np.arange(SIDE))[..., np.newaxis] + 1) % 2


def parameters(case: RealNVP) -> int:
    return sum(weight.size for weight in initial_flow_weights(case))


def moves(weights: Weights, seen: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Shift and log scale by a network of three convolutions."""
    x = seen
    for layer in range(3):
        kernel, bias = weights[2 * layer : 2 * layer + 2]
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=LAYOUT) + bias
        x = jax.nn.relu(x) if layer < 2 else x
    shift, raw = jnp.split(x, 2, axis=-1)
    return shift, jnp.tanh(raw)


def checkerboard(weights: Weights, flip: bool, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    even = jnp.asarray(EVEN[: x.shape[1], : x.shape[2]], x.dtype)
    kept = 1 - even if flip else even
    shift, log_scale = (each * (1 - kept) for each in moves(weights, x * kept))
    return (x + shift) * jnp.exp(log_scale), log_scale.sum((1, 2, 3))


def halves(weights: Weights, flip: bool, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    first, second = jnp.split(x, 2, axis=-1)
    kept, moved = (second, first) if flip else (first, second)
    shift, log_scale = moves(weights, kept)
    moved = (moved + shift) * jnp.exp(log_scale)
    return jnp.concatenate([moved, kept] if flip else [kept, moved], axis=-1), log_scale.sum((1, 2, 3))


def mean_loss(case: RealNVP, weights: Weights, raw: jax.Array, uniform: jax.Array) -> jax.Array:
    """Mean of -log p(x) of a batch `[B, 28, 28, 1]`."""
    p = case.alpha + (1 - 2 * case.alpha) * (raw.astype(jnp.float32) + uniform) / 256
    log_p, log_rest = jnp.log(p), jnp.log1p(-p)
    x, left = log_p - log_rest, None
    log_det = (np.log(1 - 2 * case.alpha) - log_p - log_rest).sum((1, 2, 3))
    for row, coupling in enumerate((checkerboard, halves, checkerboard)):
        if row == 1:
            pairs = x.reshape(len(x), SIDE // 2, 2, SIDE // 2, 2, 1)
            x = pairs.transpose(0, 1, 3, 2, 4, 5).reshape(len(x), SIDE // 2, SIDE // 2, 4)
        if row == 2:
            x, left = jnp.split(x, 2, axis=-1)
        for index in range(case.depth):
            shift, log_scale, *network = weights[8 * (case.depth * row + index) :][:8]
            x = (x - shift) * jnp.exp(log_scale)
            x, more = coupling(network, index % 2 == 1, x)
            log_det = log_det + more + x.shape[1] * x.shape[2] * log_scale.sum()
    squares = (x**2).sum((1, 2, 3)) + (left**2).sum((1, 2, 3))
    return -(-0.5 * squares - 0.5 * PIXELS * LOG_2_PI + log_det).mean()


def loss(case: RealNVP, weights: list[np.ndarray], raw: np.ndarray, draws: Draws) -> float:
    return float(mean_loss(case, [*map(jnp.asarray, weights)], raw, draws.data))


def make_step(case: RealNVP) -> Any:
    """A function (state, images, rows, key) -> (state, loss)."""

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state: tuple, images: jax.Array, rows: jax.Array, key: jax.Array) -> tuple:
        raw = images[rows]
        uniform = jax.random.uniform(key, raw.shape)
        value, gradients = jax.value_and_grad(lambda w: mean_loss(case, w, raw, uniform))(state[0])
        return adam(*state, gradients), value

    return step


def train(case: RealNVP, images: np.ndarray, variant: str = "") -> float:
    del variant
    data, step = jnp.asarray(images), make_step(case)
    weights = [*map(jnp.asarray, initial_flow_weights(case))]
    state = (weights, [*map(jnp.zeros_like, weights)], [*map(jnp.zeros_like, weights)], jnp.float32(0))

    def epoch(state: tuple, key: jax.Array) -> tuple:
        order_key, steps_key = jax.random.split(key)
        order = jax.random.permutation(order_key, len(data))[: case.steps * case.batch]
        keys = jax.random.split(steps_key, case.steps)
        for rows, step_key in zip(order.reshape(case.steps, case.batch), keys, strict=True):
            state, value = step(state, data, rows, step_key)
        return jax.block_until_ready((state, value))[0]

    keys = jax.random.split(jax.random.key(1), 1 + case.epochs)
    state = epoch(state, keys[0])
    start = time.perf_counter()
    for key in keys[1:]:
        state = epoch(state, key)
    return time.perf_counter() - start
