"""Every random number of training and evaluation, as a pure function of where it is used.

A number depends on (seed, stream name, step, position of the example in the global batch, sample index) and on
nothing else: not on the device, the replica, XLA, the memory chunk or the steps per execution. That is what makes
two runs equal bit for bit, one replica equal to two, and a resumed run equal to one that was never interrupted.

Nothing here calls `distribution.sample()`: under XLA on a CPU, TensorFlow's default random algorithm (which TFP
cannot be told to change) takes 15 ms for one batch of images where the Philox bits below take 0.3 ms, and its
normals differ with and without XLA. Bits do not, so everything starts from bits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae._support import philox
from tfvae._support.checks import integer

EVALUATION_SEED = 0
"""Seed of every evaluation draw, whatever seed a model trains with, so that runs are scored on the same array."""

_PHILOX = 1  # the algorithm's number in TensorFlow's raw operations; it is the same on CPUs, GPUs and under XLA
_WORDS_PER_COUNTER = 4  # one Philox counter yields four 32-bit words


@dataclasses.dataclass(frozen=True)
class Noise:
    """The random numbers of one batch.

    Args:
        seed: any integer, the run's seed; or an integer tensor or array `[B]`, a seed for each row, whose numbers then
            depend on it and no longer on the row's place. They are those of the first row of an evaluation with that
            seed.
        step: int, or int64 scalar tensor: the training step. Evaluation uses step 0.
        first_row: int, or int64 scalar tensor: the position of the batch's first example in the global batch
            (training) or in the evaluation set (evaluation).
        first_sample: int, or int64 scalar tensor: index of the first of several samples, so that S samples can be
            drawn in chunks. Draws without a sample axis do not depend on it.

    Raises:
        ValueError: the seed is of another kind: 7.0 and "7" are no seeds.
    """

    seed: Any
    step: Any = 0
    first_row: Any = 0
    first_sample: Any = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", _checked_seed(self.seed))

    @property
    def is_by_row(self) -> bool:
        """Whether each row has a seed of its own."""
        return tf.is_tensor(self.seed)

    def uniform(self, stream: str, rows: Any, shape: Sequence[int], sample_size: int | None = None) -> tf.Tensor:
        """Uniform numbers strictly between 0 and 1, equal bit for bit on every device and with or without XLA.

        Args:
            stream: names the use, for example "dequantize"; different names give independent numbers.
            rows: int or scalar tensor B, the number of examples on this device.
            shape: static shape of one example's noise.
            sample_size: None, or the number S of samples for each example.

        Returns:
            float32, `[B, *shape]`, or `[S, B, *shape]` where `sample_size` is given.
        """
        size = math.prod(int(extent) for extent in shape)
        key = self._key(stream)
        leading = [rows] if sample_size is None else [sample_size, rows]
        if self.is_by_row:
            bits = _bits_by_row(key, self.first_row, size, self.first_sample, sample_size)
        elif sample_size is None:
            bits = _bits(key, self.first_row, rows, size, 0)
        else:
            # One operation a sample, unrolled: a loop costs ten times more (4 against 0.3 ms for 50 x 100 x 50
            # numbers), and one operation for all samples would make the address of a number depend on S.
            samples = [self.first_sample + index for index in range(sample_size)]
            bits = tf.stack([_bits(key, self.first_row, rows, size, sample) for sample in samples])
        return tf.reshape(_unit_interval(bits), [*leading, *shape])

    def normal(self, stream: str, rows: Any, shape: Sequence[int], sample_size: int | None = None) -> tf.Tensor:
        """Standard normal numbers; arguments and shapes as for `uniform`.

        Made from the same bits by the inverse distribution function. With and without XLA they agree to about
        1e-6, the rounding of one logarithm.
        """
        return _normal_quantile(self.uniform(stream, rows, shape, sample_size))

    def permutation(self, stream: str, size: Any) -> tf.Tensor:
        """A random order of 0 ... size - 1, int32 `[size]`.

        Not TensorFlow's `index_shuffle`, which takes only the last eight bits of each half of its seed below 65,536
        elements, and whose orders are far from uniform (TensorFlow 2.21).
        """
        return tf.argsort(self.uniform(stream, size, ()), stable=True)

    def _key(self, stream: str) -> tf.Tensor:
        # The seeds of rows take the place of the step, as those of an evaluation do.
        seed, step = (EVALUATION_SEED, self.seed) if self.is_by_row else (self.seed, 0)
        digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest()
        # Two bits are left free so that adding the step never overflows. Philox needs no better mixing of its key.
        base = int.from_bytes(digest, "little") >> 2
        number = tf.cast(self.step, tf.int64) + tf.cast(step, tf.int64)
        return tf.bitcast(number + tf.constant(base, tf.int64), tf.uint64)


def _checked_seed(seed: Any) -> Any:
    """A Python integer, or an integer tensor `[B]`."""
    if type(seed) is int:
        return seed
    by_row = tf.is_tensor(seed) or isinstance(seed, np.ndarray)
    if by_row and len(seed.shape) == 1 and tf.as_dtype(seed.dtype).is_integer:
        return tf.convert_to_tensor(seed)
    return integer("seed", seed)


def _bits(key: tf.Tensor, first_row: Any, rows: Any, columns: int, sample: Any) -> tf.Tensor:
    """uint32 `[rows, columns]`; row i is the same whichever `first_row` and `rows` contain it."""
    counters = -(-columns // _WORDS_PER_COUNTER)
    start = tf.stack([tf.cast(first_row, tf.int64) * counters, tf.cast(sample, tf.int64)])
    counter = tf.bitcast(start, tf.uint64)
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[rows, _WORDS_PER_COUNTER * counters], key=[key], counter=counter, alg=_PHILOX, dtype=tf.uint32
    )
    return words[:, :columns]


def _bits_by_row(key: tf.Tensor, row: Any, columns: int, first_sample: Any, sample_size: int | None) -> tf.Tensor:
    """uint32 `[B, columns]`, or `[S, B, columns]`: those of `_bits` for one row and sample of each key `[B]`."""
    counters = -(-columns // _WORDS_PER_COUNTER)
    low = tf.cast(row, tf.int64) * counters + tf.range(counters, dtype=tf.int64)
    key, low = key[:, tf.newaxis], tf.bitcast(low, tf.uint64)
    high = tf.zeros([1, 1], tf.int64)
    if sample_size is not None:
        key, high = key[tf.newaxis], tf.range(sample_size, dtype=tf.int64)[:, tf.newaxis, tf.newaxis]
        high += tf.cast(first_sample, tf.int64)
    words = philox.words(key, low, tf.bitcast(high, tf.uint64))
    words = tf.reshape(words, tf.concat([tf.shape(words)[:-2], [_WORDS_PER_COUNTER * counters]], axis=0))
    return words[..., :columns]


def _unit_interval(bits: tf.Tensor) -> tf.Tensor:
    """The middle of one of 2^23 equal cells of (0, 1). With 24 bits the last one would round to 1.0."""
    cell = tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.int32)
    return tf.cast(cell, tf.float32) * 2.0**-23 + 2.0**-24


# Coefficients of the single-precision polynomials of Giles, "Approximating the erfinv function" (GPU Computing Gems,
# Jade edition). In plain operations, because `tf.math.erfinv` uses two approximations with and without XLA, which are
# 2e-5 apart.
_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


def _normal_quantile(uniform: tf.Tensor) -> tf.Tensor:
    """sqrt(2) erfinv(2 u - 1)."""
    x = 2.0 * uniform - 1.0
    w = -tf.math.log(4.0 * uniform * (1.0 - uniform))
    polynomial = tf.where(w < 5.0, _horner(_CENTRE, w - 2.5), _horner(_TAIL, tf.sqrt(tf.maximum(w, 5.0)) - 3.0))
    return 2.0**0.5 * x * polynomial


def _horner(coefficients: Sequence[float], x: tf.Tensor) -> tf.Tensor:
    value = tf.fill(tf.shape(x), tf.constant(coefficients[0], x.dtype))
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value
