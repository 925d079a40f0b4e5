"""Importance-sampled log-likelihood, streamed in blocks of fixed noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import execution
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.noise import Noise
from tfvae.objectives import log_weights

_ROWS = 100  # examples at a time, at most
_SAMPLES = 50  # samples at a time: memory does not grow with the sample size
_KEPT = 3  # programs a model keeps, of other seeds or sample sizes
_WORTH_COMPILING = 200_000  # samples in all; compiling for XLA takes two seconds


def log_likelihood(model: UnsupervisedModel, raw: Any, sample_size: int = 5000, seed: int = 0) -> np.ndarray:
    """The importance-weighted lower bound on log p(x) of each example.

        L_S = log 1/S sum_s p(x, z_s) / q(z_s|x),  z_s ~ q(z|x)

    An estimate of a lower bound: in expectation at most log p(x), rising towards it with S (Burda et al. 2015,
    arXiv:1509.00519). For examples unlike the training data the encoder may propose badly, and the bound is then far
    too low whatever S. x is the example's own fixed draw of binarisation or dequantisation, by its index in `raw`.

    Args:
        model: any model with a trace.
        raw: raw examples `[N, *data]`.
        sample_size: S >= 1.
        seed: of the samples and of x; 0 scores the array that `evaluate` and `fix` use.

    Returns:
        `[N]` in nats, to be called what `model.unit` says.

    Raises:
        ValueError: `sample_size` is below 1, there are no examples or bad ones, or the model has no likelihood.
    """
    if not isinstance(sample_size, int) or sample_size < 1:
        raise ValueError(f"`sample_size` must be an integer of at least 1; received {sample_size!r}.")
    if not model.unit.is_likelihood:
        raise ValueError(f"This model has no log p(x): {model.unit.convention}")
    examples = model.as_examples(raw)
    if not examples.shape[0]:
        raise ValueError("`raw` must hold at least one example; received none.")
    model.preprocess.check(examples)
    blocks, rest = divmod(sample_size, _SAMPLES)
    size = min(_ROWS, examples.shape[0])
    worth_compiling = len(examples) * sample_size >= _WORTH_COMPILING
    program = _program(model, seed, rest, worth_compiling and execution.by_rule(model).jit_compile)
    totals = []
    for start in range(0, examples.shape[0], size):
        rows = examples[start : start + size]
        padding = size - rows.shape[0]
        if padding:  # one static shape, so one trace; a row's noise is its own, so the padding changes nothing
            rows = tf.concat([rows, tf.repeat(rows[-1:], padding, axis=0)], axis=0)
        total = program(rows, tf.constant(start, tf.int64), tf.constant(blocks, tf.int64))
        totals.append(total.numpy()[: size - padding])
    return np.concatenate(totals) - np.log(sample_size)


def _program(model: UnsupervisedModel, seed: int, rest: int, jit_compile: bool) -> Callable[..., tf.Tensor]:
    """A function of rows, the first one's number and a number of blocks: logsumexp over all blocks and `rest` samples.

    Kept with the model, for the next call.
    """
    kept = model.__dict__.setdefault("_likelihood_programs", {})  # not an attribute of Keras', which would track it
    parts = [id(part) for part in (*model.layers, model.preprocess)]
    key = (seed, rest, jit_compile, _SAMPLES, *parts)
    if key in kept:
        return kept[key]
    if len(kept) >= _KEPT:
        kept.pop(next(iter(kept)))

    @tf.function(autograph=False, jit_compile=jit_compile)
    def program(rows: tf.Tensor, first_row: tf.Tensor, blocks: tf.Tensor) -> tf.Tensor:
        def add(total: tf.Tensor, first_sample: Any, samples: int) -> tf.Tensor:
            noise = Noise(seed, 0, first_row, first_sample)
            log_w = tf.ensure_shape(log_weights(model.sample_trace(rows, noise, samples)), [samples, rows.shape[0]])
            return tf.reduce_logsumexp(tf.concat([total[tf.newaxis], log_w], axis=0), axis=0)

        _, total = tf.while_loop(
            lambda index, _: index < blocks,
            lambda index, total: (index + 1, add(total, index * _SAMPLES, _SAMPLES)),
            (tf.constant(0, tf.int64), tf.fill([rows.shape[0]], tf.constant(-np.inf, model.compute_dtype))),
        )
        return add(total, blocks * _SAMPLES, rest) if rest else total

    kept[key] = program
    return program
