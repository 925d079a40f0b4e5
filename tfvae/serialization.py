"""Configurations of objects that are made of other objects, in the form that Keras saves, and the version they have."""

from __future__ import annotations

import json
import os
import zipfile
from typing import Any

import keras

from tfvae._version import __version__

_VERSION_FILE = "tfvae.json"  # in a `.keras` file, beside Keras' own files


class NewerVersionError(ValueError):
    """A file is from a newer tfvae."""


def config_of(whole: Any, *names: str) -> dict[str, Any]:
    """The attributes of those names, serialised, to be returned by `get_config`."""
    return {name: keras.saving.serialize_keras_object(getattr(whole, name)) for name in names}


def arguments(config: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments in such a configuration, to be used by `from_config`."""
    return {
        name: keras.saving.deserialize_keras_object(value) if isinstance(value, (dict, list)) else value
        for name, value in config.items()
    }


def mark_version(path: str | os.PathLike[str]) -> None:
    """Notes this version of tfvae in a `.keras` file."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_VERSION_FILE, json.dumps({"version": __version__}))


def check_version(path: str | os.PathLike[str]) -> None:
    """Raises ValueError if a `.keras` file is from a newer tfvae: it may mean something else by the same names."""
    with zipfile.ZipFile(path) as archive:
        if _VERSION_FILE not in archive.namelist():
            return
        version = str(json.loads(archive.read(_VERSION_FILE)).get("version"))
    if _minor(version) > _minor(__version__):
        raise NewerVersionError(
            f"{os.fspath(path)} was saved by tfvae {version} and this is tfvae {__version__}: install a newer one."
        )


def _minor(version: str) -> tuple[int, ...]:
    """(0, 1) of "0.1.0"; a version that is none counts as newer than all."""
    try:
        return tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        return (2**31,)
