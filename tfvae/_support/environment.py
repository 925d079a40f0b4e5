"""Whether Keras, as its environment sets it up, can run this package: looked at before it is imported.

With another backend that import alone fails in seventy lines, or succeeds and everything after it fails.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from importlib import metadata
from pathlib import Path

from tfvae._support.inputs import content

_BACKEND = "tensorflow"
_MOST = 64 << 10  # bytes of keras.json, which has 100
_LIBRARIES = re.compile(r"(tensorflow|keras|tensorflow-probability|tf-keras)>=([\d.]+)")


class UnfitEnvironment(ImportError):
    """Keras or TensorFlow cannot be used as they are set up or installed; the sentence names the way out."""


@functools.cache
def check() -> None:
    """Checks Keras' backend and the versions of the libraries, once if all is well; it takes a millisecond.

    Raises:
        UnfitEnvironment: the backend is not TensorFlow, or a library is older than this package needs.
        OSError: Keras' file of settings is a pipe, a device or too large.
    """
    backend, origin = _backend()
    if backend != _BACKEND:
        raise UnfitEnvironment(
            f"tfvae needs Keras' TensorFlow backend, and {origin} is {backend!r}; set KERAS_BACKEND={_BACKEND} before "
            "Python starts."
        )
    for name, needed in _needed():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:  # TensorFlow has other names too, such as tensorflow-cpu
            continue
        if _numbers(installed) < _numbers(needed):
            raise UnfitEnvironment(
                f"tfvae needs {name} {needed} or newer, and {installed} is installed; pip install '{name}>={needed}'."
            )


def _backend() -> tuple[object, str]:
    """Keras' backend and, in words, what says so."""
    keras = sys.modules.get("keras")
    if hasattr(keras, "config"):
        return keras.config.backend(), "that of Keras, which is imported already,"  # type: ignore[union-attr]
    path = _keras_json()
    found = _settings(path)
    if chosen := os.environ.get("KERAS_BACKEND"):
        return chosen, "KERAS_BACKEND"
    return found.get("backend", _BACKEND), f"`backend` in {path}"


def _settings(path: Path) -> dict[str, object]:
    """Keras' own settings, which it reads when it is imported."""
    if not path.exists():
        return {}
    try:
        found = json.loads(content(path, _MOST))
    except ValueError:  # which Keras passes over as well
        return {}
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise UnfitEnvironment(f"{path} must be a JSON object of Keras' settings; correct or delete it.")
    return found


def _keras_json() -> Path:
    """Where Keras looks for it (keras/src/backend/config.py)."""
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME", os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras"))
    return Path(os.path.expanduser(folder), "keras.json")


def _needed() -> list[tuple[str, str]]:
    """The libraries with the oldest version that will do, as the package's own metadata say; none without these."""
    try:
        requirements = metadata.requires("tfvae") or []
    except metadata.PackageNotFoundError:
        return []
    return [(found[1], found[2]) for each in requirements if (found := _LIBRARIES.fullmatch(each))]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
