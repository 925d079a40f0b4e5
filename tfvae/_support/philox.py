"""The random bits of TensorFlow's Philox operation in plain arithmetic, where each row has a key of its own.

The operation takes one key a call, and a loop over rows costs thirty times more than this for a few numbers.
"""

from __future__ import annotations

import tensorflow as tf

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)


def words(key: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Four words for each counter: `[..., 4]`, uint32; the arguments are uint64 `[...]` and broadcast.

    Args:
        key: of the generator.
        low: the lower half of the counter.
        high: its upper half.

    Source: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox4x32-10).
    """
    shape = tf.broadcast_dynamic_shape(tf.broadcast_dynamic_shape(tf.shape(key), tf.shape(low)), tf.shape(high))
    keys, counter = _halves(key), [*_halves(low), *_halves(high)]
    for number in range(_ROUNDS):
        counter = _round(counter, [_wrapped(each + number * step) for each, step in zip(keys, _KEY_STEPS, strict=True)])
    return tf.stack([tf.cast(tf.broadcast_to(word, shape), tf.uint32) for word in counter], axis=-1)


def _round(counter: list[tf.Tensor], keys: list[tf.Tensor]) -> list[tf.Tensor]:
    first, second = (counter[2 * index] * multiplier for index, multiplier in enumerate(_MULTIPLIERS))
    (low0, high0), (low1, high1) = _halves(first), _halves(second)
    return [_xor(high1, counter[1], keys[0]), low1, _xor(high0, counter[3], keys[1]), low0]


def _halves(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The lower and the upper 32 bits, each as uint64: there products of two of them do not overflow."""
    return _wrapped(number), tf.bitwise.right_shift(number, tf.constant(32, tf.uint64))


def _wrapped(number: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_and(number, tf.constant(0xFFFFFFFF, tf.uint64))


def _xor(first: tf.Tensor, second: tf.Tensor, third: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(first, second), third)
