"""Images that are in the data twice: counted, since a test on images that were trained on says too much."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from tfvae.datasets.splits import Split


class Copies(NamedTuple):
    """Exact copies, byte for byte.

    Attributes: training, how many training images repeat another one; validation and test, how many images of these
    are among the training images. None where images stay on disk, which are not compared.
    """

    training: int | None
    validation: int | None
    test: int | None

    def __str__(self) -> str:
        """A sentence; empty if there are no copies."""
        numbers = {
            "test images are exact copies of training images, so test figures are too good": self.test,
            "validation images are exact copies of training images": self.validation,
            "training images repeat others": self.training,
        }
        found = [f"{number} {what}" for what, number in numbers.items() if number]
        return f"{'; '.join(found)}." if found else ""


def count_copies(training: Split | Any, validation: Split | Any, test: Split | Any) -> Copies:
    """Counts the copies among the parts of a dataset; 70,000 images of 28 x 28 take 0.2 s."""
    if not all(isinstance(part, Split) for part in (training, validation, test)):
        return Copies(None, None, None)
    known = set(_digests(training))
    repeats = len(training) - len(known)
    return Copies(repeats, *(sum(digest in known for digest in _digests(part)) for part in (validation, test)))


def _digests(split: Split) -> list[bytes]:
    rows = np.ascontiguousarray(split.images).reshape(len(split), -1)
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]
