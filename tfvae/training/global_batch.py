"""What a replica has to know of the others: the batch that all of them together train on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae._support import private
from tfvae._support.devices import replicas


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


def clipped_together(optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any]) -> list[Any]:
    """Each replica's share of the global batch's gradients, clipped as one device would clip them.

    Keras 3.15 clips what each replica has by itself before it sums over them, which is another sum. Of these shares it
    clips nothing any more.

    Args:
        optimizer: with or without clipping.
        gradients: this replica's, None for variables without one.
    """
    clips = getattr(optimizer, "inner_optimizer", optimizer)
    if replicas() == 1 or (clips.clipnorm, clips.clipvalue, clips.global_clipnorm) == (None, None, None):
        return list(gradients)
    scale = getattr(optimizer, "dynamic_scale", 1.0)  # of a LossScaleOptimizer, who clips when it has divided by it
    present = [each for each in gradients if each is not None]
    summed = tf.distribute.get_replica_context().all_reduce("SUM", present)
    clipped = iter(private.clip(clips, [each / tf.cast(scale, each.dtype) for each in summed]))
    return [None if each is None else next(clipped) * tf.cast(scale, each.dtype) / replicas() for each in gradients]
