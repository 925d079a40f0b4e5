"""Names of files as they can be printed."""

from __future__ import annotations

import os


def shown(name: str | os.PathLike[str]) -> str:
    r"""Return a name with bytes that are not UTF-8 and control characters escaped, such as `\xff` and `\n`."""
    text = os.fspath(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
