"""A field of the settings: its help text, what it may be, and the sentences that refuse the rest."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import typing
from collections.abc import Callable
from typing import Any

from tfvae._support.checks import real
from tfvae.app.settings.words import listed, near

Bound = tuple[str, Callable[[Any], bool]]
"""In words, and whether a number keeps it."""
AT_LEAST_1: Bound = ("at least 1", lambda value: 1 <= value < math.inf)
AT_LEAST_0: Bound = ("at least 0", lambda value: 0 <= value < math.inf)
ABOVE_0: Bound = ("above 0", lambda value: 0 < value < math.inf)
BETWEEN_0_AND_1: Bound = ("above 0 and below 1", lambda value: 0 < value < 1)
BETWEEN_0_AND_HALF: Bound = ("above 0 and below 0.5", lambda value: 0 < value < 0.5)
A_SEED: Bound = ("between 0 and 2^32 - 1", lambda value: 0 <= value < 2**32)  # what NumPy's generators take
_hints = functools.cache(typing.get_type_hints)
_KINDS = {int: "an integer", float: "a number", str: "text", bool: "true or false"}


def option(
    default: Any,
    text: str,
    *,
    read: Callable[[str, Any], Any] | None = None,
    choices: tuple[str, ...] | None = None,
    bound: Bound | None = None,
    models: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field.

    Args:
        default: its value if none is given.
        text: for the command line's help.
        read: `read(name, value)` makes its value from what YAML or the command line give, where that is more than its
            type says.
        choices: words of which it is one, unless it is None.
        bound: for numbers, unless it is None.
        models: those that it is a setting of; all, if not given.
    """
    metadata = {"help": text, "read": read, "choices": choices, "bound": bound, "models": models}
    return dataclasses.field(default=default, metadata=metadata)


def checked(settings: type, name: str, value: Any) -> Any:
    """The value in the type of its field, if that field may have it whatever the others are.

    Args:
        settings: the dataclass.
        name: the field's.
        value: from YAML, the command line or Python.

    Raises:
        ValueError: it may not; the sentence names the field.
    """
    metadata = settings.__dataclass_fields__[name].metadata  # type: ignore[attr-defined]
    _refuse_huge(name, value)
    if metadata["read"] is not None:
        value = metadata["read"](name, value)
        _refuse_huge(name, value)
        return value
    value = _typed(_hints(settings)[name], name, value)
    if value is None:
        return None
    choices, bound = metadata["choices"], metadata["bound"]
    if choices and value not in choices:
        raise ValueError(f"`{name}` must be {listed(choices)}; received {value!r}.{near(str(value), choices)}")
    if bound and not bound[1](value):
        raise ValueError(f"`{name}` must be {bound[0]}; received {value}.")
    return value


def _refuse_huge(name: str, value: Any) -> None:
    """Python's integers have no end, and some are too large for a float or for a sentence."""
    for each in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(each, int) and abs(each) >= 2**63:
            raise ValueError(f"`{name}` must be below 2^63, as integers of 64 bits are.")


def _typed(kind: Any, name: str, value: Any) -> Any:
    kinds = typing.get_args(kind) or (kind,)
    if value is None and type(None) in kinds:
        return None
    kind = kinds[0]
    if kind is float and isinstance(value, str):  # YAML 1.1 reads 1e-3 as text
        with contextlib.suppress(ValueError):
            value = float(value)
    if kind in (int, float) and not math.isnan(number := real(value)):  # also NumPy's
        value = number
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool) == isinstance(value, bool)
    if not fits:
        raise ValueError(f"`{name}` must be {_KINDS[kind]}; received {value!r}.")
    return kind(value)
