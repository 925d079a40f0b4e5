"""The pictures in an image file: which files have one, and which way up it is.

`serving.image_files` says the same of PNG and JPEG files in a graph; tests compare the two file by file.
"""

from __future__ import annotations

import contextlib
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.datasets.arrays import ALPHA

SUFFIXES = (
    ".apng", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
    ".tiff", ".webp",
)  # fmt: skip
_FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # Pillow's, whatever a file ends in
_CHANNELS = {"1": "L", "L": "L", "RGB": "RGB", "P": "RGB"}  # Pillow's modes, and what they are read as
_TRANSPARENT = ("LA", "PA", "RGBA", "La", "RGBa")
_MOST_PIXELS = 178_956_970  # in a picture; Pillow's own limit
_MANY_PIXELS, _MOST_PER_BYTE = 12_000_000, 100
_MANY_BYTES, _MOST_PER_PIXEL = 2**23, 32
# Of formats that Pillow reads to their end before it says a size, by how they begin: GIF, WebP, AVIF, JPEG.
_MOST_BYTES = {b"GIF": 2**24, b"RIF": 2**25, b"\0\0\0": 2**25, b"\xff\xd8\xff": 2**27}
_ORIENTATION = 0x0112
_NUMBERS = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l"}  # types of EXIF's values
_IN_XMP = re.compile(rb'tiff:Orientation(="|>)([0-9])')


def read(path: Path, frames: str = "refuse") -> tuple[list[np.ndarray], int]:
    """Return the pictures in a file upright, each uint8 `[H, W, 1 or 3]`, and how many it holds.

    A file of several frames or pages has several; a JPEG file has one, since the others that phones and cameras put
    into it are its previews and depth maps. Orientation is that of EXIF or, if it has none, of XMP.

    Args:
        path: a regular file.
        frames: of a file with several, "first" or "all"; "refuse" for an error.

    Raises:
        ValueError: the file holds several pictures, is neither grey nor RGB, has transparency, more than 8 bits a
            channel, or a size that its bytes cannot fill. The message goes on after the name of the file.
        OSError: it is damaged or no image.
    """
    with _opened(path) as image:
        number = _number(image)
        if number > 1 and frames == "refuse":
            raise _Refused(f"holds {number} pictures; set `frames` (`--frames`) to 'first' or 'all' to read it")
        taken = number if frames == "all" else 1
        found = []
        for index in range(taken):
            if index:
                image.seek(index)
            _check_size(image, taken, path)
            found.append(_upright(image))
        return found, number


def count(path: Path) -> int:
    """Return how many pictures a file holds, without decoding them. Raises OSError as `read` does."""
    with _opened(path) as image:
        return _number(image)


def orientation(exif: bytes, xmp: bytes) -> int:
    """Return the orientation by the TIFF directory in EXIF, else by XMP, 1 to 8; 1 where they say nothing valid."""
    found = _in_exif(re.sub(rb"^(Exif\0\0)+", b"", exif))
    if found is None and (match := _IN_XMP.search(xmp)):
        found = int(match[2])
    return found if found is not None and 1 <= found <= 8 else 1


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return pixels `[H, W, ...]` of a picture that was stored with this orientation upright."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in (3, 4, 7, 8) else pixels


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file as Pillow's image; whatever goes wrong in the block is this file's, and an OSError."""
    from PIL import Image, JpegImagePlugin, UnidentifiedImageError

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's are about metadata, which are not used
            head, size = file.read(3), path.stat().st_size
            file.seek(0)
            if size > _MOST_BYTES.get(head, size):
                raise _Refused(f"holds {size:,} bytes, which is too much for a file of its format")
            # Not by `Image.open`, which looks into a JPEG file's other pictures and fails where these are damaged.
            is_jpeg = head == b"\xff\xd8\xff"
            image = JpegImagePlugin.JpegImageFile(file) if is_jpeg else Image.open(file, formats=_FORMATS)
            with image:
                yield image
    except (MemoryError, _Refused):
        raise
    except UnidentifiedImageError as error:
        raise OSError(f"is damaged or no image: it is none of {', '.join(_FORMATS)}") from error
    except Exception as error:  # damaged files raise all sorts of things
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OSError(f"is damaged or no image: {line.rstrip('.')}") from error


class _Refused(ValueError):
    """The file is whole, but not what is read."""


def _number(image: Any) -> int:
    return 1 if image.format == "JPEG" else getattr(image, "n_frames", 1)


def _check_size(image: Any, number: int, path: Path) -> None:
    """Large photographs have more bytes for their pixels, and fewer, than files that are made to fill the memory."""
    pixels, size = image.width * image.height, path.stat().st_size
    is_empty = pixels * number > max(_MANY_PIXELS, _MOST_PER_BYTE * size)
    is_stuffed = image.format == "JPEG" and size > max(_MANY_BYTES, _MOST_PER_PIXEL * pixels)
    if pixels > _MOST_PIXELS or is_empty or is_stuffed:
        raise _Refused(f"claims {pixels * number:,} pixels in {size:,} bytes and is not decoded; save it anew")


def _upright(image: Any) -> np.ndarray:
    mode, deep = image.mode, _is_deep(image)
    if deep or mode not in (*_CHANNELS, *_TRANSPARENT):
        more = " of 16 bits" if deep and mode in _CHANNELS else ""
        raise _Refused(f"must be grey or RGB with 8 bits a channel; received mode {mode!r}{more}")
    image.load()
    if mode in _TRANSPARENT or "transparency" in image.info:
        raise _Refused(f"must be grey or RGB; received mode {mode!r} with transparency ({ALPHA})")
    pixels = np.asarray(image.convert(_CHANNELS[mode]))
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    # Pillow turns the pages of a TIFF file itself.
    return pixels if image.format == "TIFF" else turned(pixels, orientation(*_metadata(image.info)))


def _is_deep(image: Any) -> bool:
    """Whether there are more than 8 bits a channel, of which Pillow drops the lower ones of colours in silence."""
    if image.format == "PPM":
        return any(isinstance(tile.args, tuple) and tile.args[-1] > 255 for tile in image.tile)
    return image.format in ("PNG", "TIFF") and any(";16" in str(tile.args) for tile in image.tile)


def _metadata(info: dict[Any, Any]) -> tuple[bytes, bytes]:
    """EXIF and XMP."""
    exif, xmp, profile = info.get("exif"), info.get("xmp"), info.get("Raw profile type exif")
    if exif is None and isinstance(profile, str):  # what ImageMagick once made of EXIF in PNG files
        with contextlib.suppress(ValueError):
            exif = bytes.fromhex("".join(profile.split("\n")[3:]))
    return tuple(each if isinstance(each, bytes) else b"" for each in (exif, xmp))  # type: ignore[return-value]


def _in_exif(tiff: bytes) -> int | None:
    """The last integer that stands alone under the tag of the orientation in the first directory."""
    order, found = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4]), None
    if order is None:
        return None
    with contextlib.suppress(struct.error):  # it ends before the directory begins
        (start,) = struct.unpack_from(f"{order}L", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for at in range(start + 2, min(start + 2 + 12 * entries, len(tiff) - 11), 12):
            tag, kind, number = struct.unpack_from(f"{order}HHL", tiff, at)
            if tag == _ORIENTATION and kind in _NUMBERS and number == 1:
                (found,) = struct.unpack_from(order + _NUMBERS[kind], tiff, at + 8)
    return found
