"""Folders that are made, claimed, filled and given up, so that nobody else's are touched."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfvae._support.files import PREFIX, SUFFIX, CannotWrite, flush, held, is_leftover, lock, say_once, writing

NEW = "new"
"""What is being filled in an unfinished folder; beside it lies what it is to replace."""


def below(folder: Path, *names: str) -> Path:
    """The path of something in a folder, to be written.

    The folder is the user's choice, and may be a link. What is in it may have come from a stranger.

    Raises:
        OSError: there is a link on the way from the folder to it.
    """
    path = folder
    for name in names:
        path = path / name
        if path.is_symlink():
            raise OSError(f"{path} is a link, and nothing is written through links; put a folder in its place.")
    return path


def made_folders(folder: Path) -> list[Path]:
    """Makes a folder with its parents where they are missing, and gives those that it made, from the topmost.

    Raises:
        OSError: it cannot be made.
    """
    made = []
    for each in [*reversed(folder.parents), folder]:
        if not each.exists():
            with contextlib.suppress(FileExistsError):  # another process was quicker
                each.mkdir()
                made.append(each)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return made


def remove_made(made: list[Path]) -> None:
    """Removes folders that `made_folders` made, if they are empty and no other process has claimed the last of them."""
    with contextlib.suppress(OSError, IndexError):
        handle = _opened(made[-1])
        try:
            if handle is not None and not lock(handle):
                _remove_empty(made)
        finally:
            _close(handle)


class Claim:
    """The hold of this process on a folder, in which no other one trains meanwhile; `claimed` makes it.

    Where the file system has no locks the folder is not protected, which is said once.

    Attributes:
        folder: its path.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._made: list[Path] = []
        self._handle: int | None = None
        self.take()

    def take(self) -> None:
        """Makes the folder if it is missing, and locks it.

        Raises:
            OSError: another process has claimed it, or it cannot be made.
        """
        while True:
            self.close()
            with writing(f"The run folder {self.folder}"):
                self._made += made_folders(self.folder)
            with contextlib.suppress(FileNotFoundError):  # the process that made it has removed it
                self._handle = _opened(self.folder)
                self._is_locked = self._lock()
                if self.is_there():
                    return

    def _lock(self) -> bool:
        try:
            lacking = "no flock on this system" if self._handle is None else lock(self._handle)
        except BlockingIOError:
            self.close()
            raise OSError(
                f"Another process is training in {self.folder}; wait for it, or choose another folder."
            ) from None
        if lacking:
            say_once(f"{self.folder} cannot be locked ({lacking}): see to it that no other process trains in it.")
        return not lacking

    def is_there(self) -> bool:
        """Whether the folder that was claimed is where it was."""
        try:
            now = self.folder.stat()
            return self._handle is None or os.path.samestat(now, os.fstat(self._handle))
        except OSError:  # over a network a folder that was deleted may also be "stale"
            return False

    def give_up(self) -> None:
        """Removes what was made, if it is empty: in a locked folder nobody else can have begun."""
        if self._is_locked and self.is_there():
            _remove_empty(self._made)

    def close(self) -> None:
        """Lets other processes claim the folder."""
        _close(self._handle)
        self._handle = None


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[Claim]:
    """Makes a folder if it is missing and keeps other processes out; the system ends that even if this one is killed.

    If the block fails and leaves nothing in them, the folders that were made are removed.

    Raises:
        OSError: another process has claimed it, or it cannot be made.
    """
    claim = Claim(folder)
    try:
        yield claim
    except BaseException:
        claim.give_up()
        raise
    finally:
        claim.close()


@contextlib.contextmanager
def still_there(folder: Path) -> Iterator[None]:
    """Makes a folder again that somebody may have deleted, for a block that writes something into it.

    If the folder that it was in is gone too, the block's failure to write is only said: what else was in there has an
    owner, who finds that out.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            folder.mkdir(exist_ok=True)
        yield
    except CannotWrite:
        if folder.parent.exists():
            raise
        say_once(f"{folder.parent} was deleted; what goes into {folder} is left out while it is missing.")


@contextlib.contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """Gives a new folder `new` in one of a random name in `parent`, to be filled and renamed; the rest is deleted."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, suffix=SUFFIX, dir=parent) as scratch:
        handle = _opened(Path(scratch))
        with contextlib.nullcontext() if handle is None else held(handle):
            unfinished = Path(scratch, NEW)  # of the usual permissions, which those of `scratch` are not
            unfinished.mkdir()
            yield unfinished


def flush_all(folder: Path) -> None:
    """Waits until a folder with everything in it is on the disk."""
    for path in folder.rglob("*"):
        flush(path)
    flush(folder)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes left unfinished in a folder. Who still writes has locked his file or folder.

    A whole folder that such a process had moved aside, to put another in its place, comes back if nothing is there now.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if not is_leftover(path) or path.is_symlink() or not (path.is_file() or path.is_dir()):
            continue
        with contextlib.suppress(OSError):
            handle = _opened(path)
            try:
                if handle is not None and not lock(handle):
                    _put_back(path)
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                _close(handle)


def _put_back(unfinished: Path) -> None:
    for each in unfinished.iterdir() if unfinished.is_dir() else ():
        target = unfinished.with_name(each.name)
        if each.name != NEW and each.is_dir() and not each.is_symlink() and not os.path.lexists(target):
            each.rename(target)


def _opened(path: Path) -> int | None:
    """A handle to lock; None on Windows, which opens no folders."""
    return None if os.name == "nt" else os.open(path, os.O_RDONLY)


def _close(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


def _remove_empty(folders: list[Path]) -> None:
    with contextlib.suppress(OSError):  # one is not empty
        for each in reversed(folders):
            each.rmdir()
