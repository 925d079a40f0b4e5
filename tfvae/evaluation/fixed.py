"""The array that a model is scored on, drawn once and named by a digest."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

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
        raw: `[N, *event]`, uint8 levels or floats in [0, 1].
        preprocess: the model's.
        seed: of the draw.

    Raises:
        ValueError: some examples are no images.
    """
    preprocess.check(raw)
    x = np.asarray(preprocess(raw, Noise(seed)))
    return FixedArray(x, hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()[:12])
