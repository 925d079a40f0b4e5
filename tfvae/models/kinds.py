"""What the parts of a model have to be: the usual slips would end in errors about attributes."""

from __future__ import annotations

from typing import Any

from tfvae.conditional import ConditionalDistribution


def require_kinds(**parts: tuple[Any, type]) -> None:
    """TypeError, by the argument's name, unless each part is of the class beside it."""
    for name, (part, kind) in parts.items():
        if not isinstance(part, kind):
            raise TypeError(f"`{name}` must be a `{kind.__name__}`; received {type(part).__name__}.")


def require_points(**parts: ConditionalDistribution) -> None:
    """ValueError, by the argument's name, unless each part gives points."""
    for name, part in parts.items():
        if part.family.scores != "point":
            family = type(part.family).__name__
            raise ValueError(f"`{name}` must have the family `Delta`: a point; received `{family}`.")
