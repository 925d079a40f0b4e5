"""From arrays that somebody has saved to the images and labels of a `Split`, or a sentence that says why not."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_CLASSES = 65_536
ALPHA = "the fourth is probably opacity: put the images on a background first, and keep grey or RGB"


def as_images(array: np.ndarray, what: str) -> np.ndarray:
    """Images as uint8 or float32 [N, H, W, C].

    Args:
        array: [N, H, W] or [N, H, W, C] with 1 or 3 channels; integers 0 to 255 or floats in [0, 1].
        what: names the array in errors, such as "`images` in faces.npz".

    Raises:
        ValueError: the array is something else.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{what} must hold integers 0 to 255 or floats in [0, 1]; received {array.dtype}.")
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4:
        raise ValueError(f"{what} must be [N, height, width] or [N, height, width, channels]; received {array.shape}.")
    if array.size == 0:
        raise ValueError(f"{what} holds no images: its shape is {array.shape}.")
    check_channels(array.shape[3], f"{what}, of shape {array.shape},")
    return _floats(array, what) if array.dtype.kind == "f" else _levels(array, what)


def check_channels(channels: int | None, what: str) -> None:
    """Raises ValueError unless there are one or three channels."""
    if channels not in (1, 3):
        reason = f" ({ALPHA})" if channels == 4 else ""
        raise ValueError(
            f"{what} must have 1 (grey) or 3 (RGB) channels, on the last axis; received {channels}{reason}."
        )


def as_labels(labels: Any, size: int, what: str) -> np.ndarray:
    """Labels as they came, an array of `size` class numbers; floats that are whole become integers.

    Raises:
        ValueError: they are not one integer in 0 to 65,535 for each image.
    """
    labels = np.asarray(labels)
    if labels.shape != (size,):
        raise ValueError(f"{what} must be one number for each of the {size} images; received {labels.shape}.")
    numbers = labels.dtype.kind in "iuf"
    if not numbers or labels.min() < 0 or labels.max() >= MOST_CLASSES or (labels != np.rint(labels)).any():
        came = f"{labels.min()} to {labels.max()}" if numbers else labels.dtype
        raise ValueError(f"{what} must be class numbers, integers from 0 to {MOST_CLASSES - 1}; received {came}.")
    return labels.astype(np.int64) if labels.dtype.kind == "f" else labels  # MATLAB's numbers are floats unless told


def _floats(array: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(array).all():
        raise ValueError(f"{what} holds values that are not finite.")
    if array.min() < 0 or array.max() > 1:
        raise ValueError(
            f"{what} holds floats, which must be in [0, 1]; received {array.min():g} to {array.max():g} "
            "(grey levels 0 to 255 are saved as uint8)."
        )
    return array.astype(np.float32)


def _levels(array: np.ndarray, what: str) -> np.ndarray:
    least, most = array.min(), array.max()
    if least < 0 or most > 255:
        raise ValueError(f"{what} holds integers, which must be levels 0 to 255; received {least} to {most}.")
    if most == 1:
        raise ValueError(
            f"{what} holds the integers 0 and 1 only, which as levels of 0 to 255 are all but black; "
            "save black and white as 0 and 255, or as floats."
        )
    return array.astype(np.uint8, copy=False)
