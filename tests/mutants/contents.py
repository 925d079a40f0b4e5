"""Digests of what a planted bug was tried against, so that a bug is tried again only where something has changed."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from bugs import Bug

ROOT = Path(__file__).resolve().parents[2]
TRIED = Path(__file__).with_name("tried.json")
"""For each bug that was caught, the digest of what it was tried against."""
SAMPLE = 12
"""Number of unchanged bugs that are tried all the same."""


def digest(bug: Bug, test: str) -> str:
    """Digest of a bug, of the file that it is planted in, of the test file that notices it and of its helpers.

    Args:
        bug: planted bug.
        test: address of the test that notices it, `tests/x.py::test_y`.
    """
    file = ROOT / test.split("::")[0]
    texts = [bug.old, bug.new, test, (ROOT / bug.file).read_text(encoding="utf-8"), *_with_helpers(file)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def to_try(bugs: Sequence[Bug], noticed: Mapping[str, str]) -> list[Bug]:
    """Bugs that have changed since they were caught, and `SAMPLE` others, which are other ones for another package."""
    tried = _tried()
    changed = [bug for bug in bugs if bug.name not in noticed or tried.get(bug.name) != digest(bug, noticed[bug.name])]
    package = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tfvae").rglob("*.py")))
    others = sorted(
        (bug for bug in bugs if bug not in changed),
        key=lambda bug: hashlib.sha256((package + bug.name).encode()).hexdigest(),
    )
    return changed + others[:SAMPLE]


def record(bugs: Sequence[Bug], caught: Mapping[str, str]) -> None:
    """Keeps the digests of bugs that were caught, by name; forgets bugs that are gone.

    A digest is taken when its bug is tried: files may change before the last one has been.
    """
    tried = _tried() | caught
    now = {bug.name: tried[bug.name] for bug in bugs if bug.name in tried}
    TRIED.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _tried() -> dict[str, str]:
    return json.loads(TRIED.read_text(encoding="utf-8")) if TRIED.exists() else {}


def _with_helpers(file: Path) -> list[str]:
    """Text of a test file, of conftest.py and of the modules in tests/helpers that they import, directly or not."""
    files, left = [], [file, ROOT / "tests/conftest.py"]
    while left:
        path = left.pop()
        if path not in files:
            files.append(path)
            left += _helpers(path)
    return [path.read_text(encoding="utf-8") for path in sorted(files)]


@cache
def _helpers(file: Path) -> list[Path]:
    """Modules of tests/helpers that a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return [path for name in sorted(names) if (path := ROOT / "tests/helpers" / f"{name}.py").is_file()]
