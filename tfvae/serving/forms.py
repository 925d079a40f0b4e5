"""The forms in which a served model takes and gives images: levels, floats, and PNG or JPEG files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfvae.preprocessing import Preprocessing
from tfvae.serving.image_files import read_files

FILE, FILE_SUFFIX = "image_bytes", "_bytes"
"""Name of an input or output that holds files, and end of the names of signatures that have one. TensorFlow Serving
takes base64 in JSON where the name of an input ends in `_bytes`, and gives it where an output's does."""

_PNG_CHANNELS = (1, 3, 4)  # that TensorFlow reads and writes


class Form(NamedTuple):
    """A way to hand over raw data.

    Attributes:
        suffix: of the names of signatures that take them so.
        field: name of the input.
        spec: `[None, ...]`.
        meaning: for the card.
        read: from that input to raw data `[B, *data]`.
    """

    suffix: str
    field: str
    spec: tf.TensorSpec
    meaning: str
    read: Callable[[tf.Tensor], tf.Tensor]


def forms(preprocess: Preprocessing, shape: Sequence[int]) -> list[Form]:
    """The forms of raw data of a model, the usual one first."""
    if preprocess.makes == "reals":
        spec = tf.TensorSpec([None, *shape], tf.float32)
        return [Form("", "data", spec, "the data, in their own units", tf.identity)]
    found = [
        Form("", "image", tf.TensorSpec([None, *shape], tf.uint8), "grey levels 0 to 255", tf.identity),
        Form("_float", "image", tf.TensorSpec([None, *shape], tf.float32), "grey values in [0, 1]", tf.identity),
    ]
    if gives_files(preprocess, shape):
        size = "{} x {} with {} channel(s)".format(*shape)
        meaning = f"a PNG or JPEG file of {size}; base64 in JSON"
        spec = tf.TensorSpec([None], tf.string)
        read = tf.function(lambda files: read_files(files, shape), [spec], autograph=False)
        found.append(Form(FILE_SUFFIX, FILE, spec, meaning, read))
    return found


def gives_files(preprocess: Preprocessing, shape: Sequence[int]) -> bool:
    """Whether the data are images that can be PNG files."""
    return preprocess.makes != "reals" and len(shape) == 3 and shape[2] in _PNG_CHANNELS


def as_files(grey: tf.Tensor) -> tf.Tensor:
    """Grey values `[B, H, W, C]` -> PNG files `[B]`, rounded to levels; what lies outside [0, 1] is cut off."""
    levels = tf.cast(tf.round(255 * tf.clip_by_value(grey, 0, 1)), tf.uint8)
    return tf.io.encode_png(levels)
