"""Images that are streamed from files of records."""

import tensorflow as tf

from tfvae.datasets import StreamedSplit
from tfvae.datasets.streams import Part

SHAPE = (2, 1, 3)


def image(record):
    return tf.reshape(tf.io.decode_raw(tf.strings.substr(record, 0, 6), tf.uint8), SHAPE)


def label(record):
    return tf.cast(tf.io.decode_raw(tf.strings.substr(record, 6, 1), tf.uint8)[0], tf.int64)


def stream(folder, sizes, block=8):
    """A split whose image number i holds i in its first two bytes, in files of these sizes."""
    parts, number = [], 0
    for index, size in enumerate(sizes):
        path = str(folder / f"{index}.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for _ in range(size):
                writer.write(bytes([number % 256, number // 256, 1, 2, 3, 4, number % 5]))
                number += 1
        parts.append(Part(path, 0, size))
    return StreamedSplit(tuple(parts), image, label, SHAPE, block)
