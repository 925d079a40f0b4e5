"""What is never computed in half precision: distributions, losses, and what is exact."""

from __future__ import annotations

import keras


def at_least_float32(dtype: str | None = None) -> str:
    """float64 where a type, Keras' `floatx` if not given, is float64; else float32."""
    return "float64" if (dtype or keras.config.floatx()) == "float64" else "float32"
