"""Files that are there whole or not at all, and never in place of something else."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfvae._support.inputs import MOST_RESULTS, content
from tfvae._support.printing import say

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PREFIX, SUFFIX = ".tfvae-", ".unfinished"
_LEFTOVER = re.compile(rf"{re.escape(PREFIX)}\w+{re.escape(SUFFIX)}.{{0,10}}", re.DOTALL)
# What file systems answer that cannot flush, and Windows for a folder.
_CANNOT_FLUSH = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM)


class CannotWrite(OSError):
    """`TARGET cannot be written: REASON.`, of a file or of the folder that it is in."""

    def __init__(self, target: Any, error: OSError):
        self.reason: str = error.reason if isinstance(error, CannotWrite) else error.strerror or str(error)
        super().__init__(f"{target} cannot be written: {self.reason}.")


@contextlib.contextmanager
def written_whole(path: Path, name: Callable[[Path], str] | None = None) -> Iterator[Path]:
    """Gives where to write a file that appears at `path` when the block ends well.

    Nobody ever sees half of it, and a block that fails leaves nothing behind and what was there before untouched. The
    block writes under a random name, into a file that was made for it and that no link can stand in for. The file is
    flushed to the disk before it gets its name, and the folder after that. A process that is killed may leave a file
    `.tfvae-*.unfinished*`, which `remove_leftovers` knows.

    Args:
        path: of the file. A link, a folder or a device of that name is never written through or replaced.
        name: gives the file's name in that folder when its content is written; that of `path` if not given.

    Raises:
        CannotWrite: for an OSError in the block, which should do nothing but write.
    """
    with writing(path):
        _require_file(path)
        unfinished = path.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}{path.suffix[:10]}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(unfinished, flags, 0o666)
    try:
        with writing(path), held(handle):
            yield unfinished
            flush(unfinished)
            target = path if name is None else path.with_name(name(unfinished))
            _require_file(target)
            os.replace(unfinished, target)
            flush(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _require_file(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a link, and nothing is written through links")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EEXIST, "a folder or a device of that name is there")


@contextlib.contextmanager
def writing(target: Any) -> Iterator[None]:
    """An OSError of the block becomes one that says that `target`, a path or words for it, cannot be written."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(target, error) from error


def is_leftover(path: Path) -> bool:
    """Whether a file or folder has the name of one that is being written, or was when its process was killed."""
    return _LEFTOVER.fullmatch(path.name) is not None


def lock(handle: int) -> str:
    """Locks an open file or folder until it is closed, at the latest when the process ends, however it ends.

    Returns:
        Why it could not be locked: some file systems, and Windows, have no such locks; empty if it is locked.

    Raises:
        BlockingIOError: another process has locked it.
    """
    if fcntl is None:
        return "no flock on this system"
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:  # ENOSYS, ENOLCK, EOPNOTSUPP and whatever else a file system means by it
        return error.strerror or str(error)
    return ""


@contextlib.contextmanager
def held(handle: int) -> Iterator[None]:
    """Closes a file or folder when the block ends, which until then is locked, so that no other process takes it for a
    leftover."""
    if fcntl is None:  # Windows, where an open file cannot be renamed
        os.close(handle)
        yield
        return
    try:
        with contextlib.suppress(BlockingIOError):  # of somebody who looks for leftovers at this moment
            lock(handle)
        yield
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Waits until a file, or what a folder says of its files, is on the disk. Says so once where that cannot be had."""
    is_folder, is_windows = path.is_dir(), os.name == "nt"
    if is_folder and is_windows:  # which opens no folders, and keeps what they say by itself
        return
    try:
        handle = os.open(path, os.O_RDWR if is_windows else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
        what = "folders" if is_folder else "files"
        say_once(
            f"This file system cannot flush {what} to the disk ({error.strerror}): after a loss of power the newest "
            "files may be missing or empty."
        )


@functools.cache
def say_once(sentence: str) -> None:
    """Says a sentence on the standard error, each only once in a process."""
    say(sentence, err=True)


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Writes a result whole or not at all, in a folder that is made if missing.

    Raises:
        OSError: it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as unfinished:
        unfinished.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """A result that was written before, or None.

    Raises:
        ValueError: the file holds something else.
        OSError: it is no regular file, or larger than any result.
    """
    if not path.exists():
        return None
    with contextlib.suppress(ValueError, RecursionError):  # no JSON, or brackets in brackets without end
        found = json.loads(content(path, MOST_RESULTS))
        if isinstance(found, dict):
            return found
    raise ValueError(f"{path} is no result as this writes them; delete it to have it made again.")
