"""Tables of the documents that programs write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], rule: str = " --- ") -> str:
    """Returns a Markdown table without a line feed at its end.

    Args:
        head: titles of the columns.
        rows: cells of each row, in which a bar may stand.
        rule: cell of the line below the titles.
    """
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], f"|{f'{rule}|' * len(head)}", *lines[1:]])
