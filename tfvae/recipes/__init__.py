"""Ready-made models, one recipe a file: a function whose arguments are the model's options, named as its file.

A recipe is called in Python, named on the command line (`tfvae train glow --depth 8`) and in YAML
(`model: {glow: {depth: 8}}`). A file in this folder is all that a new one takes. Importing one imports no TensorFlow.
"""

import importlib
from typing import Annotated, Any

from pydantic import BeforeValidator

from tfvae._support.modules import recipe_names
from tfvae.recipes.specification import Kind, Specification

__all__ = ["RECIPES", "Recipe", "Specification", *recipe_names()]

# Of some recipes others are made, whose import puts modules of their names here: so all are imported first.
_MODULES = {name: importlib.import_module(f"tfvae.recipes.{name}") for name in recipe_names()}
globals().update({name: getattr(module, name) for name, module in _MODULES.items()})

RECIPES = Kind("model", "tfvae.recipes", recipe_names())
Recipe = Annotated[Any, BeforeValidator(RECIPES.read)]
