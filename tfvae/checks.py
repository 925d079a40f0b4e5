"""Numbers that a constructor is given."""

from __future__ import annotations


def check_at_least(least: int, **numbers: int) -> None:
    """ValueError, by the argument's name, unless each is an integer >= `least`."""
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            raise ValueError(f"`{name}` must be an integer >= {least}; received {number!r}.")
