"""Image files that claim more than they hold, small themselves."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def chunk(kind, content):
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def png(side):
    """A PNG file of `side` x `side` black grey pixels, packed a thousand times."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">2L5B", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(form, **options):
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(file, form, **options)
    return file.getvalue()


def jpeg(side):
    """A JPEG file of 16 x 16 pixels whose header says `side` x `side`."""
    content = saved("JPEG")
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">2H", side, side) + content[at + 4 :]


def gif(side):
    content = saved("GIF")
    at = content.index(b",") + 5
    size = struct.pack("<2H", side, side)
    return content[:6] + size + content[10:at] + size + content[at + 4 :]


def bmp(side):
    content = saved("BMP")
    return content[:18] + struct.pack("<2l", side, side) + content[26:]


def ppm(side):
    return b"P5 %d %d 255\n" % (side, side) + bytes(256)


def tiff(side):
    content = saved("TIFF")
    for tag in (256, 257):
        at = content.index(struct.pack("<2HL", tag, 4, 1)) + 8
        content = content[:at] + struct.pack("<L", side) + content[at + 4 :]
    return content


def webp(side):
    """Black, which lossless WebP packs into some bytes."""
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(file, "WEBP", lossless=True, quality=0, method=0)
    return file.getvalue()


def text_bomb():
    """A PNG file whose comment unpacks to 64 MiB."""
    packed = zlib.compress(bytes(2**26), 9)
    content = saved("PNG")
    return content[:33] + chunk(b"zTXt", b"Comment\0\0" + packed) + content[33:]
