"""MNIST, embedded in the package; licence, authors and source are in `data/README.md`."""

import hashlib
import lzma
from importlib import resources

import numpy as np

from tfvae.datasets.splits import Dataset, Split

FILE = resources.files("tfvae.datasets") / "data" / "mnist.xz"
TRAIN_SIZE, TEST_SIZE = 60_000, 10_000
IMAGE_SHAPE = (28, 28, 1)
# The four original IDX files, decompressed, in the order in which they are read below.
CONTENT_SHA256 = "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a"
# An IDX file starts with its magic number and the length of each axis, four bytes each.
IMAGES_HEADER, LABELS_HEADER = 16, 8


def load() -> Dataset:
    """Return all of MNIST: handwritten digits, 60,000 training and 10,000 test images.

    Reads and decompresses the embedded file on every call (about a second); the arrays are read-only.

    Returns:
        A `Dataset` with images uint8 [N, 28, 28, 1], 0 (background) to 255 (ink), and labels uint8 [N], 0 to 9.

    Raises:
        OSError: the embedded file is missing, cannot be read or is damaged.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "MNIST handwritten digit database", 2010.
    """
    content = _content()
    train, end = _split(content, 0, TRAIN_SIZE)
    test, _ = _split(content, end, TEST_SIZE)
    return Dataset("mnist", train, test, tuple("0123456789"))


def _content() -> bytes:
    try:
        content = lzma.decompress(FILE.read_bytes())
    except lzma.LZMAError:
        content = b""
    if hashlib.sha256(content).hexdigest() != CONTENT_SHA256:
        raise OSError(f"{FILE} is damaged: its content is not MNIST; install tfvae again or check the file out anew.")
    return content


def _split(content: bytes, start: int, size: int) -> tuple[Split, int]:
    """Return the split whose two files begin at `start`, and where they end."""
    start += IMAGES_HEADER
    images = np.frombuffer(content, np.uint8, size * int(np.prod(IMAGE_SHAPE)), start)
    start += images.size + LABELS_HEADER
    labels = np.frombuffer(content, np.uint8, size, start)
    return Split(images.reshape(size, *IMAGE_SHAPE), labels), start + size
