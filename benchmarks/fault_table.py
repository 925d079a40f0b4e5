"""Counts the tests that produce each kind of fault, for the table in docs/reliability.md.

python benchmarks/fault_table.py      writes results/faults.json and docs/reliability.md
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from records import write
from report import read
from tfvae._support.markdown import table

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests/helpers"))
from faults import KINDS  # noqa: E402

Tests = dict[str, dict[str, int]]


class Collected:
    """A pytest plugin that keeps what was collected."""

    items: list[Any]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items


def counted(items: Iterable[Any]) -> Tests:
    """Number of cases of each marked test, by kind and by address (`tests/x.py::test_y`)."""
    found = Counter(
        (mark.args[0], f"{item.path.relative_to(ROOT)}::{item.originalname}")
        for item in items
        for mark in item.iter_markers("fault")
    )
    return {kind: {test: number for (each, test), number in sorted(found.items()) if each == kind} for kind in KINDS}


def faults_table() -> str:
    """The table of kinds: how a test produces each, how many cases there are, and what is promised."""
    rows = []
    for kind, tests in read("faults")["tests"].items():
        named = "<br>".join(f"`{test}`" for test in tests)
        rows.append([KINDS[kind].title, named, str(sum(tests.values())), KINDS[kind].promise])
    return table(["kind", "produced by", "cases", "promise"], rows)


def main() -> None:
    collected = Collected()
    code = pytest.main(["--collect-only", "-q", "-m", "fault", str(ROOT / "tests")], plugins=[collected])
    if code != pytest.ExitCode.OK:
        raise SystemExit(f"The tests could not be collected: {code!r}.")
    write("faults", {"tests": counted(collected.items)})
    import kills

    kills.write_document()


if __name__ == "__main__":
    main()
