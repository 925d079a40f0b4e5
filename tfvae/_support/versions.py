"""The version of tfvae in a `.keras` file. No Keras here, so that mistakes cost no waiting."""

from __future__ import annotations

import json
import os
import zipfile

from tfvae._support.inputs import member
from tfvae._version import __version__

_FILE, _MOST = "tfvae.json", 1 << 10  # beside Keras' own files; bytes


class NewerVersionError(ValueError):
    """A file is from a newer tfvae."""


def mark_version(path: str | os.PathLike[str]) -> None:
    """Notes this version of tfvae in a `.keras` file."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_FILE, json.dumps({"version": __version__}))


def check_version(opened: zipfile.ZipFile) -> None:
    """Raises ValueError if a `.keras` file is from a newer tfvae: it may mean something else by the same names."""
    if _FILE not in opened.namelist():
        return
    found = json.loads(member(opened, _FILE, _MOST))
    if not isinstance(found, dict):
        raise ValueError(f"its {_FILE} is damaged.")
    version = str(found.get("version"))
    if _minor(version) > _minor(__version__):
        raise NewerVersionError(
            f"{opened.filename} was saved by tfvae {version} and this is tfvae {__version__}: install a newer one."
        )


def _minor(version: str) -> tuple[int, ...]:
    """(0, 1) of "0.1.0"; a version that is none counts as newer than all."""
    try:
        return tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        return (2**31,)
