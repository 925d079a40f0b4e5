"""Settings that are written in several forms: text from the command line, numbers and lists from YAML and Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tfvae.app.settings.words import near


def sizes(name: str, value: Any) -> tuple[int, ...]:
    """Integers from "500,500", [500, 500] or 500."""
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    parts = [parts] if isinstance(parts, int) else parts
    try:
        found = tuple(_whole(part) for part in parts)
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be integers separated by commas, such as 500,500; received {value!r}."
        ) from None
    if any(size < 1 for size in found):
        raise ValueError(f"`{name}` must be sizes >= 1; received {value!r}.")
    return found


def image_size(name: str, value: Any) -> tuple[int, int] | None:
    """(height, width) from "28x20", "32", 32 or [28, 20]."""
    if value is None or value == "":
        return None
    parts = value.split("x") if isinstance(value, str) else [value] if isinstance(value, int) else value
    try:
        found = [_whole(part) for part in parts]
        height, width = found if len(found) == 2 else found * 2
        if min(height, width) < 1:
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be HEIGHTxWIDTH or one number, such as 28x20 or 32; received {value!r}."
        ) from None
    return height, width


def axes(name: str, value: Any) -> str | None:
    """One letter for each axis of an array of images, such as "HWN"."""
    if value is None or value == "":
        return None
    letters = set(value) if isinstance(value, str) else set()
    if not {*"HW"} <= letters <= {*"NHWC"} or len(value) > len(letters) or (len(value) == 4) > ("N" in letters):
        raise ValueError(
            f"`{name}` must be letters of axes, H and W, N for the image and C for channels, such as HWN or NCHW; "
            f"received {value!r}."
        )
    return str(value)


def word_or_number(words: tuple[str, ...]) -> Callable[[str, Any], str | float]:
    """For one of the words, or a number > 0."""

    def read(name: str, value: Any) -> str | float:
        if value in words:
            return str(value)
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 < number < math.inf:
            known = ", ".join(map(repr, words))
            raise ValueError(f"`{name}` must be {known} or a number > 0; received {value!r}.{near(str(value), words)}")
        return number

    return read


def numbers_by_level(name: str, value: Any) -> float | tuple[float, ...]:
    """A number >= 0, or several separated by commas."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    if len(parts) > 1 and any(isinstance(part, str) and not part.strip() for part in parts):
        raise ValueError(f"`{name}` must have a number on either side of a comma; received {value!r}.")
    try:
        numbers = tuple(math.nan if isinstance(part, bool) else float(part) for part in parts)
    except (TypeError, ValueError):
        numbers = (math.nan,)
    if not numbers or not all(0 <= number < math.inf for number in numbers):
        raise ValueError(f"`{name}` must be at least 0, one number or one for each level; received {value!r}.")
    return numbers if len(numbers) > 1 else numbers[0]


def one_or_each(value: Any) -> tuple[Any, ...]:
    """A tuple of values for the levels as it is, or of the one value for all."""
    return value if isinstance(value, tuple) else (value,)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)
