"""From arrays that somebody has saved to the images and labels of a `Split`, or a sentence that says why not."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae import raw_images
from tfvae.datasets.axes import with_usual_axes

MOST_CLASSES = 65_536
ALPHA = "the fourth is probably opacity: put the images on a background first, and keep grey or RGB"


def as_images(
    array: np.ndarray, what: str, axes: str | None = None, number: int | None = None, matlab: bool = False
) -> np.ndarray:
    """Images as uint8 or float32 [N, H, W, C].

    Args:
        array: [N, H, W] or [N, H, W, C] with 1 or 3 channels, or in another order of axes; integers 0 to 255, floats in
            [0, 1] or bool.
        what: names the array in errors, such as "`images` in faces.npz".
        axes, number, matlab: see `axes.with_usual_axes`.

    Raises:
        ValueError: the array is something else, or its axes are not known.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raw_images.check(array, what)
    if array.ndim not in (3, 4) and axes is None:
        raise ValueError(f"{what} must be [N, height, width] or [N, height, width, channels]; received {array.shape}.")
    if array.size == 0:
        raise ValueError(f"{what} holds no images: its shape is {array.shape}.")
    array = with_usual_axes(array, axes, what, number, matlab)
    if array.ndim == 3:
        array = array[..., None]
    check_channels(array.shape[3], f"{what}, of shape {array.shape},")
    raw_images.check(array, what)
    if array.dtype.kind == "f":
        return np.clip(array, 0, 1).astype(np.float32, copy=False)  # rounding may have left [0, 1]
    return (
        array.astype(np.uint8, copy=False) * np.uint8(255)
        if array.dtype == bool
        else array.astype(np.uint8, copy=False)
    )


def check_channels(channels: int | None, what: str) -> None:
    """Raises ValueError unless there are one or three channels."""
    if channels not in (1, 3):
        reason = f" ({ALPHA})" if channels == 4 else ""
        raise ValueError(
            f"{what} must have 1 (grey) or 3 (RGB) channels, on the last axis; received {channels}{reason}."
        )


def as_labels(labels: Any, size: int, what: str) -> np.ndarray:
    """Labels as an array of `size` class numbers; floats that are whole become integers.

    Args:
        labels: `[size]`, `[size, 1]` or `[1, size]`, or one-hot `[size, classes]`.
        size: number of images.
        what: names the labels in errors.

    Raises:
        ValueError: they are not one integer in 0 to 65,535 for each image.
    """
    labels = np.asarray(labels)
    numbers = labels.dtype.kind in "iuf"
    if numbers and labels.ndim == 2 and len(labels) == size and _is_one_hot(labels):
        labels = labels.argmax(axis=1)
    elif labels.ndim == 2 and 1 in labels.shape:
        labels = labels.ravel()  # MATLAB knows no arrays of one axis
    if labels.shape != (size,):
        raise ValueError(f"{what} must be one number for each of the {size} images; received {labels.shape}.")
    if not numbers or labels.min() < 0 or labels.max() >= MOST_CLASSES or (labels != np.rint(labels)).any():
        came = f"{labels.min()} to {labels.max()}" if numbers else labels.dtype
        raise ValueError(f"{what} must be class numbers, integers from 0 to {MOST_CLASSES - 1}; received {came}.")
    return labels.astype(np.int64) if labels.dtype.kind == "f" else labels  # MATLAB's numbers are floats unless told


def numbered(*parts: np.ndarray | None) -> tuple[list[np.ndarray | None], tuple[str, ...]]:
    """Number labels that are text, in alphabetical order.

    Args:
        parts: labels of the training images and of test images, or None.

    Returns:
        The labels as numbers, and the text that each number stands for; labels that are no text as they are, and ().
    """
    texts = [part for part in parts if part is not None]
    if not texts or any(part.dtype.kind not in "SU" for part in texts):
        return list(parts), ()
    clean = [None if part is None else _as_text(part) for part in parts]
    names = np.unique(np.concatenate([part.ravel() for part in clean if part is not None]))
    return [None if part is None else np.searchsorted(names, part) for part in clean], tuple(map(str, names))


def _as_text(labels: np.ndarray) -> np.ndarray:
    text = np.char.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels
    return np.char.strip(text)  # MATLAB fills words up with blanks


def _is_one_hot(labels: np.ndarray) -> bool:
    return labels.shape[1] > 1 and bool(
        ((labels == 0) | (labels == 1)).all() and (np.count_nonzero(labels, axis=1) == 1).all()
    )
