"""Words in sentences that refuse something."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def listed(words: Iterable[str]) -> str:
    """Returns `'a', 'b' or 'c'`."""
    *others, last = map(repr, words)
    return f"{', '.join(others)} or {last}" if others else last


def near(word: str, known: Iterable[str]) -> str:
    """Asks in a sentence if the most similar of the known words was meant; empty if none is similar."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""
