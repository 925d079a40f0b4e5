"""Events for TensorBoard, written by TensorFlow alone.

TensorFlow 2.21 does not bring the package tensorboard any more, and without it `tf.summary.scalar` and
`tf.summary.image` raise an error. `tf.summary.write` works, and these two functions give it what those would: a tensor,
and the name of the dashboard that shows it.
"""

from __future__ import annotations

import struct

import tensorflow as tf

_Metadata = tf.compat.v1.SummaryMetadata
_SCALAR, _BLOBS = 1, 3  # DataClass in TensorFlow's summary.proto


def scalar(name: str, value: float) -> None:
    """A point of a curve, at the default writer's step."""
    _write(name, tf.constant(value, tf.float32), "scalars", _SCALAR)


def image(name: str, png: bytes) -> None:
    """A picture, at the default writer's step.

    Args:
        name: of the series of pictures.
        png: the file.
    """
    width, height = struct.unpack(">II", png[16:24])  # where every PNG file has them
    _write(name, tf.constant([str(width).encode(), str(height).encode(), png]), "images", _BLOBS)


def _write(name: str, tensor: tf.Tensor, dashboard: str, data_class: int) -> None:
    metadata = _Metadata(plugin_data=_Metadata.PluginData(plugin_name=dashboard), data_class=data_class)
    tf.summary.write(name, tensor, metadata=metadata)
