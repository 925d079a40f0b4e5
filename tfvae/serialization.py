"""Configurations of objects that are made of other objects, in the form that Keras saves."""

from __future__ import annotations

from typing import Any

import keras


def config_of(whole: Any, *names: str) -> dict[str, Any]:
    """The attributes of those names, serialised, to be returned by `get_config`."""
    return {name: keras.saving.serialize_keras_object(getattr(whole, name)) for name in names}


def arguments(config: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments in such a configuration, to be used by `from_config`."""
    return {
        name: keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
        for name, value in config.items()
    }
