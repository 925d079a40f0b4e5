"""Plants each bug of `bugs.py` in a copy of the package and asks whether the ordinary tests notice.

    python tests/mutants/run.py [NAME...]

First the tests have to pass on the unchanged copy. Then, for each bug, the test files named beside it have to fail
with at least one failed test; a bug that survives, or that breaks the tests in another way, makes this script fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 900
_TESTS_FAILED = 1  # pytest's exit code for failed tests; others are usage errors, collection errors and so on


def outcome(tests: tuple[str, ...], bug: Bug | None = None) -> tuple[int, str]:
    """Runs tests on a copy, with the bug in it if there is one: pytest's exit code and the end of what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        leave_out = shutil.ignore_patterns("__pycache__", "data", ".hypothesis")
        shutil.copytree(ROOT / "tfvae", copy / "tfvae", ignore=leave_out)
        for data in ("tfvae/datasets/data", "tfvae/evaluation/data"):
            (copy / data).symlink_to(ROOT / data)
        shutil.copytree(ROOT / "tests", copy / "tests", ignore=leave_out)
        shutil.copy(ROOT / "pyproject.toml", copy)
        if bug:
            path = copy / "tfvae" / bug.file
            source = path.read_text()
            if source.count(bug.old) != 1:
                return -1, f"{bug.file} holds the line to replace {source.count(bug.old)} times"
            path.write_text(source.replace(bug.old, bug.new))
        # The copy has to be found before an installed tfvae.
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
        command += ["-x"] if bug else ["-n", "2"]  # bugs run two at a time, each until the first failure
        try:
            done = subprocess.run(
                [*command, *tests], cwd=copy, env=environment, capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            return -1, f"no end after {_SECONDS} seconds"
        return done.returncode, done.stdout[-2000:]


def judge(bug: Bug) -> bool:
    start = time.perf_counter()
    code, printed = outcome(bug.tests, bug)
    caught = code == _TESTS_FAILED
    seconds = time.perf_counter() - start
    print(f"{'caught' if caught else 'NOT CAUGHT'}  {bug.name}  ({seconds:.0f} s)", flush=True)
    if not caught:
        print(f"  exit code {code}: {printed}", flush=True)
    return caught


def main() -> None:
    wanted = sys.argv[1:] or [bug.name for bug in BUGS]
    unknown = set(wanted) - {bug.name for bug in BUGS}
    if unknown:
        raise SystemExit(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(bug.name for bug in BUGS)}.")
    chosen = [bug for bug in BUGS if bug.name in wanted]
    tests = tuple(sorted({test for bug in chosen for test in bug.tests}))
    code, printed = outcome(tests)
    if code:
        raise SystemExit(f"The tests fail without any bug (exit code {code}):\n{printed}")
    with ThreadPoolExecutor(max_workers=2) as pool:
        caught = list(pool.map(judge, chosen))
    print(f"{sum(caught)} passed, {len(caught) - sum(caught)} failed")
    sys.exit(not all(caught))


if __name__ == "__main__":
    main()
