"""Batches as a model takes them: of one shape, and of numbers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfvae._support.devices import replicas
from tfvae._support.precision import require_precision
from tfvae.raw_images import refuse_masked


def as_examples(name: str, raw: Any, data_shape: tuple[int, ...], dtype: str) -> tf.Tensor:
    """Returns a raw batch as `[B, *data_shape]`: a last axis of one channel may be missing.

    Args:
        name: name of the model.
        raw: batch.
        data_shape: shape of one of its examples.
        dtype: type that the model computes in.

    Raises:
        ValueError: the examples have another shape, or Keras' settings another precision.
    """
    refuse_masked(raw, "`raw`")
    require_precision(name, dtype)
    raw = tf.convert_to_tensor(raw)
    if raw.dtype == tf.bool:
        raw = tf.cast(raw, dtype)
    if not (raw.dtype.is_floating or raw.dtype.is_integer):
        raise ValueError(f"`{name}` takes integers or floats; received {raw.dtype.name}.")
    require_shape(name, raw.shape, data_shape)
    if raw.shape[1:].is_fully_defined():
        return raw if raw.shape[1:] == data_shape else raw[..., tf.newaxis]
    rows, axes = tf.shape(raw)[:1], tf.shape(raw)
    if replicas() > 1:  # it has been looked at (`doors`), and one that has no examples may have axes of 0
        return tf.reshape(raw, tf.concat([rows, data_shape], axis=0))
    if _may_lack_channel(data_shape):
        axes = tf.concat([axes, [1]], axis=0)[: 1 + len(data_shape)]
    return tf.ensure_shape(tf.reshape(raw, axes), (None, *data_shape))


def require_shape(name: str, shape: tf.TensorShape, data_shape: tuple[int, ...]) -> None:
    """ValueError if a batch of that shape, as far as it is known, holds no examples of a model."""
    wanted = [data_shape, data_shape[:-1]] if _may_lack_channel(data_shape) else [data_shape]
    if not any(shape[1:].is_compatible_with(each) for each in wanted):
        raise ValueError(f"`{name}` takes examples of shape {data_shape}; received {tuple(shape[1:])}.")


def _may_lack_channel(data_shape: tuple[int, ...]) -> bool:
    return len(data_shape) > 1 and data_shape[-1] == 1
