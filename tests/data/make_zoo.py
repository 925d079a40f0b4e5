"""Makes the zoo: small image files of many kinds, each with the picture in it, for `python tests/data/make_zoo.py`.

`datasets.load` and an exported model have to see the same picture in each file, or refuse it.
"""

import io
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin

ZOO = Path(__file__).parent / "zoo"
ROWS, COLUMNS = np.mgrid[:10, :14]
GREY = (17 * COLUMNS + 3 * ROWS).astype(np.uint8)  # no two corners and no two edges alike
COLOURS = np.stack([GREY, 255 - GREY, 16 * ROWS.astype(np.uint8)], axis=-1)
BOTH, FOLDER, NONE = "both", "folder", "none"


class Animal(NamedTuple):
    """A file of the zoo.

    Attributes:
        name: of the file.
        content: bytes.
        picture: uint8 `[H, W]` or `[H, W, 3]`, upright; of what is refused any.
        read_by: BOTH; FOLDER, the rest is refused by an exported model; NONE.
        exact: the file holds just these levels.
    """

    name: str
    content: bytes
    picture: np.ndarray
    read_by: str = BOTH
    exact: bool = True


def levels(bits):
    """A grey picture of so many bits, as levels of them."""
    return (GREY.astype(int) * (2**bits - 1) // 255).astype(np.uint8)


def saved(pixels, form, mode=None, **options):
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(file, form, **options)
    return file.getvalue()


def frames(form, number, **options):
    """A file of several pictures, of which the first is `COLOURS`."""
    more = [Image.fromarray(np.roll(COLOURS, each, 0)) for each in range(1, number)]
    return saved(COLOURS, form, save_all=True, append_images=more, **options)


def directory(value, kind="H", tag=0x0112, order="<", more=()):
    """A TIFF directory with an orientation and what else is given: (tag, type, count, bytes)."""
    types = {"B": 1, "H": 3, "L": 4}
    tags = sorted([(tag, types[kind], 1, struct.pack(order + kind, value)), *more])
    end, entries, tail = 8 + 2 + 12 * len(tags) + 4, b"", b""
    for tag, kind, count, content in tags:
        entries += struct.pack(f"{order}HHL", tag, kind, count)
        if len(content) > 4:
            content, tail = struct.pack(f"{order}L", end + len(tail)), tail + content
        entries += content.ljust(4, b"\0")
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}L", 8)
    return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + tail


def lying(picture, orientation):
    """The pixels that a file stores whose picture is turned by this orientation."""
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture.swapaxes(0, 1) if orientation >= 5 else picture)


def xmp(orientation):
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def chunk(kind, content=b""):
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def png(pixels, bits, colour, before=b"", after=b"", interlaced=False, palette=b""):
    """A PNG file of `pixels` `[H, W]` or `[H, W, C]`, whose levels have so many bits."""
    height, width, *_ = pixels.shape
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, right in passes:
        part = pixels[top::down, left::right]
        for row in part if part.size else ():
            digits = np.unpackbits(row.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)[:, 16 - bits :]
            rows += b"\0" + np.packbits(digits.ravel()).tobytes()
    head = chunk(b"IHDR", struct.pack(">2L5B", width, height, bits, colour, 0, 0, interlaced))
    palette = chunk(b"PLTE", palette) if palette else b""
    data = zlib.compress(rows)
    parts = [head, palette, before, chunk(b"IDAT", data[:9]), chunk(b"IDAT", data[9:]), after, chunk(b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_segments(jpeg, *segments):
    """A JPEG file with APP1 segments of this content directly after its start."""
    return jpeg[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(each) + 2) + each for each in segments) + jpeg[2:]


def pngs():
    shades = np.arange(16, dtype=np.uint8)[:, None] * np.array([17, 5, 1], np.uint8)
    for bits in (1, 2, 4):
        grey = (levels(bits).astype(int) * 255 // (2**bits - 1)).astype(np.uint8)
        yield Animal(f"grey-{bits}.png", png(levels(bits), bits, 0), grey)
        used = shades[: 2**bits].tobytes()
        yield Animal(f"palette-{bits}.png", png(levels(bits), bits, 3, palette=used), shades[levels(bits)])
    yield Animal("grey-8.png", png(GREY, 8, 0), GREY)
    yield Animal("rgb-8.png", png(COLOURS, 8, 2), COLOURS)
    yield Animal("palette-8.png", png(levels(4), 8, 3, palette=shades.tobytes()), shades[levels(4)])
    yield Animal("interlaced-grey.png", png(GREY, 8, 0, interlaced=True), GREY)
    yield Animal("interlaced-rgb.png", png(COLOURS, 8, 2, interlaced=True), COLOURS)
    yield Animal("gamma.png", png(GREY, 8, 0, chunk(b"gAMA", struct.pack(">L", 100_000))), GREY)
    yield Animal("background.png", png(COLOURS, 8, 2, chunk(b"bKGD", bytes(6)) + chunk(b"sRGB", b"\0")), COLOURS)
    yield Animal("grey-16.png", png(GREY * np.uint16(257), 16, 0), GREY, NONE)
    yield Animal("rgb-16.png", png(COLOURS * np.uint16(257), 16, 2), COLOURS, NONE)
    opaque = np.full((*GREY.shape, 1), 255, np.uint8)
    yield Animal("grey-alpha.png", png(np.concatenate([GREY[..., None], opaque], -1), 8, 4), GREY, NONE)
    yield Animal("rgb-alpha.png", png(np.concatenate([COLOURS, opaque], -1), 8, 6), COLOURS, NONE)
    yield Animal("transparent-grey.png", png(GREY, 8, 0, chunk(b"tRNS", b"\0\1")), GREY, NONE)
    yield Animal("transparent-rgb.png", png(COLOURS, 8, 2, chunk(b"tRNS", bytes(6))), COLOURS, NONE)
    see_through = png(levels(4), 8, 3, chunk(b"tRNS", b"\xff\0"), palette=shades.tobytes())
    yield Animal("transparent-palette.png", see_through, COLOURS, NONE)
    yield Animal("cut-short.png", png(COLOURS, 8, 2)[:-60], COLOURS, NONE)
    yield Animal("without-its-end.png", png(COLOURS, 8, 2)[:-12], COLOURS, FOLDER)


def turned_pngs():
    for number in range(1, 9):
        exif = chunk(b"eXIf", directory(number, order="<>"[number % 2]))
        yield Animal(f"turned-{number}.png", png(lying(COLOURS, number), 8, 2, exif), COLOURS)
    six, xmp_6 = lying(GREY, 6), b"XML:com.adobe.xmp\0%b\0\0" + xmp(6)
    yield Animal("turned-late.png", png(six, 8, 0, after=chunk(b"eXIf", directory(6))), GREY)
    yield Animal("turned-by-xmp.png", png(six, 8, 0, chunk(b"iTXt", xmp_6.replace(b"%b", b"\0\0"))), GREY)
    both = chunk(b"eXIf", directory(6)) + chunk(b"iTXt", xmp_6.replace(b"%b", b"\0\0").replace(b'"6"', b'"3"'))
    yield Animal("turned-by-exif-not-xmp.png", png(six, 8, 0, both), GREY)
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp(6).decode(), zip=True)
    yield Animal("turned-by-packed-xmp.png", saved(six, "PNG", pnginfo=text), GREY, FOLDER)
    text = PngImagePlugin.PngInfo()
    content = b"Exif\0\0" + directory(6)
    text.add_text("Raw profile type exif", f"\nexif\n{len(content):8}\n{content.hex()}\n", zip=True)
    yield Animal("turned-by-profile.png", saved(six, "PNG", pnginfo=text), GREY, FOLDER)


def apngs():
    yield Animal("two-frames.apng", frames("PNG", 2), COLOURS, NONE)
    yield Animal("cover-and-frames.png", frames("PNG", 3, default_image=True), COLOURS, NONE)
    height, width = GREY.shape
    count = chunk(b"acTL", struct.pack(">2L", 1, 0))
    control = chunk(b"fcTL", struct.pack(">5L2H2B", 0, width, height, 0, 0, 1, 25, 0, 0))
    yield Animal("one-frame.apng", png(GREY, 8, 0, count + control), GREY)
    yield Animal("cover-and-one-frame.png", png(GREY, 8, 0, count, control), GREY, NONE)


def jpegs():
    def jpeg(name, pixels, *segments, read_by=BOTH, mode=None, picture=None, **options):
        content = with_segments(saved(pixels, "JPEG", mode, **{"quality": 95, **options}), *segments)
        return Animal(name, content, pixels if picture is None else picture, read_by, exact=False)

    yield jpeg("grey.jpg", GREY)
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield jpeg(f"rgb-{sampling.replace(':', '')}.jpg", COLOURS, subsampling=sampling)
    yield jpeg("progressive.jpeg", COLOURS, progressive=True, quality=60)
    yield jpeg("coarse.jpe", COLOURS, quality=10)
    yield jpeg("restarts.jfif", COLOURS, restart_marker_blocks=1)
    yield jpeg("not-ycc.jpg", COLOURS, keep_rgb=True)
    yield jpeg("comment.jpg", GREY, comment=b"\xff\xe1 no segment")
    yield jpeg("inks.jpg", COLOURS, mode="CMYK", read_by=NONE)
    for number in range(1, 9):
        exif = b"Exif\0\0" + directory(number, order="<>"[number % 2])
        yield jpeg(f"turned-{number}.jpg", lying(COLOURS, number), exif, picture=COLOURS, subsampling=0)
    six, exif, adobe = lying(GREY, 6), b"Exif\0\0" + directory(6), b"http://ns.adobe.com/xap/1.0/\0"
    yield jpeg("turned-by-xmp.jpg", six, adobe + xmp(6), picture=GREY)
    yield jpeg("turned-by-exif-not-xmp.jpg", six, adobe + xmp(3), exif, picture=GREY)
    yield jpeg("turned-by-long-exif.jpg", six, exif[:20], b"Exif\0\0" + exif[20:], picture=GREY)
    yield jpeg("turned-by-a-long.jpg", six, b"Exif\0\0" + directory(6, "L", order=">"), picture=GREY)
    yield jpeg("turned-by-0.jpg", GREY, b"Exif\0\0" + directory(0))
    yield jpeg("turned-by-9.jpg", GREY, b"Exif\0\0" + directory(9))
    yield jpeg("exif-cut-short.jpg", GREY, exif[:22])
    yield jpeg("exif-beyond-its-end.jpg", GREY, exif[:10] + b"\xff\xff\xff\x7f")
    odd = {
        "resolution-as-text": (282, 2, 3, b"72\0"),
        "negative-rational": (282, 10, 1, struct.pack("<2l", -1, 0)),
        "float-for-a-short": (296, 11, 1, struct.pack("<f", 2.5)),
        "rational-for-a-text": (0x0132, 5, 1, struct.pack("<2L", 5, 2)),
    }
    for name, tag in odd.items():
        yield jpeg(f"{name}.jpg", six, b"Exif\0\0" + directory(6, more=[tag]), picture=GREY)
    yield Animal("preview.jpg", frames("MPO", 2, quality=95), COLOURS, exact=False)  # as phones save photographs


def others():
    yield Animal("grey.bmp", saved(GREY, "BMP"), GREY, FOLDER)
    yield Animal("rgb.dib", saved(COLOURS, "DIB"), COLOURS, FOLDER)
    yield Animal("palette.gif", saved(GREY, "GIF"), np.stack([GREY] * 3, -1), FOLDER)
    yield Animal("bits.pbm", saved(255 * levels(1), "PPM", "1"), 255 * levels(1), FOLDER)
    yield Animal("grey.pgm", saved(GREY, "PPM"), GREY, FOLDER)
    yield Animal("rgb.pnm", saved(COLOURS, "PPM"), COLOURS, FOLDER)
    deep = b"P6 14 10 65535\n" + (COLOURS * np.uint16(257)).astype(">u2").tobytes()
    yield Animal("rgb-16.ppm", deep, COLOURS, NONE)
    yield Animal("grey.tif", saved(GREY, "TIFF"), GREY, FOLDER)
    yield Animal("rgb-packed.tiff", saved(COLOURS, "TIFF", compression="tiff_lzw"), COLOURS, FOLDER)
    yield Animal("turned-6.tif", saved(lying(GREY, 6), "TIFF", tiffinfo={0x0112: 6}), GREY, FOLDER)
    yield Animal("grey-16.tif", saved(GREY * np.uint16(257), "TIFF"), GREY, NONE)
    yield Animal("rgb-16.tif", deep_tiff(), COLOURS, NONE)
    yield Animal("inks.tif", saved(COLOURS, "TIFF", "CMYK"), COLOURS, NONE)
    yield Animal("rgb.webp", saved(COLOURS, "WEBP", lossless=True), COLOURS, FOLDER)
    exif = b"Exif\0\0" + directory(8)
    yield Animal("turned-8.webp", saved(lying(COLOURS, 8), "WEBP", lossless=True, exif=exif), COLOURS, FOLDER)
    yield Animal("alpha.webp", saved(np.dstack([COLOURS, GREY]), "WEBP", lossless=True), COLOURS, NONE)
    for form, suffix in (("GIF", "gif"), ("TIFF", "tif"), ("WEBP", "webp")):
        yield Animal(f"three-frames.{suffix}", frames(form, 3), COLOURS, NONE)
    yield Animal("page.jpg", b"<!DOCTYPE html><title>404</title>", COLOURS, NONE)
    yield Animal("empty.png", b"", COLOURS, NONE)


def deep_tiff():
    """A TIFF file of 16 bits a channel, which Pillow does not write."""
    height, width, _ = COLOURS.shape
    data = (COLOURS * np.uint16(257)).astype("<u2").tobytes()
    tags = [
        (256, 3, 1, struct.pack("<H", width)), (257, 3, 1, struct.pack("<H", height)),
        (258, 3, 3, struct.pack("<3H", 16, 16, 16)), (259, 3, 1, b"\1\0"), (262, 3, 1, b"\2\0"),
        (277, 3, 1, b"\3\0"), (278, 3, 1, struct.pack("<H", height)), (279, 4, 1, struct.pack("<L", len(data))),
    ]  # fmt: skip
    start = len(directory(0, "L", tag=273, more=tags))
    return directory(start, "L", tag=273, more=tags) + data


def zoo():
    """All files."""
    for kind in (pngs, turned_pngs, apngs, jpegs, others):
        yield from kind()


if __name__ == "__main__":
    ZOO.mkdir(exist_ok=True)
    for path in ZOO.iterdir():
        path.unlink()
    for animal in zoo():
        (ZOO / animal.name).write_bytes(animal.content)
