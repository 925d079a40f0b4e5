"""Text from outside, such as names of files and classes, as a terminal or a table may show it."""

from __future__ import annotations

import sys
from typing import Any

_BYTES = range(0xDC80, 0xDD00)  # where Python puts the bytes of file names that are not UTF-8


def printable(text: Any, keep: str = "") -> str:
    r"""Text without characters that a terminal would obey or hide: they become escapes such as `\x1b` or `\u202e`.

    These are control characters, line breaks, spaces other than " ", marks without a width (also those that turn the
    direction of writing), characters that Unicode does not define, and bytes of file names that are not UTF-8.

    Args:
        text: anything; `str` is applied to it.
        keep: characters that stay as they are, such as "\n".
    """
    return "".join(each if each.isprintable() or each in keep else escaped(each) for each in str(text))


def escaped(character: str) -> str:
    """The escape that stands for one character."""
    if ord(character) in _BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def say(*lines: str, err: bool = False) -> None:
    """Prints lines as `printable` has them, escaped further where the terminal's encoding lacks a character.

    Args:
        lines: without line breaks; those of names become escapes.
        err: to the standard error instead of the standard output.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    for line in lines:
        print(printable(line).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
