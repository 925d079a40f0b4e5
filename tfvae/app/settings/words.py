"""Words in sentences that refuse a setting."""

from __future__ import annotations

import difflib


def listed(words: tuple[str, ...]) -> str:
    """`'a', 'b' or 'c'`."""
    *others, last = map(repr, words)
    return f"{', '.join(others)} or {last}" if others else last


def near(word: str, known: tuple[str, ...]) -> str:
    """A sentence that asks whether the most similar of the known words was meant; empty if none is similar."""
    found = difflib.get_close_matches(word.lower(), known, n=1)
    return f" Did you mean {found[0]!r}?" if found else ""
