"""Input files, which anybody may have made: what they are and how large is looked at before they are read.

Only the standard library is imported here, so that mistakes cost no waiting.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import PureWindowsPath
from typing import Any

MOST_SETTINGS = 32 << 10
"""Bytes of a file of settings, which has 2 KiB if all are given."""
MOST_RESULTS = 4 << 20
"""Bytes of a JSON file of results; the largest has 50 KiB."""
MOST_HISTORY = 64 << 20
"""Bytes of a history, as a table or in a checkpoint, which grows by some 200 an epoch."""
_MOST_EXPANSION, _MOST_EXTRA = 10, 1 << 20
"""What is in an archive may have ten times its size and 1 MiB. Keras stores members as they are, and the published
models, which are compressed, unpack to 1.12 times their size."""
_MOST_DIRECTORY = 1 << 20  # bytes; that of a model has less than one KiB


class CannotRead(OSError):
    """`PATH cannot be read: REASON.`"""

    def __init__(self, path: Any, reason: str):
        super().__init__(f"{path} cannot be read: {reason}.")


def readable(path: str | os.PathLike[str], at_most: int | None = None) -> io.BufferedReader:
    """Opens a regular file for reading, without waiting for anybody.

    Args:
        path: the file, or a link to it.
        at_most: most bytes that it may have; any number if None.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it is a folder, a pipe or a device, is larger, or cannot be opened.
    """
    try:
        file = open(path, "rb", opener=_at_once)  # noqa: SIM115 (the caller closes it)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path} cannot be read: {error.strerror}.") from None
    except OSError as error:
        raise CannotRead(path, error.strerror or str(error)) from error
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        reason = "it is a pipe or a device, and not a regular file"
    elif at_most is not None and status.st_size > at_most:
        reason = f"it has {status.st_size:,} bytes, more than the {at_most:,} that such a file may have"
    else:
        return file
    file.close()
    raise CannotRead(path, reason)


def content(path: str | os.PathLike[str], at_most: int) -> bytes:
    """The bytes of a regular file.

    Args, Raises: as for `readable`.
    """
    with readable(path, at_most) as file:
        try:
            found = file.read(at_most + 1)
        except OSError as error:
            raise CannotRead(path, error.strerror or str(error)) from error
    if len(found) > at_most:  # a file that grows, or one of the system's, whose size is 0
        raise CannotRead(path, f"it has more than the {at_most:,} bytes that such a file may have")
    return found


def digest(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a regular file, in hexadecimal digits.

    Raises:
        OSError: as for `readable`.
    """
    found = hashlib.sha256()
    with readable(path) as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()


@contextlib.contextmanager
def archive(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Opens a zip file whose directory names nothing that would be dangerous to read.

    Raises:
        CannotRead: its members unpack to much more than its size; or one of them is encrypted, is there twice, or has a
            name that leads out of the archive.
        zipfile.BadZipFile: it is damaged or no zip file.
        OSError: as for `readable`.
    """
    with readable(path) as file:
        bounded = _WithSmallDirectory(file.raw)
        with zipfile.ZipFile(bounded) as opened:
            bounded.at_most = None
            members, names = opened.infolist(), set[str]()
            check_expansion(path, sum(each.file_size for each in members), os.fstat(file.fileno()).st_size)
            for each in members:
                if reason := _danger(each, names):
                    raise CannotRead(path, f"its member {each.filename!r} {reason}")
                names.add(each.filename)
            yield opened


def check_expansion(path: Any, unpacked: int, size: int) -> None:
    """Refuses what unpacks to much more than its size, in bytes.

    Raises:
        CannotRead: it does.
    """
    most = _MOST_EXPANSION * size + _MOST_EXTRA
    if unpacked > most:
        raise CannotRead(path, f"its {size:,} bytes would unpack to {unpacked:,}; at most {most:,} are expected")


def member(opened: zipfile.ZipFile, name: str, at_most: int) -> bytes:
    """The bytes of a member of an archive.

    Raises:
        KeyError: there is none of that name.
        CannotRead: it has more than `at_most` bytes.
    """
    size = opened.getinfo(name).file_size
    if size > at_most:
        reason = f"its member {name!r} has {size:,} bytes, more than the {at_most:,} that it may have"
        raise CannotRead(opened.filename, reason)
    return opened.read(name)


def arrays(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The arrays of an `.npz` file, by name; none holds Python objects.

    Raises: as for `archive`, and all sorts of things where the file is damaged.
    """
    import numpy as np  # here, so that mistakes cost no waiting

    with archive(path), readable(path) as file, np.load(file, allow_pickle=False) as loaded:
        return {name: loaded[name] for name in loaded.files}


@contextlib.contextmanager
def understood(path: Any, way_out: str) -> Iterator[None]:
    """Turns all that the block raises about the content of a file of this package's own making into one sentence.

    Args:
        path: the file that is looked at in the block.
        way_out: what the reader can do about it, for the end of the sentence.

    Raises:
        ValueError: the block raised anything but `CannotRead`.
    """
    try:
        yield
    except CannotRead:
        raise
    except Exception as error:  # what is not as expected ends in all sorts of things
        lack = f" It has no {error}." if isinstance(error, KeyError) else ""
        raise ValueError(f"{path} is damaged or of another version; {way_out}.{lack}") from error


class _WithSmallDirectory(io.BufferedReader):
    """A zip file, read in parts of at most `at_most` bytes: `ZipFile` reads the directory as one."""

    at_most: int | None = _MOST_DIRECTORY

    def read(self, size: int | None = -1) -> bytes:
        if self.at_most is not None and size is not None and size > self.at_most:
            raise zipfile.BadZipFile("The directory is too large.")
        return super().read(size)


def _danger(found: zipfile.ZipInfo, before: set[str]) -> str | None:
    """The reason why a member of an archive is not read, if there is one."""
    path = PureWindowsPath(found.filename)  # which knows both kinds of slashes
    if path.drive or path.root or ".." in path.parts:
        return "leads out of it"
    if found.filename in before:
        return "is there twice"
    return "is encrypted" if found.flag_bits & 1 else None


def _at_once(path: str, flags: int) -> int:
    """Opens without waiting for a pipe's other end (which no system but Unix has)."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
