"""Numbers that a caller gives: those of Python and of NumPy, and of arrays and tensors without axes."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

MOST = 2**31 - 1
"""The most of anything that is counted: sizes of arrays and of loops in TensorFlow are integers of 32 bits."""
MOST_SAMPLES = 10**6
"""The most draws and samples of a latent: each is a pass through a network."""
MOST_DEPTH = 1000
"""The most layers, couplings or levels in a row: each is built by itself."""
LARGEST_FLOAT = 2.0**127
"""A bound for numbers that are computed with in float32, whose own end is little below twice as much."""


def integer(name: str, value: Any, least: int | None = None, most: int | None = None, bound: str = "") -> int:
    """An argument as a Python integer. True, 7.0 and "7" are of another kind and refused.

    Args:
        name: the argument's.
        value: what was given.
        least, most: bounds, if there are any; a count, of at least 1, is at most `MOST` where nothing is said.
        bound: the meaning of `most`, for the sentence, with a comma.

    Raises:
        ValueError: it is not an integer, or out of bounds.
    """
    number = _index(value)
    if number is None or (least is not None and number < least) or (most is not None and number > most):
        bounds = "" if least is None else f" >= {least}" if most is None else f" between {least} and {bound}{most}"
        raise ValueError(f"`{name}` must be an integer{bounds}; received {value!r}.")
    return number if least != 1 or most is not None else _no_more(name, number)


def depth_of(name: str, value: Any) -> int:
    """A number of layers, couplings or levels in a row as a Python integer; ValueError for any other."""
    return integer(name, _no_more(name, value, MOST_DEPTH), 1)


def samples_of(name: str, value: Any) -> int:
    """A number of draws or samples as a Python integer; ValueError for any other."""
    return integer(name, _no_more(name, value, MOST_SAMPLES), 1)


def check_batch_sizes(**sizes: Any) -> None:
    """Refuses what is neither None, where Keras has a default, nor an integer of at least 1, by ValueError."""
    for name, size in sizes.items():
        if size is not None:
            integer(name, size, 1)


def _no_more(name: str, value: Any, most: int = MOST) -> Any:
    """The value, if it is no integer above `most`."""
    number = _index(value)
    if number is not None and number > most:
        raise ValueError(f"`{name}` must be at most {most}; received {number}.")
    return value


def integers_at_least(least: int, **numbers: Any) -> list[int]:
    """Arguments as Python integers.

    Raises:
        ValueError: one of them, which the sentence names, is not an integer >= `least`.
    """
    return [integer(name, number, least) for name, number in numbers.items()]


def check_sizes(name: str, sizes: Any, at_least_one: bool = False) -> tuple[int, ...]:
    """An argument as a tuple of Python integers; ValueError unless it is a tuple or list of integers >= 1."""
    found = [_index(size) for size in sizes] if isinstance(sizes, (tuple, list)) else [None]
    if any(size is None or size < 1 for size in found) or (at_least_one and not found):
        raise ValueError(f"`{name}` must be a tuple of integers >= 1; received {sizes!r}.")
    return tuple(found)  # type: ignore[arg-type]


def check_image_shape(image_shape: Any) -> tuple[int, ...]:
    """`(height, width, channels)` as Python integers: pictures need three axes, and a channel is easily forgotten.

    Raises:
        ValueError: it is anything else.
    """
    found = [_index(size) for size in image_shape] if isinstance(image_shape, (tuple, list)) else []
    if len(found) != 3 or any(size is None or size < 1 for size in found):
        raise ValueError(
            f"`image_shape` must be (height, width, channels), such as (28, 28, 1); received {image_shape!r}."
        )
    return tuple(found)  # type: ignore[arg-type]


def seed_of_draws(seed: Any) -> int:
    """A seed that takes the place of a training step in noise, of which 64 bits are kept; ValueError for any other."""
    return integer("seed", seed, -(2**63), 2**63 - 1)


def seed_of_generator(seed: Any) -> int:
    """A seed for NumPy's or scikit-learn's generators, which take 32 bits; ValueError for any other."""
    return integer("seed", seed, 0, 2**32 - 1)


def is_in_float32(name: str, value: Any, zero: bool = False) -> bool:
    """Whether an argument is a finite number above 0, or also 0.

    Raises:
        ValueError: it is one that float32 cannot hold with room for arithmetic.
    """
    number = real(value)
    if LARGEST_FLOAT < number < math.inf:
        raise ValueError(f"`{name}` must be at most 2^127; received {number!r}.")
    return (number >= 0 if zero else number > 0) and number < math.inf


def real(value: Any) -> float:
    """A number as a Python number; NaN, which is in no range, for what is of another kind, such as True or "1"."""
    whole = _index(value)
    if whole is not None:
        return whole
    if isinstance(value, Real) and not isinstance(value, bool):  # NumPy's floats among them
        return float(value)
    if getattr(getattr(value, "dtype", None), "kind", None) == "f" and getattr(value, "shape", None) == ():
        return value.item()
    return math.nan


def _index(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except (TypeError, AttributeError):  # the latter from tensors of floats
        return None


def checked_axes(value: str) -> str:
    """One letter for each axis of an array of images, such as "HWN".

    Raises:
        ValueError: it is something else.
    """
    letters = set(value) if isinstance(value, str) else set()
    if not {*"HW"} <= letters <= {*"NHWC"} or len(value) > len(letters) or (len(value) == 4) > ("N" in letters):
        raise ValueError(
            f"`axes` must be letters of axes, H and W, N for the image and C for channels, such as HWN or NCHW; "
            f"received {value!r}."
        )
    return value
