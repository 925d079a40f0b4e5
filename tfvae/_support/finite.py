"""Answers that are numbers: what overflows float32 is refused instead of given as NaN or infinity."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

LARGEST = 2.0**64
"""Numbers from here on have squares that overflow float32; no network is given them."""


def require_finite(what: str, *values: Any) -> None:
    """Checks arrays or tensors; those of a graph cannot be looked at and are taken as they are.

    Args:
        what: begins the error's sentence, such as "The samples".

    Raises:
        FloatingPointError: one of them has NaN or infinity.
    """
    if not all(np.isfinite(np.asarray(each)).all() for each in values if not tf.is_symbolic_tensor(each)):
        raise FloatingPointError(f"{what} are not finite: the input or the model's weights are too large.")


def require_input(name: str, data: Any) -> None:
    """Checks what a network is given, where it is an array of numbers.

    Raises:
        FloatingPointError: a number is NaN, or as large as `LARGEST`.
    """
    array = np.asarray(data) if hasattr(data, "__array__") else np.zeros(0)
    if array.dtype.kind == "f" and not np.all(np.abs(array) < LARGEST):
        raise FloatingPointError(f"`{name}` takes finite numbers below 2^64 in size; received others.")
