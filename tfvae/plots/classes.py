"""Labels of examples in any usual form, as classes with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfvae._support.checks import check_one_each


def classes(labels: Any, count: int, class_names: Sequence[str] | None = None) -> list[tuple[str, np.ndarray]]:
    """The classes that occur, in order.

    Args:
        labels: integers or text `[N]` or `[N, 1]`, or one-hot rows `[N, K]`; an array, a list or a tensor.
        count: number N of examples.
        class_names: a name for each integer; the numbers themselves if not given, and those below 0 (no class).

    Returns:
        The name of each class, and which examples belong to it, bool `[N]`.

    Raises:
        ValueError: the labels have another form or number, or a label has no name.
    """
    found = _flat(labels)
    check_one_each("labels", found, count)
    is_text = found.dtype.kind == "U"
    if class_names is not None and not is_text and np.max(found, initial=0) >= len(class_names):
        raise ValueError(
            f"`class_names` must have a name for label {np.max(found)}; received {len(class_names)} names."
        )
    has_name = class_names is not None and not is_text
    return [
        (str(class_names[each]) if has_name and each >= 0 else str(each), found == each)  # type: ignore[index]
        for each in np.unique(found)
    ]


def _flat(labels: Any) -> np.ndarray:
    """int or str `[N]`."""
    try:
        found = np.asarray(labels)
    except ValueError as error:  # rows of different lengths
        raise _bad(f"what is no array ({error})") from None
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 2:
        if found.dtype.kind not in "biuf" or not np.all((found == 0) | (found == 1)) or np.any(found.sum(axis=1) != 1):
            raise _bad(f"shape {found.shape} with rows that are not one-hot")
        return found.argmax(axis=1)
    if found.ndim != 1 or found.dtype.kind not in "biufUSO":
        raise _bad(f"shape {found.shape} of {found.dtype}")
    if found.dtype.kind in "SO":
        return np.array(
            [each.decode(errors="surrogateescape") if isinstance(each, bytes) else str(each) for each in found]
        )
    if found.dtype.kind == "U":
        return found
    with np.errstate(invalid="ignore"):
        whole = found.astype(np.int64)
    if np.any(whole != found):
        raise _bad("numbers that are no integers")
    return whole


def _bad(received: str) -> ValueError:
    return ValueError(f"`labels` must be integers or text [N] or [N, 1], or one-hot rows [N, K]; received {received}.")
