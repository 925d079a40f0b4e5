"""Arrays in files, read without trust: sizes and kinds are looked at before anything is read.

Nothing is unpickled, no more is unpacked than is asked for, and a file that claims or unpacks to more than it may hold
is refused from its headers.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from tfvae._support.hardware import memory_left

RATIO = 200
"""Most times its size in the file that an array may unpack to. Images of one colour reach 1,000, sparse drawings 60."""
FREE = 2**26
"""Bytes that an array may unpack to whatever its size in the file."""
_LFS, _PAGES = b"version https://git-lfs", (b"<!doctype", b"<html", b"<?xml")
_HEADER = 2**16  # bytes of a .npy header at most
_COMPRESSED, _MATRIX = 15, 14  # of MATLAB's elements
_CHUNK, _MOST_VARIABLES = 2**20, 10_000
_NUMBERS = ("int", "uint", "single", "double", "logical", "char")


class ArrayFile:
    """The arrays in a file, by name.

    Args:
        path: `.npz`, `.npy` (whose array is called `images`) or `.mat`.

    Raises:
        ValueError: the file holds what is never read, such as Python objects.
        OSError: it cannot be read, is damaged, or no file of its kind.
    """

    def __init__(self, path: Path) -> None:
        _require_regular(path)
        self.path, self.is_matlab = path, path.suffix.lower() == ".mat"
        with path.open("rb") as file:
            self._is_archive = _checked_start(file.read(len(_LFS)), path, self.is_matlab)
        with self._naming_damage():
            self.names = self._names()

    def read(self, name: str) -> np.ndarray:
        """An array.

        Raises:
            ValueError: it holds no numbers or text, or takes more memory than is left or than it may.
            OSError: it is damaged.
        """
        with self._naming_damage():
            if self.is_matlab:
                return self._read_matlab(name)
            size = self.path.stat().st_size
            if not self._is_archive:
                with self.path.open("rb") as file:
                    return _read_npy(file, size, size, self.path.name)
            with zipfile.ZipFile(self.path) as archive:
                member = self._members(archive)[name]
                what = f"`{name}` in {self.path.name}"
                _check_size(member.file_size, member.compress_size, what)
                with archive.open(member) as file:
                    return _read_npy(file, member.file_size, member.compress_size, what)

    def _names(self) -> tuple[str, ...]:
        if self.is_matlab:
            _check_matlab(self.path)
            return tuple(self._variables())
        if not self._is_archive:
            return ("images",)
        with zipfile.ZipFile(self.path) as archive:
            return tuple(self._members(archive))

    def _members(self, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
        members = {Path(info.filename): info for info in archive.infolist()}
        return {str(path.with_suffix("")): info for path, info in members.items() if path.suffix == ".npy"}

    def _variables(self) -> dict[str, str]:
        """MATLAB's class of each variable."""
        import scipy.io

        return {name: kind for name, _, kind in scipy.io.whosmat(self.path)}

    def _read_matlab(self, name: str) -> np.ndarray:
        import scipy.io

        kind, what = self._variables()[name], f"`{name}` in {self.path.name}"
        if not kind.startswith(_NUMBERS):
            raise _Refused(f"{what} must hold numbers; received MATLAB's {kind}.")
        array = scipy.io.loadmat(self.path, variable_names=[name])[name]
        return array.astype(bool) if kind == "logical" else array

    @contextlib.contextmanager
    def _naming_damage(self) -> Iterator[None]:
        try:
            yield
        except NotImplementedError as error:  # SciPy, about files that are HDF5 inside
            raise ValueError(f"{self.path} is of MATLAB's format 7.3; save it with -v7.") from error
        except (FileNotFoundError, _Refused):
            raise
        except Exception as error:  # damaged files raise all sorts of things
            raise OSError(f"{self.path} is damaged or no {self.path.suffix} file: {error}") from error


class _Refused(ValueError):
    """A file is as it was meant, and is not read."""


class _Header(NamedTuple):
    """Attributes: shape and dtype of the array behind the header of a .npy file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _require_regular(path: Path) -> None:
    """Raises OSError for pipes and devices, which have no end, or none before somebody writes."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} must be a regular file; received a pipe, a device or a socket.")


def _checked_start(start: bytes, path: Path, is_matlab: bool) -> bool:
    """Whether a file is an archive, from its first bytes, or the reason why it holds no arrays at all."""
    if start.startswith(_LFS):
        raise OSError(f"{path} is a pointer of Git LFS and not the data themselves; `git lfs pull` fetches them.")
    if start.lstrip().lower().startswith(_PAGES):
        raise OSError(f"{path} is a web page and not the data; download the file itself.")
    if not is_matlab and start.startswith(b"\x80"):  # a pickle
        raise ValueError(f"{path} {_OBJECTS}")
    if not is_matlab and not start.startswith((b"PK", b"\x93NUMPY")):
        raise OSError(f"{path} is damaged or no {path.suffix} file: it does not begin like one.")
    return start.startswith(b"PK")


_OBJECTS = "holds an array of Python objects, which may run code when it is read; save numbers instead."


def _read_npy(file: IO[bytes], size: int, packed: int, what: str) -> np.ndarray:
    """The array of a .npy file that has `size` bytes, `packed` of them in the archive that it is in."""
    shape, dtype = _header(file)
    if dtype.hasobject:
        raise _Refused(f"{what} {_OBJECTS}")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > size - file.tell():
        raise ValueError(f"its header announces {_bytes(claimed)}, of which {_bytes(size - file.tell())} are there")
    _check_size(claimed, packed, what)
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: IO[bytes]) -> _Header:
    version = np.lib.format.read_magic(file)
    at = file.tell()
    if version > (1, 0) and struct.unpack("<I", file.read(4))[0] > _HEADER:
        raise ValueError("its header is too long")
    file.seek(at)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return _Header(shape, dtype)


def _check_matlab(path: Path) -> None:
    """Checks what the compressed variables of a MATLAB 5 file say of their size, and that they hold no more."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(128)
        little = start[126:128] == b"IM"
        if len(start) < 128 or 0 in start[:4] or start[125 if little else 124] != 1:
            return  # MATLAB 4, where nothing is compressed, or 7.3, which is not read
        order = "<" if little else ">"
        for _ in range(_MOST_VARIABLES):
            if len(tag := file.read(8)) < 8:
                return
            kind, length = struct.unpack(f"{order}II", tag)
            end = file.tell() + length
            if end > size or kind not in (_MATRIX, _COMPRESSED):
                raise ValueError("it ends too early, or holds what is no variable")
            if kind == _COMPRESSED:
                _check_compressed(file, length, order, path.name)
            file.seek(end)
    raise ValueError("it has too many variables")


def _check_compressed(file: IO[bytes], length: int, order: str, what: str) -> None:
    inflate, found, announced = zlib.decompressobj(), 0, 0
    rest = length
    while rest and not inflate.eof:
        packed = file.read(min(rest, _CHUNK))
        rest -= len(packed)
        while packed and not inflate.eof:
            part = inflate.decompress(packed, _CHUNK)
            if not found:
                _, inside = struct.unpack(f"{order}II", part[:8])
                announced = inside + 8
                _check_size(announced, length, f"A variable in {what}")
            found += len(part)
            if found > announced:
                raise ValueError(f"a variable announces {_bytes(announced)} and unpacks to more")
            packed = inflate.unconsumed_tail


def _check_size(unpacked: int, packed: int, what: str) -> None:
    """Raises ValueError for arrays that take more memory than is left, or unpack to much more than images do."""
    if unpacked > FREE and unpacked > RATIO * packed:
        raise _Refused(
            f"{what} unpacks to {_bytes(unpacked)} from {_bytes(packed)}, more than {RATIO} times as much, which no "
            "images do; save it without compression if they are so."
        )
    if unpacked > (left := memory_left()):
        raise _Refused(
            f"{what} takes {_bytes(unpacked)}, more than the {_bytes(left)} of memory that this machine has left; "
            "load a part, or prepare it for TensorFlow Datasets, which streams."
        )


def _bytes(number: int) -> str:
    return f"{number / 1e9:,.2f} GB" if number >= 1e8 else f"{number / 1e6:.2f} MB"
