"""Measured times, kept in the user's cache: one small file for each model, batch, machine and set of versions."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.files import written_whole
from tfvae._support.hardware import hardware, versions
from tfvae._support.inputs import content
from tfvae.training.trial import Times

_MOST = 4 << 10  # bytes of a file, which has less than 100
_WITHOUT_EFFECT = ("name", "seed", "learning_rate")  # on the time of a step


def folder() -> Path:
    """`$XDG_CACHE_HOME/tfvae`, or `~/.cache/tfvae`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfvae"


def key(model: keras.Model, optimizer: Any, batch: Any) -> str:
    """What a time is about, as 20 hexadecimal digits."""
    about = {
        "model": [type(model).__name__, _plain(model.get_config())],
        "optimizer": [type(optimizer).__name__, _plain(optimizer.get_config())],
        "batch": [[list(each.shape), each.dtype.name] for each in tf.nest.flatten(batch)],
        "hardware": hardware(),
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:20]


def read(key: str) -> dict[str, Times]:
    """The times by way of running a step; nothing where there is no file or it cannot be read."""
    try:
        times = {way: Times(*map(float, each)) for way, each in json.loads(content(_path(key), _MOST)).items()}
    except (OSError, ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError):
        # ArithmeticError of an integer too large, RuntimeError of brackets without end, or no home
        return {}
    return times if all(0 < each.low <= each.median <= each.high for each in times.values()) else {}


def write(key: str, times: dict[str, Times]) -> None:
    """Keeps the times; where that cannot be done, they are measured again another time."""
    with contextlib.suppress(OSError, RuntimeError):
        _path(key).parent.mkdir(parents=True, exist_ok=True)
        with written_whole(_path(key)) as path:
            path.write_text(json.dumps(times))


def _path(key: str) -> Path:
    return folder() / "execution" / f"{key}.json"


def _plain(config: Any) -> Any:
    """A configuration without what makes no difference, such as the names that Keras numbers."""
    if isinstance(config, dict):
        return {name: _plain(value) for name, value in config.items() if name not in _WITHOUT_EFFECT}
    return [_plain(each) for each in config] if isinstance(config, (list, tuple)) else config
