"""Keras' files of models and weights: what is looked at before Keras reads one, and why it could not."""

from __future__ import annotations

import errno
import io
import os
import re
import zipfile
from typing import IO

import h5py

from tfvae._support.inputs import archive, check_expansion, readable

SUFFIX = ".keras"
"""Of a model's file."""
_WEIGHTS = "model.weights.h5"
_NO_ROOM = (errno.EFBIG, errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_UNKNOWN = re.compile(r"Could not locate (\w+ '.+?')\.")


def check_model(opened: zipfile.ZipFile) -> None:
    """Looks at all of an open `.keras` file but what the model is.

    Raises:
        CannotRead: its weights would be much larger than the file.
        zipfile.BadZipFile: it is damaged.
        KeyError: it has no weights.
        OSError: they are damaged.
    """
    if opened.testzip() is not None:
        raise zipfile.BadZipFile
    info = opened.getinfo(_WEIGHTS)
    with opened.open(info) as stored:
        # To move back in what is compressed is to unpack it from the start.
        file = stored if info.compress_type == zipfile.ZIP_STORED else io.BytesIO(stored.read())
        _check_arrays(file, f"{opened.filename}, {_WEIGHTS},", info.file_size)


def check_weights(path: str | os.PathLike[str]) -> None:
    """Looks at a file that `load_weights` takes: a `.keras` file or one of weights alone.

    Raises: as for `check_model`, and OSError where it is no regular file.
    """
    if os.fspath(path).endswith(SUFFIX):
        with archive(path) as opened:
            check_model(opened)
        return
    with readable(path) as file:
        if os.fspath(path).endswith(".h5"):
            _check_arrays(file, os.fspath(path), os.fstat(file.fileno()).st_size)


def reason(error: BaseException) -> str:
    """The cause of what Keras raises about a file, and the way out if there is one, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        why = os.strerror(error.errno)
        return f"a temporary copy of it cannot be written: {why}. Make room, or set TMPDIR to a folder that has some."
    text = str(error.args[0] if isinstance(error, KeyError) else error).rpartition("Exception encountered: ")[2]
    lines = [line for line in text.splitlines() if line.strip()] or [type(error).__name__]
    if unknown := _UNKNOWN.search(text):
        return (
            f"the {unknown[1]} is not registered; decorate it with `@keras.saving.register_keras_serializable()` and "
            "import its module first."
        )
    if "safe_mode" in text:
        return (
            "it has a `Lambda` layer, whose code `load` never runs; write a registered layer instead, or if you trust "
            "the file, load it by `keras.saving.load_model(path, safe_mode=False)`."
        )
    if "objects could not be loaded" in lines[0] and len(lines) > 1:
        return f"its weights do not fit the networks. {lines[1]}"
    return lines[0]


def _check_arrays(file: IO[bytes], name: str, size: int) -> None:
    """Adds up the arrays in an HDF5 file: Keras reads each as a whole, whatever part of it was ever written."""
    sizes = []

    def note(_: str, each: h5py.Dataset | h5py.Group) -> None:
        if isinstance(each, h5py.Dataset):
            sizes.append(each.nbytes)

    with h5py.File(file) as found:
        found.visititems(note)
    check_expansion(name, sum(sizes), size)
