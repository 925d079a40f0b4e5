"""Axes of an array of images: which is which, or a question where the shape does not say.

N is the image, H its height, W its width, C its channels. Arrays of Python have "NHW" or "NHWC", of PyTorch "NCHW",
of MATLAB "HWN" or "HWCN".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_WHOLE = "NHWC"
_LONGEST = 10  # times as long as wide: other axes are likelier than such images
_FEW = 2  # times as many as either other axis: a last axis may as well be the images
_SMALLEST = 8, 16  # sides below which nothing but the usual order is thought of: of four axes, of three


def with_usual_axes(
    array: np.ndarray, axes: str | None, what: str, number: int | None = None, matlab: bool = False
) -> np.ndarray:
    """Return the images as [N, H, W] or [N, H, W, C].

    Args:
        array: images with axes in any order.
        axes: their letters; None to tell them from the shape.
        what: names the array in errors.
        number: number of labels, which is that of the images; None if there are none.
        matlab: the array comes from MATLAB, where the image is usually the last axis.

    Raises:
        ValueError: `axes` does not fit the array, or the shape may be read in two ways.
    """
    if axes is None:
        axes = _axes(array.shape, what, number, matlab)
    elif len(axes) != array.ndim:
        raise ValueError(
            f"`axes` must have one letter for each axis of {what}, of shape {array.shape}; received {axes!r}."
        )
    if axes.startswith("NHW"):
        return array
    if "N" not in axes:
        array, axes = array[np.newaxis], f"N{axes}"
    return np.ascontiguousarray(np.transpose(array, [axes.index(each) for each in _WHOLE if each in axes]))


def _axes(shape: tuple[int, ...], what: str, number: int | None, matlab: bool) -> str:
    """The axes that the shape has, or ValueError with those that it may have."""
    readings = _readings(shape)
    if number is not None and any(_number(shape, axes) == number for axes in readings):
        readings = [axes for axes in readings if _number(shape, axes) == number]
    likely = [axes for axes in readings if _looks_like_images(shape, axes)] or readings
    if not likely or (likely[0].startswith("NHW") and _is_clear(shape, likely, matlab)):
        return _WHOLE[: len(shape)]
    if len(likely) == 1 and (len(readings) == 1 or matlab or len(shape) == 4):
        return likely[0]
    found = _listed([_described(shape, axes) for axes in readings])
    letters = _listed([repr(axes) for axes in readings])
    raise ValueError(f"{what}, of shape {shape}, may be {found}; say which by `axes` {letters}.")


def _readings(shape: tuple[int, ...]) -> list[str]:
    """The orders that an array of this shape may have, the usual one first."""
    if len(shape) == 3:
        small, (first, second, third) = _SMALLEST[1], shape
        colour = [("HWC", third in (3, 4), (first, second)), ("CHW", first == 3, (second, third))]
        return ["NHW", "HWN", *(axes for axes, fits, sides in colour if fits and min(sides) >= small)]
    if len(shape) != 4:
        return []
    orders = [axes for axes in (_WHOLE, "NCHW", "HWCN") if shape[axes.index("C")] in (1, 3)]
    return [axes for axes in orders if axes == _WHOLE or min(_sides(shape, axes)) >= _SMALLEST[0]]


def _is_clear(shape: tuple[int, ...], likely: Sequence[str], matlab: bool) -> bool:
    """Whether an array that may have the usual order has that one."""
    if len(likely) == 1:
        return True
    if len(shape) == 4 or likely[1:] != ["HWN"]:
        return False
    first, second, third = shape
    if matlab:
        return first != second == third
    return second == third or (first != second and third < _FEW * max(first, second))


def _number(shape: tuple[int, ...], axes: str) -> int:
    return shape[axes.index("N")] if "N" in axes else 1


def _sides(shape: tuple[int, ...], axes: str) -> tuple[int, int]:
    return shape[axes.index("H")], shape[axes.index("W")]


def _looks_like_images(shape: tuple[int, ...], axes: str) -> bool:
    short, long = sorted(_sides(shape, axes))
    return long <= _LONGEST * short


def _described(shape: tuple[int, ...], axes: str) -> str:
    number = _number(shape, axes)
    channels = f" x {shape[axes.index('C')]}" if "C" in axes else ""
    return f"{number} image{'' if number == 1 else 's'} of {' x '.join(map(str, _sides(shape, axes)))}{channels}"


def _listed(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]])
