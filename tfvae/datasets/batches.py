"""Training data in an order that can be resumed."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae._support.checks import check_one_each, integer
from tfvae.noise import Noise


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Full batches in an epoch of `batches`.

    Raises:
        ValueError: the batch is larger than the data.
    """
    return examples // integer("batch_size", batch_size, 1, examples, "the number of examples, ")


def batches(
    images: np.ndarray, batch_size: int, seed: int, start: int = 0, labels: np.ndarray | None = None
) -> tf.data.Dataset:
    """Endless shuffled batches of raw images, from any step on.

    Batch number s is a function of (seed, s) alone: each epoch is a new random order of all examples, of which the
    last `len(images) % batch_size` are left out. `start=model.steps` goes on where a saved model stopped.

    Use with `fit(..., steps_per_epoch=training.steps_per_epoch(len(images), batch_size))`: without it the first epoch
    never ends.

    Args:
        images: raw images `[N, H, W, C]`, held in memory.
        batch_size: examples in each batch; every batch has this many.
        seed: of the order.
        start: number of the first batch.
        labels: `[N]`; where given, elements are pairs of images and labels.

    Returns:
        An infinite dataset of `[batch_size, H, W, C]` in the type of `images`.

    Raises:
        ValueError: the batch is larger than the data, there are more or fewer labels than images, or `start` is
            negative.
    """
    examples = len(images)
    per_epoch = steps_per_epoch(examples, batch_size)
    if labels is not None:
        check_one_each("labels", labels, examples)
    batch_size, start, seed = integer("batch_size", batch_size), integer("start", start, 0), integer("seed", seed)
    data = tuple(tf.constant(each) for each in ((images,) if labels is None else (images, labels)))

    first_epoch, done = divmod(start, per_epoch)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        used = Noise(seed, number).permutation("order", examples)[: per_epoch * batch_size]
        rows = tf.reshape(used, [per_epoch, batch_size])
        return tf.data.Dataset.from_tensor_slices(rows[tf.where(number == first_epoch, done, 0) :])

    def batch(rows: tf.Tensor) -> Any:
        gathered = tuple(tf.gather(each, rows) for each in data)
        return gathered[0] if labels is None else gathered

    return untuned(tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max).flat_map(epoch).map(batch).prefetch(2))


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same data, where TensorFlow tunes nothing unless the dataset's own options say so.

    Its tuning thread (2.21) can miss that its iterator is deleted, which then waits for up to a minute.
    """
    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
