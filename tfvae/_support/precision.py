"""What is never computed in half precision: distributions, losses, and what is exact."""

from __future__ import annotations

import keras

_FULL = ("float32", "float64")


def at_least_float32(dtype: str | None = None) -> str:
    """float64 where a given type, Keras' `floatx` or its dtype policy is float64; else float32.

    Raises:
        ValueError: weights and losses would be in half precision or quantised by Keras' settings.
    """
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    if floatx not in _FULL:
        raise ValueError(
            f"Keras' `floatx` must be float32 or float64, as losses need; received {floatx}. Set it by "
            "keras.config.set_floatx or in keras.json; half precision of networks is the policy mixed_"
            f"{floatx}, which keras.config.set_dtype_policy sets."
        )
    if policy.variable_dtype not in _FULL or policy.quantization_mode is not None:
        raise ValueError(
            f"Keras' dtype policy must be float32, float64, mixed_bfloat16 or mixed_float16, whose weights can be "
            f"trained; received {policy.name}."
        )
    return "float64" if "float64" in (dtype, floatx, policy.variable_dtype) else "float32"


def require_precision(name: str, dtype: str) -> None:
    """ValueError unless Keras' settings have the type that something was made to compute in."""
    now = at_least_float32()
    if dtype != now:
        raise ValueError(
            f"`{name}` computes in {dtype} and Keras' settings say {now}; call keras.config.set_floatx({dtype!r}) and "
            f"keras.config.set_dtype_policy({dtype!r}) first."
        )
