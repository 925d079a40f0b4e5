"""Keras' own loader finds this package's classes: they are imported when it meets the first name of one."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from tfvae._support import environment

_OWN = "tfvae>"  # Keras' names of the classes begin so
_REGISTRY = "keras.src.saving.object_registration"


def extend() -> None:
    """Extends Keras' look-up of registered classes, now or when Keras is imported, without importing it."""
    registry = sys.modules.get(_REGISTRY)
    if registry is None:
        sys.meta_path.insert(0, _Finder())
    else:
        _extend(registry)


class _Finder:
    """Waits for the import of Keras' registry."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != _REGISTRY or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _extend(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _extend(registry: Any) -> None:
    found_before = registry.get_registered_object

    def get_registered_object(name: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(name, str) and name.startswith(_OWN):
            environment.check()
            importlib.import_module("tfvae.models.classes")
        return found_before(name, *args, **kwargs)

    registry.get_registered_object = get_registered_object
