"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives where to write a file that appears at `path` when the block ends well.

    Nobody ever sees half of it, and a block that fails leaves nothing behind and what was there before untouched. (A
    process that is killed may leave `.NAME` beside it, which the next one writes over.)
    """
    unfinished = path.with_name(f".{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
