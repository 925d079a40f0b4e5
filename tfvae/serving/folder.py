"""The folder of a served model: NAME/VERSION/, where a version is there whole or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

from tfvae._support.files import CannotWrite, flush
from tfvae._support.folders import flush_all, made_folders, remove_leftovers, remove_made, unfinished_folder

MOST = 2**63 - 1
"""The highest version: servers read 64-bit integers."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_target(target: Path) -> None:
    """Refuses folders whose name cannot be that of a model in a URL, or whose path climbs.

    Raises:
        ValueError: it holds "..", or its name has characters other than letters, digits, ".", "_" and "-".
        NotADirectoryError: it is a file.
    """
    if ".." in target.parts:
        raise ValueError(f'`target` must not climb out of where it starts, by ".."; received {target}.')
    if not _NAME.fullmatch(target.name) or target.name.isdecimal():
        raise ValueError(
            "`target` must be a folder whose name is letters, digits, '.', '_' and '-', and no number: it names the "
            f"model in URLs; received {target}."
        )
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; a model's versions would be folders in it.")


def versions(target: Path) -> list[int]:
    """The versions in a model's folder, from the oldest."""
    if not target.is_dir():
        return []
    numbers = (int(each.name) for each in target.iterdir() if each.name.isdecimal() and each.is_dir())
    return sorted(number for number in numbers if number <= MOST)


def add_version(target: Path, fill: Callable[[Path], None], version: int | None = None) -> Path:
    """Makes `target/VERSION`, which appears in one step when it is filled.

    A server that polls the folder reads numbered folders only, and the unfinished one has no such name. If something
    fails nothing is left behind, and what an export left that was killed is removed.

    Args:
        target: made if missing.
        fill: writes into the empty folder that it is given.
        version: its number, >= 1; one more than the highest one if not given.

    Returns:
        The folder of the version.

    Raises:
        FileExistsError: there is such a version.
        OSError: the folder cannot be written.
    """
    if version is not None and (target / str(version)).exists():
        raise _clash(target, version)
    made: list[Path] = []
    try:
        made = made_folders(target)
        remove_leftovers(target)
        with unfinished_folder(target) as unfinished:
            fill(unfinished)
            flush_all(unfinished)
            finished = _rename(unfinished, target, version)
            flush(target)
            return finished
    except BaseException as error:
        remove_made(made)
        if isinstance(error, OSError) and not isinstance(error, FileExistsError):
            raise CannotWrite(target, error) from error
        raise


def _rename(unfinished: Path, target: Path, version: int | None) -> Path:
    """Another process may be quicker: then the next free version, or an error where one was asked for."""
    while True:
        number = version or max(versions(target), default=0) + 1
        try:
            # Onto a folder that is not empty this fails, which no check beforehand could promise.
            os.rename(unfinished, target / str(number))
            return target / str(number)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if version is not None:
                raise _clash(target, version) from None


def _clash(target: Path, version: int) -> FileExistsError:
    return FileExistsError(f"{target} has a version {version} already; choose another, or none for the next free one.")
