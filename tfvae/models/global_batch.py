"""What a replica has to know of the others: the batch that all of them together train on."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def replicas() -> int:
    """Their number."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def over_replicas(counts: tf.Tensor) -> tf.Tensor:
    """Sum over the replicas, on each of them."""
    return counts if replicas() == 1 else tf.distribute.get_replica_context().all_reduce("SUM", counts)


def place_in_global_batch(batch: tf.Tensor) -> tuple[Any, Any]:
    """Position of this replica's first example in the global batch, and the number of examples of all replicas."""
    rows = tf.shape(batch)[0]
    if replicas() == 1:
        return tf.constant(0), rows
    # Replicas may hold different numbers of examples (27 = 14 + 13), so each has to hear of the others'.
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group
    sizes = over_replicas(tf.one_hot(replica, replicas(), on_value=rows, off_value=0, dtype=tf.int32))
    return tf.cumsum(sizes, exclusive=True)[replica], tf.reduce_sum(sizes)


def never_empty(batch: tf.Tensor) -> tf.Tensor:
    """The batch; on a replica that has no examples, zeros as if it had one.

    Where TensorFlow 2.21 uses oneDNN (on CPUs with AVX-512), the gradient of a convolution with relu fails on an empty
    batch.
    """
    if replicas() == 1:
        return batch
    missing = tf.cast(tf.equal(tf.shape(batch)[0], 0), tf.int32)
    return tf.pad(batch, [[0, missing], *([[0, 0]] * (batch.shape.rank - 1))])
