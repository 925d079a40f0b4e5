"""The image files below a folder, each once, and what is left out."""

from __future__ import annotations

import os
import stat
from collections import defaultdict, deque
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from tfvae._support.printing import printable

_SYSTEM = ("__MACOSX", "@eaDir")  # what macOS adds to archives, and network drives to folders: copies and thumbnails
_LEFT_OUT = {
    "hidden": ("hidden name", "hidden names"),
    "suffix": ("file that does not end like an image", "files that do not end like images"),
    "special": ("pipe, socket or device", "pipes, sockets or devices"),
    "broken": ("broken link", "broken links"),
    "again": ("file that is read under another name", "files that are read under other names"),
    "folder": ("folder that is read under another name", "folders that are read under other names"),
    "beside": ("image beside the parts", "images beside the parts"),
}
_SHOWN = 3  # names of each kind


class Walk(NamedTuple):
    """Attributes: files, in order; left_out, paths by kind."""

    files: list[Path]
    left_out: dict[str, list[Path]]


def walk(folder: Path, suffixes: Collection[str]) -> Walk:
    """Find the files with these suffixes in and below a folder, those of a folder before those of its sub-folders.

    Each file and each folder is taken once, by device and inode, so links may lead in circles. Links are followed when
    everything else has been seen: a file is taken where it lies, and only then under the name of a link.

    Args:
        folder: an existing folder.
        suffixes: lower case, with the dot.

    Raises:
        OSError: a folder cannot be read.
    """
    files: list[Path] = []
    left_out, seen = defaultdict[str, list[Path]](list), {_identity(folder.stat())}
    folders, links = deque([folder]), deque[Path]()

    def place(path: Path, status: os.stat_result) -> None:
        is_folder = stat.S_ISDIR(status.st_mode)
        if not is_folder and not stat.S_ISREG(status.st_mode):
            left_out["special"].append(path)
        elif not is_folder and path.suffix.lower() not in suffixes:
            left_out["suffix"].append(path)
        elif _identity(status) in seen:
            left_out["folder" if is_folder else "again"].append(path)
        else:
            seen.add(_identity(status))
            (folders if is_folder else files).append(path)

    while folders or links:
        if folders:
            for path in sorted(folders.popleft().iterdir()):
                if path.name.startswith(".") or path.name in _SYSTEM:
                    left_out["hidden"].append(path)
                elif stat.S_ISLNK((status := path.lstat()).st_mode):
                    links.append(path)
                else:
                    place(path, status)
        else:
            path = links.popleft()
            try:
                place(path, path.stat())
            except OSError:
                left_out["broken"].append(path)
    return Walk(sorted(files, key=lambda path: _order(path.relative_to(folder))), dict(left_out))


def sentence(folder: Path, left_out: dict[str, list[Path]]) -> str:
    """How many of each kind are left out, with the first names; empty if nothing is."""
    parts = []
    for kind, words in _LEFT_OUT.items():
        if paths := left_out.get(kind):
            names = ", ".join(printable(path.relative_to(folder)) for path in paths[:_SHOWN])
            parts.append(f"{len(paths)} {words[len(paths) > 1]} ({names}{', ...' if len(paths) > _SHOWN else ''})")
    return f"Left out of {printable(folder)}: {', '.join(parts)}." if parts else ""


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _order(path: Path) -> list[tuple[bool, str]]:
    """Sorts the files of a folder before its sub-folders, both by name."""
    *folders, name = path.parts
    return [*((True, each) for each in folders), (False, name)]
