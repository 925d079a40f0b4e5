"""Records of TFRecord files: which ones, and how they are read and decoded in parallel and yet in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import tensorflow as tf


class Part(NamedTuple):
    """Records of one TFRecord file: `take` of them, after the first `skip`."""

    path: str
    skip: int
    take: int


def records_between(parts: Sequence[Part], start: int, stop: int) -> tuple[Part, ...]:
    """The records number `start` to `stop - 1`."""
    sliced, begin = [], 0
    for part in parts:
        low, high = max(start - begin, 0), min(stop - begin, part.take)
        if low < high:
            sliced.append(Part(part.path, part.skip + low, high - low))
        begin += part.take
    return tuple(sliced)


def columns(parts: Sequence[Part]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Paths, numbers of records to skip and to take, `[len(parts)]` each."""
    import tensorflow as tf

    paths, skips, takes = zip(*parts, strict=True)
    return tf.constant(paths), tf.constant(skips, tf.int64), tf.constant(takes, tf.int64)


def read_records(paths: tf.Tensor, skips: tf.Tensor, takes: tf.Tensor) -> tf.data.Dataset:
    """The records of parts, one part after the other."""
    import tensorflow as tf

    def read(path: tf.Tensor, skip: tf.Tensor, take: tf.Tensor) -> tf.data.Dataset:
        # A file that was cut short between two records would otherwise go unnoticed.
        complete = tf.data.experimental.assert_cardinality(take)
        return tf.data.TFRecordDataset(path).skip(skip).take(take).apply(complete)

    return tf.data.Dataset.from_tensor_slices((paths, skips, takes)).flat_map(read)


def decode_records(records: tf.data.Dataset, decode: Callable[[tf.Tensor], tf.Tensor]) -> tf.data.Dataset:
    """What `decode` makes of each record, in the same order."""
    # In parallel, and yet in order. The number is fixed because tuning is off.
    return records.map(decode, num_parallel_calls=os.cpu_count() or 1, deterministic=True)


def in_fixed_order(data: tf.data.Dataset) -> tf.data.Dataset:
    """The same data, in the same order whenever they are read and whoever shares them."""
    import tensorflow as tf

    from tfvae.datasets.batches import untuned

    options = tf.data.Options()
    options.deterministic = True
    # Strategies would otherwise give each worker other files; the records of a batch may be in any of them.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return untuned(data.with_options(options))
