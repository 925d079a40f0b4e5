"""Datasets as NumPy arrays; nothing here imports TensorFlow."""

import difflib

from tfvae.datasets import mnist
from tfvae.datasets.splits import Dataset, Split, hold_out

__all__ = ["Dataset", "Split", "hold_out", "load"]

_LOADERS = {"mnist": mnist.load}


def load(name: str) -> Dataset:
    """Return the dataset of that name, which is embedded in the package: no network is needed.

    Args:
        name: "mnist".

    Returns:
        A `Dataset` with `train` and `test`: images uint8 [N, height, width, channels] and labels uint8 [N].

    Raises:
        ValueError: no dataset has this name.
        OSError: the embedded file is missing or damaged.
    """
    if name in _LOADERS:
        return _LOADERS[name]()
    near = difflib.get_close_matches(name.lower(), _LOADERS)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(f"`name` must be one of {', '.join(map(repr, _LOADERS))}; received {name!r}.{hint}")
