"""The logarithms of importance weights, streamed: in whole blocks of fixed noise, whatever fits into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.objectives import log_weights
from tfvae.parallel.shares import by_device, devices
from tfvae.training.choice import by_rule

if TYPE_CHECKING:
    from tfvae.models import UnsupervisedModel

ROWS = 100  # examples at a time on each device, at most
BLOCK = 50  # samples at a time
_BLOCKS = 20  # in one program
_KEPT = 3  # programs a model keeps
_WORTH_COMPILING = 200_000  # samples in all; compiling for XLA takes two seconds


def streamed(
    model: UnsupervisedModel,
    x: Any,
    sample_size: int,
    seed: int = 0,
    first_row: int = 0,
    first_sample: int = 0,
    compile: bool = True,
) -> Iterator[np.ndarray]:
    """log w = log p(x, z) - log q(z|x) of S draws z ~ q(z|x) for each of a few examples, some draws at a time.

    Draw s of row r is a function of (seed, r, s) alone, so neither the size of the parts nor the device matters. The
    seed takes the place of the training step in the noise: a program serves every seed. The devices of this process, if
    the model was made under a strategy that has several, take `ROWS` examples each.

    Args:
        model: whose weights these are.
        x: preprocessed examples `[B, *data]`, at most `ROWS` for each device of this process.
        sample_size: S.
        seed: of the draws.
        first_row: number of the first example.
        first_sample: number of the first draw.
        compile: whether it is worth two seconds to compile the program.

    Yields:
        `[s, B]` in nats; s is a multiple of `BLOCK` for all but the last part, and they sum to S.
    """
    strategy = model.distribute_strategy
    x = tf.convert_to_tensor(x)
    rows, places = x.shape[0], ROWS * len(devices(strategy))
    if rows < places:  # one static shape, so one program; a row's noise is its own, so the padding changes nothing
        x = tf.concat([x, tf.repeat(x[-1:], places - rows, axis=0)], axis=0)
    blocks_of_rows = by_device(strategy, lambda device: x[device * ROWS : (device + 1) * ROWS])
    first_rows = by_device(strategy, lambda device: tf.constant(first_row + device * ROWS, tf.int64))
    done = 0
    while done < sample_size:
        blocks = min(_BLOCKS, -(-(sample_size - done) // BLOCK))
        program = _program(model, blocks, compile and by_rule(model).jit_compile)
        draws = (tf.constant(number, tf.int64) for number in (seed, first_sample + done))
        log_w = np.concatenate([each.numpy() for each in program(blocks_of_rows, first_rows, *draws)], axis=1)
        yield log_w[: sample_size - done, :rows]
        done += len(log_w)


def worth_compiling(examples: int, sample_size: int) -> bool:
    """Whether so many weights take longer than compiling."""
    return examples * sample_size >= _WORTH_COMPILING


def _program(model: UnsupervisedModel, blocks: int, jit_compile: bool) -> Callable[..., tuple[tf.Tensor, ...]]:
    """A function of x and the first row's number, for each device, and of the seed and the first sample's number: log w
    `[blocks * BLOCK, ROWS]` from each device.

    Kept with the model, for the next call.
    """
    strategy = model.distribute_strategy
    kept = model.__dict__.setdefault("_log_weight_programs", {})  # not an attribute of Keras', which would track it
    key = (strategy, blocks, jit_compile, ROWS, BLOCK, *(id(part) for part in model.layers))
    found = kept.get(key)
    if found is not None:
        return found
    for oldest in list(kept)[: max(0, len(kept) + 1 - _KEPT)]:
        kept.pop(oldest, None)  # another thread may have been quicker

    @tf.function(autograph=False, jit_compile=jit_compile)
    def on_device(x: tf.Tensor, first_row: tf.Tensor, seed: tf.Tensor, first_sample: tf.Tensor) -> tf.Tensor:
        def block(number: tf.Tensor) -> tf.Tensor:
            noise = Noise(EVALUATION_SEED, seed, first_row, first_sample + number * BLOCK)
            return tf.ensure_shape(log_weights(model.trace_of(x, noise, BLOCK)), [BLOCK, x.shape[0]])

        # One after the other: together they would not fit into the caches, and memory would grow with them.
        dtype = tf.as_dtype(model.compute_dtype)
        parts = tf.map_fn(block, tf.range(blocks, dtype=tf.int64), parallel_iterations=1, fn_output_signature=dtype)
        return tf.reshape(parts, [blocks * BLOCK, -1])

    @tf.function(autograph=False)  # in one graph, so that all devices work at the same time
    def program(*arguments: Any) -> tuple[tf.Tensor, ...]:
        # TensorFlow would compile all devices' work as one program if it saw that this is a function of its own.
        return strategy.experimental_local_results(strategy.run(lambda *each: on_device(*each), arguments))

    kept[key] = program
    return program
