"""Writes the tables of docs/models.md from the recipes and parts themselves: `python tools/models_document.py`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from tfvae._support.markdown import table
from tfvae.recipes import RECIPES, parts
from tfvae.recipes.options import Option, options, summary
from tfvae.recipes.specification import Kind

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/models.md"
MODELS, PARTS, END = "<!-- models: by tools/models_document.py -->", "<!-- parts: by the same -->", "<!-- end -->"


def models() -> str:
    """A row for each recipe: its name, its summary and its options with their defaults."""
    rows = [
        (f"`{name.replace('_', '-')}`", summary(RECIPES.function(name)), _options(name))
        for name in sorted(RECIPES.names(), key=lambda name: (name != "vae", name))
    ]
    return table(("`tfvae train ...`", "model", "options of its own, and their defaults"), rows, rule="---")


def kinds() -> dict[str, Kind]:
    """The kinds of parts by the word of their option."""
    return {value.word: value for value in vars(parts).values() if isinstance(value, Kind)}


def all_parts() -> str:
    """A row for each part: its option, its form with the defaults and its summary."""
    rows = [
        (f"`--{word}`", f"`{kind.form(name)}`", summary(kind.function(name)))
        for word, kind in kinds().items()
        for name in kind.names()
    ]
    return table(("option", "part", "what it is"), rows, rule="---")


def filled(text: str) -> str:
    """The document with both tables as they must be."""
    for begin, rows in ((MODELS, models()), (PARTS, all_parts())):
        text = re.sub(f"{begin}\n.*?{END}", lambda _, new=f"{begin}\n{rows}\n{END}": new, text, count=1, flags=re.S)
    return text


def _options(name: str) -> str:
    known = options(RECIPES.function(name)).values()
    return ", ".join(f"`--{each.name.replace('_', '-')}`{_default(each)}" for each in known)


def _default(option: Option) -> str:
    if option.default is inspect.Parameter.empty:
        return ""
    if option.default is None:
        return f" ({re.sub(',.*', '', option.help.partition('[default: ')[2].rstrip(']'))})"
    is_tuple = isinstance(option.default, tuple)
    return f" {','.join(map(str, option.default)) if is_tuple else option.default}"


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"Wrote {DOCUMENT}")
