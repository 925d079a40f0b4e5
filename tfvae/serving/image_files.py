"""The picture in a PNG or JPEG file, in a graph: the same pixels as `datasets.image_files` reads, or an error.

Segments of JPEG files and chunks of PNG files are walked one by one, a bounded number of them, to find what TensorFlow
leaves out when it decodes: orientation, transparency and further pictures. Positions are cut off at the end of the
file, so that garbage ends the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"  # how the files begin
_COLOURS = {1: "grey", 3: "RGB", 4: "RGBA"}
_MOST_PARTS = 1024  # segments or chunks of a file
_EXIF, _XMP, _XMP_TEXT = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"XML:com.adobe.xmp\0"
_ORIENTATION = 0x0112
_NOTHING = -1
_WIDTHS = (0, 1, 0, 2, 4, 0, 1, 0, 2, 4)  # bytes of EXIF's whole numbers, by type


class _Facts(NamedTuple):
    """What a file says besides its pixels. All are scalars but size.

    Attributes:
        size: height and width as stored.
        channels: 1, 3 or 4; 0 for what is not read.
        orientation: 1 to 8.
        pictures: how many there are.
        opaque: no colour is transparent.
        readable: there is no orientation in a form that is not read here.
        whole: the file's parts can be told apart to their end.
    """

    size: tf.Tensor
    channels: tf.Tensor
    orientation: tf.Tensor
    pictures: tf.Tensor
    opaque: tf.Tensor
    readable: tf.Tensor
    whole: tf.Tensor


def read_files(files: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """PNG or JPEG files `[B]` -> levels `[B, H, W, C]`, uint8, upright.

    Everything but a whole file with one opaque picture of this shape and 8 bits a channel is an error; an image is
    decoded only when its header has been looked at.
    """
    return tf.map_fn(lambda file: _read(file, shape), files, fn_output_signature=tf.TensorSpec(shape, tf.uint8))


def _read(file: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    is_png = (_cut(file, 0, 8) == _PNG) & (_length(file) >= 24)
    is_file = tf.debugging.Assert(is_png | (_cut(file, 0, 3) == _JPEG), ["`image_bytes` must be PNG or JPEG files."])
    with tf.control_dependencies([is_file]):
        facts = tf.cond(is_png, lambda: _in_png(file), lambda: _in_jpeg(file))
    # By the header, before anything is decoded: a file of some kilobytes may say that it holds 400 million pixels.
    with tf.control_dependencies([_check(facts, shape)]):
        pixels = tf.cond(is_png, lambda: tf.io.decode_png(file, shape[2]), lambda: _decoded_jpeg(file, shape[2]))
    return tf.ensure_shape(_turned(pixels, facts.orientation), shape)


def _check(facts: _Facts, shape: Sequence[int]) -> tf.Operation:
    size = tf.where(facts.orientation >= 5, facts.size[::-1], facts.size)
    problems = {
        "files whose orientation stands in EXIF or in plain XMP": ~facts.readable,
        f"of images of shape {tuple(shape)}": tf.reduce_any(size != list(shape[:2])),
        f"{_COLOURS[shape[2]]} files with 8 bits a channel": facts.channels != shape[2],
        "files without transparency": ~facts.opaque,
        "files of one picture": facts.pictures != 1,
        "whole files": ~facts.whole,
    }
    reason = tf.constant("")
    for wanted, is_bad in reversed(problems.items()):
        reason = tf.where(is_bad, f"`image_bytes` must be {wanted}.", reason)
    return tf.debugging.Assert(reason == "", [reason])


def _decoded_jpeg(file: tf.Tensor, channels: int) -> tf.Tensor:
    """As Pillow decodes; TensorFlow's default is faster, and up to 25 levels off."""
    return tf.io.decode_jpeg(file, min(channels, 3), dct_method="INTEGER_ACCURATE", fancy_upscaling=True)


def _turned(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """As `datasets.image_files.turned`."""

    def when(orientations: Sequence[int], change: Callable[[tf.Tensor], tf.Tensor], pixels: tf.Tensor) -> tf.Tensor:
        return tf.cond(tf.reduce_any(orientation == list(orientations)), lambda: change(pixels), lambda: pixels)

    pixels = when((5, 6, 7, 8), lambda each: tf.transpose(each, [1, 0, 2]), pixels)
    pixels = when((2, 3, 6, 7), lambda each: each[:, ::-1], pixels)
    return when((3, 4, 7, 8), lambda each: each[::-1], pixels)


def _in_jpeg(file: tf.Tensor) -> _Facts:
    def goes_on(at: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        start, marker = tf.unstack(_bytes(file, at, 2))
        return (start == 0xFF) & (marker != 0xDA) & (marker != 0xD9)

    def step(at: tf.Tensor, exif: tf.Tensor, xmp: tf.Tensor) -> tuple[tf.Tensor, ...]:
        marker, length = _bytes(file, at, 2)[1], tf.maximum(_number(_bytes(file, at + 2, 2)), 2)
        content = _cut(file, at + 4, length - 2)
        is_exif = (marker == 0xE1) & (_cut(content, 0, len(_EXIF)) == _EXIF)
        is_xmp = (marker == 0xE1) & (_cut(content, 0, len(_XMP)) == _XMP)
        longer = tf.strings.join([exif, _cut(content, len(_EXIF), length)])  # long EXIF goes on in further segments
        is_alone = (marker == 1) | ((marker >= 0xD0) & (marker <= 0xD8))
        # Before a marker may stand more than one 0xFF.
        after = tf.where(marker == 0xFF, _int(1), tf.where(is_alone, _int(2), 2 + length))
        return at + after, tf.where(is_exif, longer, exif), tf.where(is_xmp, content, xmp)

    at, exif, xmp = _walk(goes_on, step, 2)
    *size, channels = tf.unstack(tf.image.extract_jpeg_shape(file))
    return _Facts(
        size=tf.stack(size),
        channels=tf.where(channels == 4, 0, channels),  # inks
        orientation=_orientation(exif, xmp),
        pictures=_int(1),  # others in such a file are previews and depth maps
        opaque=tf.constant(True),
        readable=tf.constant(True),
        whole=_cut(file, at, 2) == b"\xff\xda",  # where the scan begins
    )


def _in_png(file: tf.Tensor) -> _Facts:
    def goes_on(at: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return (at + 8 <= _length(file)) & (_cut(file, at + 4, 4) != b"IEND")

    def step(
        at: tf.Tensor, exif: tf.Tensor, xmp: tf.Tensor, animation: tf.Tensor, kinds: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        length, kind = _number(_bytes(file, at, 4)), _cut(file, at + 4, 4)
        content = _cut(file, at + 8, length)
        is_xmp = (kind == b"iTXt") & (_cut(content, 0, len(_XMP_TEXT)) == _XMP_TEXT)
        is_packed = is_xmp & (_cut(content, len(_XMP_TEXT), 1) != b"\0")
        is_text = (kind == b"tEXt") | (kind == b"zTXt") | (kind == b"iTXt")
        is_old = is_text & tf.strings.regex_full_match(content, r"(?:Raw profile type exif|exif)\x00\C*")
        return (
            at + 12 + length,
            tf.where(kind == b"eXIf", content, exif),
            tf.where(is_xmp, content, xmp),
            tf.where(kind == b"acTL", _cut(content, 0, 4), animation),
            tf.strings.join([kinds, tf.where(is_packed | is_old, b"unread", kind), b","]),
        )

    at, exif, xmp, animation, kinds = _walk(goes_on, step, 4, start=8)
    height, width = _number(_bytes(file, 20, 4)), _number(_bytes(file, 16, 4))
    depth, colour = tf.unstack(_bytes(file, 24, 2))
    channels = tf.gather((1, 0, 3, 3, 0, 0, 4, 0), tf.minimum(colour, 7))
    has_own_frame = tf.strings.regex_full_match(kinds, r"\C*fcTL,\C*IDAT,\C*")  # else it is one more picture
    frames = _number(_bytes(animation, 0, 4)) + tf.where(has_own_frame, _int(0), _int(1))
    return _Facts(
        size=tf.cast(tf.stack([height, width]), tf.int32),
        channels=tf.where(depth <= 8, channels, 0),
        orientation=_orientation(exif, xmp),
        pictures=tf.where(_length(animation) > 0, frames, _int(1)),
        opaque=~tf.strings.regex_full_match(kinds, r"\C*tRNS,\C*"),
        readable=~tf.strings.regex_full_match(kinds, r"\C*unread,\C*"),
        whole=_cut(file, at + 4, 4) == b"IEND",
    )


def _walk(
    goes_on: Callable[..., tf.Tensor], step: Callable[..., Any], texts: int, start: int = 0
) -> Sequence[tf.Tensor]:
    """Goes from part to part of a file: a position, and texts that are gathered on the way."""
    first = (_int(start), *[tf.constant(b"")] * texts)
    return tf.while_loop(goes_on, step, first, maximum_iterations=_MOST_PARTS)


def _orientation(exif: tf.Tensor, xmp: tf.Tensor) -> tf.Tensor:
    """As `datasets.image_files.orientation`, int64."""
    in_exif = _in_exif(tf.strings.regex_replace(exif, r"^(?:Exif\x00\x00)+", b"", replace_global=False))
    digit = tf.strings.regex_replace(xmp, r"^\C*?tiff:Orientation(?:=\"|>)([0-9])\C*$", r"\1")
    in_xmp = tf.where(_length(digit) == 1, _bytes(digit, 0, 1)[0] - ord("0"), _int(1))
    found = tf.where(in_exif == _NOTHING, in_xmp, in_exif)
    return tf.where((found >= 1) & (found <= 8), found, _int(1))


def _in_exif(tiff: tf.Tensor) -> tf.Tensor:
    """The last whole number that stands alone under the tag of the orientation in the first directory."""
    order = _cut(tiff, 0, 4)
    little = order == b"II*\0"

    def number(each: tf.Tensor) -> tf.Tensor:
        return tf.where(little, _number(each[..., ::-1]), _number(each))

    start = number(_bytes(tiff, 4, 4))
    whole = tf.maximum(_length(tiff) - start - 2, 0) // 12
    entries = tf.minimum(number(_bytes(tiff, start, 2)), whole)
    rows = tf.reshape(_bytes(tiff, start + 2, 12 * entries), [-1, 12])
    width = tf.gather(_WIDTHS, tf.minimum(number(rows[:, 2:4]), len(_WIDTHS)) % len(_WIDTHS))
    value = tf.where(
        width == 4, number(rows[:, 8:12]), tf.where(width == 2, number(rows[:, 8:10]), number(rows[:, 8:9]))
    )
    is_it = (number(rows[:, :2]) == _ORIENTATION) & (number(rows[:, 4:8]) == 1) & (width > 0)
    found = tf.concat([[_int(_NOTHING)], tf.boolean_mask(value, is_it)], 0)[-1]
    return tf.where(little | (order == b"MM\0*"), found, _int(_NOTHING))


def _int(number: int) -> tf.Tensor:
    return tf.constant(number, tf.int64)


def _length(text: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(text), tf.int64)


def _cut(text: tf.Tensor, start: Any, length: Any) -> tf.Tensor:
    """At most `length` bytes from `start` on, which may lie behind the end."""
    start, length = (tf.cast(each, tf.int64) for each in (start, length))
    return tf.strings.substr(text, tf.minimum(start, _length(text)), length)


def _bytes(text: tf.Tensor, start: Any, length: Any) -> tf.Tensor:
    """`length` bytes from `start` on, int64, with zeros behind the end."""
    found = tf.cast(tf.io.decode_raw(_cut(text, start, length), tf.uint8), tf.int64)
    padded = tf.pad(found, [[0, tf.cast(length, tf.int64) - tf.size(found, tf.int64)]])
    return tf.ensure_shape(padded, [length if isinstance(length, int) else None])


def _number(digits: tf.Tensor) -> tf.Tensor:
    """Whole numbers from bytes `[..., 1 to 4]`, the highest first."""
    return tf.reduce_sum(digits * tf.constant([256**power for power in range(digits.shape[-1])][::-1], tf.int64), -1)
