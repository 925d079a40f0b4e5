"""Records: small frozen dataclasses that are sections of a JSON file, of which some entries may be left out."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

R = TypeVar("R", bound="Record")

OTHERS = {"others": True}
"""Metadata of a field that holds the entries of all other names, which stand in its place in the file."""


def beside(name: str) -> Any:
    """A field that is written whenever the field of that name is, also when it is None."""
    return dataclasses.field(default=None, metadata={"beside": name})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """A section of a file. A field whose default is None is left out of the file when it is None."""

    @classmethod
    def of(cls: type[R], found: Mapping[str, Any]) -> R:
        """The record of a section as JSON has it; what it lacks is None.

        Raises:
            ValueError: it, or a section in it, is not one of names with values.
        """
        if not isinstance(found, Mapping):
            raise ValueError(f"A section must have names with values; received {found!r}.")
        hints, values = typing.get_type_hints(cls), dict.fromkeys(_required(cls))
        rest = dict(found)
        for field in dataclasses.fields(cls):
            if field.name in rest and "others" not in field.metadata:
                values[field.name] = _value(hints[field.name], rest.pop(field.name))
        values |= {field.name: rest for field in dataclasses.fields(cls) if "others" in field.metadata}
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """The section as JSON has it, in the order of the fields."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if "others" in field.metadata:
                found |= value
            elif value is not None or field.default is not None or self._has(field.metadata.get("beside")):
                found[field.name] = _plain(value)
        return found

    def _has(self, name: str | None) -> bool:
        return name is not None and getattr(self, name) is not None


def _required(cls: type[Record]) -> list[str]:
    missing = dataclasses.MISSING
    return [
        each.name for each in dataclasses.fields(cls) if each.default is missing and each.default_factory is missing
    ]


def _value(hint: Any, value: Any) -> Any:
    """A value of JSON, with the records that its type names."""
    kind = _kind(hint)
    if kind is None or value is None:
        return value
    return [kind.of(each) for each in value] if isinstance(value, list) else kind.of(value)


def _kind(hint: Any) -> type[Record] | None:
    """The record in a type, such as `list[Record] | None`."""
    if typing.get_origin(hint) is None and isinstance(hint, type) and issubclass(hint, Record):
        return hint
    return next((kind for each in typing.get_args(hint) if (kind := _kind(each)) is not None), None)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.as_json()
    return [each.as_json() if isinstance(each, Record) else each for each in value] if type(value) is list else value
