"""The files of a package of this one, by which recipes and classes are found."""

from __future__ import annotations

import functools
import pkgutil
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_NO_RECIPES = ("options", "specification")  # files beside the recipes


def files(package: str) -> list[str]:
    """The names of the public modules in a folder of tfvae, in the order of the alphabet."""
    found = pkgutil.iter_modules([str(_ROOT / package)])
    return sorted(each.name for each in found if not each.ispkg and not each.name.startswith("_"))


@functools.cache
def recipe_names() -> tuple[str, ...]:
    """The names of the recipes: each has a file in tfvae/recipes/."""
    return tuple(name for name in files("recipes") if name not in _NO_RECIPES)
