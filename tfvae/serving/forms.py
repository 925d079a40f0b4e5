"""The forms in which a served model takes and gives images: levels, floats, and PNG or JPEG files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfvae.preprocessing import Preprocessing

FILE, FILE_SUFFIX = "image_bytes", "_bytes"
"""Name of an input or output that holds files, and end of the names of signatures that have one. TensorFlow Serving
takes base64 in JSON where the name of an input ends in `_bytes`, and gives it where an output's does."""

_PNG_CHANNELS = (1, 3, 4)  # that TensorFlow reads and writes
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"  # how the files begin


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
        found.append(Form(FILE_SUFFIX, FILE, spec, meaning, lambda files: read_files(files, shape)))
    return found


def gives_files(preprocess: Preprocessing, shape: Sequence[int]) -> bool:
    """Whether the data are images that can be PNG files."""
    return preprocess.makes != "reals" and len(shape) == 3 and shape[2] in _PNG_CHANNELS


def read_files(files: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """PNG or JPEG files `[B]` -> levels `[B, H, W, C]`, uint8. In a graph; damaged files and other sizes are errors."""

    def read(file: tf.Tensor) -> tf.Tensor:
        message = f"`image_bytes` must be of images of shape {tuple(shape)}."
        # By the header, before anything is decoded: a file of some kilobytes may say that it holds 400 million pixels.
        with tf.control_dependencies([tf.debugging.assert_equal(_size(file), list(shape[:2]), message=message)]):
            image = tf.io.decode_image(file, channels=shape[2], dtype=tf.uint8, expand_animations=False)
        return tf.ensure_shape(image, shape)

    return tf.map_fn(read, files, fn_output_signature=tf.TensorSpec(shape, tf.uint8))


def _size(file: tf.Tensor) -> tf.Tensor:
    """Height and width by the header of a PNG or JPEG file."""
    is_png = (tf.strings.substr(file, 0, 8) == _PNG) & (tf.strings.length(file) >= 24)
    is_jpeg = tf.strings.substr(file, 0, 3) == _JPEG
    with tf.control_dependencies([tf.debugging.Assert(is_png | is_jpeg, ["`image_bytes` must be PNG or JPEG files."])]):
        return tf.cond(
            is_png,
            lambda: tf.io.decode_raw(tf.strings.substr(file, 16, 8), tf.int32, little_endian=False)[::-1],
            lambda: tf.image.extract_jpeg_shape(file)[:2],
        )


def as_files(grey: tf.Tensor) -> tf.Tensor:
    """Grey values `[B, H, W, C]` -> PNG files `[B]`, rounded to levels; what lies outside [0, 1] is cut off."""
    levels = tf.cast(tf.round(255 * tf.clip_by_value(grey, 0, 1)), tf.uint8)
    return tf.io.encode_png(levels)
