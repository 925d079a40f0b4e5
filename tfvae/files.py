"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class CannotWrite(OSError):
    """`TARGET cannot be written: REASON.`, of a file or of the folder that it is in."""

    def __init__(self, target: Any, error: OSError):
        self.reason: str = error.reason if isinstance(error, CannotWrite) else error.strerror or str(error)
        super().__init__(f"{target} cannot be written: {self.reason}.")


def unfinished_of(path: Path) -> Path:
    """Where a file is that is being written, and stays if the process is killed."""
    return path.with_name(f".{path.name}")


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives where to write a file that appears at `path` when the block ends well.

    Nobody ever sees half of it, and a block that fails leaves nothing behind and what was there before untouched. (A
    process that is killed may leave `.NAME` beside it, which the next one writes over.)

    Raises:
        CannotWrite: for an OSError in the block, which should do nothing but write.
    """
    unfinished = unfinished_of(path)
    try:
        with writing(path):
            yield unfinished
            os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def writing(target: Any) -> Iterator[None]:
    """An OSError of the block becomes one that says that `target`, a path or words for it, cannot be written."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(target, error) from error


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
    """
    if not path.exists():
        return None
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no result as this writes them; delete it to have it made again.") from error
