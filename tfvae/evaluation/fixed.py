"""The array that a model is scored on, drawn once and named by a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.preprocessing import Preprocessing


class FixedArray(NamedTuple):
    """Attributes: x, `[N, *event]`; digest, 12 hexadecimal digits of its SHA-256."""

    x: np.ndarray
    digest: str


def fix(raw: np.ndarray, preprocess: Preprocessing, seed: int = EVALUATION_SEED) -> FixedArray:
    """Preprocesses an evaluation set once, in index order: one draw of its binarisation or dequantisation.

    `Model.evaluate(raw)` scores this same array, whatever its batch size, because the noise of an example depends on
    its index only. A figure is comparable with another only if their digests agree.

    Args:
        raw: `[N, *event]`, uint8 levels, floats in [0, 1] or bool.
        preprocess: the model's.
        seed: of the draw.

    Raises:
        ValueError: some examples are no images.
    """
    preprocess.check(raw)
    x = np.asarray(preprocess(raw, Noise(seed)))
    return FixedArray(x, _digits(hashlib.sha256(x.tobytes())))


def digest(batches: Iterable[Any], preprocess: Preprocessing, seed: int = EVALUATION_SEED) -> str:
    """The digest of `fix`, from an evaluation set in batches, of which no more than one is held.

    The same digits whatever the sizes of the batches, and those of `fix` for all of them in one array.

    Args:
        batches: finite, in index order, each `[B, *event]` as for `fix`; such as `split.in_order(500)`.
        preprocess: the model's.
        seed: of the draw.

    Raises:
        ValueError: some examples are no images.
    """
    found, rows = hashlib.sha256(), 0
    for raw in batches:
        preprocess.check(raw, whole=False)
        found.update(np.asarray(preprocess(raw, Noise(seed, first_row=rows))).tobytes())
        rows += len(raw)
    return _digits(found)


def _digits(sha256: Any) -> str:
    return sha256.hexdigest()[:12]
