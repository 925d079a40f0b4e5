"""Raw images: the values that they may hold, and the sentence about arrays that hold others.

Levels are integers 0 to 255, grey values are floats in [0, 1], black and white are also bool. Every door has this
rule: loading, training, measuring, predicting and serving.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEVELS = 256
ROUNDING = 2.0**-21
"""Distance from [0, 1] that is taken for rounding, four steps of float32 at 1. Such floats count as 0 or 1."""
FEW = 8
"""Images of a batch that are enough to tell that integers are black and white, not levels."""
NOT_FINITE = "holds values that are not finite"
BAD_INPUT = (
    "the input has values that are not finite, or of 2^64 and more, or, for images, floats outside [0, 1], levels "
    "outside 0 to 255 or the integers 0 and 1 only (pass levels as uint8 or divide them by 255, and black and white as "
    "0 and 255 or as bool)"
)
"""The rule in short, for a batch in a graph, of which no more is known than that something is wrong."""


class NotImages(ValueError, FloatingPointError):
    """Raw data that are no images. Also a FloatingPointError, which is what a model raises about a bad batch."""


def refuse_masked(data: Any, what: str) -> None:
    """Refuse a masked array, whose hidden values TensorFlow would take as they are.

    Args:
        data: array of any kind.
        what: names it in the error.

    Raises:
        NotImages: it hides values.
    """
    if np.ma.is_masked(data):
        raise NotImages(
            f"{what} is a masked array, and no model knows a mask; pass `filled(...)` of it, or the examples without "
            "hidden values."
        )


def check(images: np.ndarray, what: str, whole: bool = True) -> None:
    """Refuse arrays that hold no images.

    Args:
        images: `[N, *event]`.
        what: names the array in errors, such as "`images` in faces.npz".
        whole: the array is a set of images and not a few of them that may all be dark.

    Raises:
        NotImages: a sentence with the reason, what was received and the way out.
    """
    refuse_masked(images, what)
    reason = fault(images, whole)
    if reason is not None:
        raise NotImages(f"{what} {reason}.")


def fault(images: np.ndarray, whole: bool = True) -> str | None:
    """Return the reason why an array holds no images, the end of a sentence without its full stop, or None.

    Args:
        images, whole: see `check`.
    """
    kind = images.dtype.kind
    if kind not in "biuf":
        return f"must hold integers 0 to 255 or floats in [0, 1]; received {images.dtype}"
    if kind == "b" or not images.size:
        return None
    least, most = images.min(), images.max()
    return _floats(least, most, whole and len(images) > 1) if kind == "f" else _levels(images, least, most, whole)


def _floats(least: np.floating, most: np.floating, several: bool) -> str | None:
    if not (np.isfinite(least) and np.isfinite(most)):
        return NOT_FINITE
    if least < -ROUNDING or most > 1 + ROUNDING:
        received = f"holds floats, which must be in [0, 1]; received {least:g} to {_near_1(most)}"
        return f"{received}: {_remedy(float(least), float(most))}"
    if several and 0 < most <= 1 / (LEVELS - 1):
        return (
            f"holds floats up to {most:g} only, all but black in [0, 1]: were levels divided by 255 twice? Divide by "
            "their largest value"
        )
    return None


def _near_1(value: np.floating) -> str:
    """The number, and what little it lies above 1 in full."""
    return f"1 + {value - 1:.1g}" if 0 < value - 1 < 1e-3 else f"{value:g}"


def _remedy(least: float, most: float) -> str:
    if least >= -0.1 and most <= 1.1:
        return "clip what a resize overshot, `np.clip(images, 0, 1)`"
    if least >= 0 and most < LEVELS:
        return "pass levels 0 to 255 as uint8, or divide them by 255"
    if -1.1 <= least < 0 and most <= 1.1:
        return "`(images + 1) / 2` maps [-1, 1] to [0, 1]"
    return "scale them to [0, 1]"


def _levels(images: np.ndarray, least: np.integer, most: np.integer, whole: bool) -> str | None:
    if least < 0 or most >= LEVELS:
        received = f"holds integers, which must be levels 0 to 255; received {least} to {most}"
        return received + (
            "" if least < 0 else ": divide levels of more bits by their largest, such as 4095 or 65535, and pass floats"
        )
    if most != 1 or not (len(images) > 1 if whole else _black_and_white(images)):
        return None
    return (
        "holds the integers 0 and 1 only, which as levels of 0 to 255 are all but black; "
        "pass black and white as 0 and 255, as floats or as bool"
    )


def _black_and_white(images: np.ndarray) -> bool:
    """Whether several images hold both 0 and 1 each. A few dark ones may hold nothing above 1 as well."""
    axes = tuple(range(1, images.ndim))
    return len(images) >= FEW and bool((images.max(axis=axes) == 1).all() and (images.min(axis=axes) == 0).all())
