"""Values that a caller gives: numbers of Python, NumPy and of arrays and tensors without axes, shapes, words, lists.

Every refusal has one form: `name` must be so; received that. Each check returns the value that is used from then on.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Iterable, Sized
from numbers import Real
from typing import Any

from tfvae._support.words import listed, near

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
        name: name of the argument.
        value: given value.
        least, most: bounds, if there are any; a count, of at least 1, is at most `MOST` if nothing is said.
        bound: meaning of `most`, for the sentence, with a comma.

    Raises:
        ValueError: it is not an integer, or out of bounds.
    """
    found = _index(value)
    if found is None:
        raise refusal(name, "an integer", value)
    if least is not None and found < least:
        raise refusal(name, f"at least {least}", found)
    if most is None and least == 1:
        most = MOST
    if most is not None and found > most:
        raise refusal(name, f"at most {bound}{most}", found)
    return found


def integers_at_least(least: int, **numbers: Any) -> list[int]:
    """Arguments as Python integers; ValueError for the first that is not one, or below `least`."""
    return [integer(name, value, least) for name, value in numbers.items()]


def depth_of(name: str, value: Any) -> int:
    """A number of layers, couplings or levels in a row as a Python integer; ValueError for any other."""
    return integer(name, value, 1, MOST_DEPTH)


def samples_of(name: str, value: Any) -> int:
    """A number of draws or samples as a Python integer; ValueError for any other."""
    return integer(name, value, 1, MOST_SAMPLES)


def check_batch_sizes(**sizes: Any) -> None:
    """Refuses what is neither None, for which Keras has a default, nor an integer of at least 1, by ValueError."""
    for name, size in sizes.items():
        if size is not None:
            integer(name, size, 1)


def seed_of_draws(seed: Any) -> int:
    """A seed that takes the place of a training step in noise, of which 64 bits are kept; ValueError for any other."""
    return integer("seed", seed, -(2**63), 2**63 - 1)


def seed_of_generator(seed: Any) -> int:
    """A seed for NumPy's or scikit-learn's generators, which take 32 bits; ValueError for any other."""
    return integer("seed", seed, 0, 2**32 - 1)


def number(
    name: str,
    value: Any,
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    otherwise: str = "",
) -> float:
    """An argument as a Python number that float32 holds with room for arithmetic. True and "1" are of another kind.

    Args:
        name: name of the argument.
        value: given value.
        least: bound that belongs to the range.
        above, below: bounds that do not.
        otherwise: other values that it may have, for the sentence about one of another kind.

    Raises:
        ValueError: it is not a finite number, or out of bounds.
    """
    found = real(value)
    if found != found:
        raise refusal(name, f"{otherwise} or a number" if otherwise else "a number", value)
    if abs(found) == math.inf:
        raise refusal(name, "a finite number", found)
    if least is not None and found < least:
        raise refusal(name, f"at least {least}", found)
    if above is not None and found <= above:
        raise refusal(name, f"above {above}", found)
    if below is not None and found >= below:
        raise refusal(name, f"below {below}", found)
    if found > LARGEST_FLOAT:
        raise refusal(name, "at most 2^127", found)
    return found


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


def check_sizes(name: str, sizes: Any, at_least_one: bool = False) -> tuple[int, ...]:
    """An argument as a tuple of Python integers; ValueError unless it is a tuple or list of integers from 1 on."""
    found = [_index(size) for size in sizes] if isinstance(sizes, (tuple, list)) else [None]
    if any(size is None for size in found):
        raise refusal(name, "a tuple of integers", sizes)
    if any(size < 1 for size in found):  # type: ignore[operator]
        raise refusal(name, "a tuple of integers of at least 1", sizes)
    if at_least_one and not found:
        raise refusal(name, "a tuple of at least one integer", sizes)
    return tuple(found)  # type: ignore[arg-type]


def check_event_shape(shape: Any, name: str = "event_shape") -> tuple[int, ...]:
    """The shape of an example or latent as a tuple of Python integers; ValueError unless all are from 1 on."""
    return check_sizes(name, tuple(shape) if isinstance(shape, Iterable) else shape, at_least_one=True)


def check_vector_shape(shape: Any) -> tuple[int, ...]:
    """The shape `(D,)` of a vector; ValueError for any other."""
    found = check_event_shape(shape)
    if len(found) != 1:
        raise refusal("event_shape", "one size, (D,)", found)
    return found


def check_image_shape(shape: Any, name: str = "image_shape") -> tuple[int, ...]:
    """`(height, width, channels)` as Python integers: pictures need three axes, and a channel is easily forgotten.

    Raises:
        ValueError: it is anything else.
    """
    found = [_index(size) for size in shape] if isinstance(shape, (tuple, list)) else []
    if len(found) != 3 or any(size is None or size < 1 for size in found):
        raise refusal(name, "(height, width, channels), such as (28, 28, 1)", shape)
    return tuple(found)  # type: ignore[arg-type]


def check_image_size(value: Any) -> tuple[int, int]:
    """(height, width) of a pair, or of one number for both; ValueError for anything else."""
    sides = tuple(value) if isinstance(value, Iterable) else (value, value)
    try:
        height, width = (integer("image_size", side, 1) for side in sides)
    except ValueError:
        raise refusal("image_size", "(height, width) or one integer for both, of at least 1", value) from None
    return height, width


def check_axes(value: Any) -> str:
    """One letter for each axis of an array of images, such as "HWN"; ValueError for anything else."""
    letters = set(value) if isinstance(value, str) else set()
    if not {*"HW"} <= letters <= {*"NHWC"} or len(value) > len(letters) or (len(value) == 4) > ("N" in letters):
        meaning = "letters of axes, H and W, N for the image and C for channels, such as HWN or NCHW"
        raise refusal("axes", meaning, value)
    return value


def check_choice(name: str, value: Any, choices: Collection[Any]) -> Any:
    """Returns a value that is one of some; ValueError, with the most similar one, for any other."""
    if value not in choices:
        raise refusal(name, listed(choices), value, near(str(value), choices))
    return value


def check_kind(name: str, value: Any, kind: type) -> None:
    """TypeError unless a value is an object of a class."""
    if not isinstance(value, kind):
        raise TypeError(f"`{name}` must be a `{kind.__name__}`; received {type(value).__name__}.")


def check_list(name: str, values: Any, kind: type) -> list[Any]:
    """A list of objects of a class, at least one; TypeError for anything else."""
    if not isinstance(values, (list, tuple)) or not values or not all(isinstance(each, kind) for each in values):
        raise TypeError(f"`{name}` must be a list of at least one `{kind.__name__}`; received {values!r}.")
    return list(values)


def check_some(name: str, values: Sized, what: str = "example") -> None:
    """ValueError if there are no values."""
    if not len(values):
        raise ValueError(f"`{name}` must hold at least one {what}; received none.")


def check_one_each(name: str, values: Sized, images: int) -> None:
    """ValueError unless there are as many values as images."""
    if len(values) != images:
        raise ValueError(f"`{name}` must be one for each of the {images} images; received {len(values)}.")


def refusal(name: str, expected: str, value: Any, hint: str = "") -> ValueError:
    """The error of an argument that has another value than it may have."""
    return ValueError(f"`{name}` must be {expected}; received {value!r}.{hint}")
