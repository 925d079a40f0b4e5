"""Plants each bug of `bugs.py` in a copy of the package and asks whether the ordinary tests notice.

    python tests/mutants/run.py [NAME...]

First the tests have to pass on the unchanged copy. Then, for each bug, the test files named beside it have to fail
with at least one failed test; a bug that survives, or that breaks the tests in another way, makes this script fail.
"""

from __future__ import annotations

import multiprocessing
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
_OPTIONS = ("-q", "--no-header", "-p", "no:cacheprovider")
_PRINTED = "printed.txt"
_FORKS = multiprocessing.get_context("forkserver")
_PRELOADED = (
    "tensorflow",
    "keras",
    "tensorflow_probability",
    "scipy.special",
    "matplotlib.figure",
    "hypothesis",
    "pytest",
)
"""Imports of the server that children are forked from: what starts no threads, and nothing of tfvae."""
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
        if bug is None:
            return _all_at_once(copy, tests)
        return _forked(copy, tests)


def _all_at_once(copy: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", *_OPTIONS, "-n", "2", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return -1, f"no end after {_SECONDS} seconds"
    return done.returncode, done.stdout[-2000:]


def _forked(copy: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Until the first failure, in a fork of a process that has imported TensorFlow, which takes half of the time."""
    child = _FORKS.Process(target=_in_child, args=(copy, tests))
    child.start()
    child.join(_SECONDS)
    if child.exitcode is None:
        child.kill()
        return -1, f"no end after {_SECONDS} seconds"
    return child.exitcode, (copy / _PRINTED).read_text(errors="replace")[-2000:]


def _in_child(copy: Path, tests: tuple[str, ...]) -> None:
    printed = os.open(copy / _PRINTED, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(printed, stream)
    os.chdir(copy)
    # The copy has to be found before an installed tfvae, also by the processes that tests start.
    sys.path.insert(0, str(copy))
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    import pytest

    code = int(pytest.main([*_OPTIONS, "-x", *tests]))
    sys.stdout.flush()
    os._exit(code)  # without waiting for TensorFlow's threads


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
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "agg", "KERAS_BACKEND": "tensorflow"}
    _FORKS.set_forkserver_preload(list(_PRELOADED))
    with ThreadPoolExecutor(max_workers=2) as pool:  # two at a time
        caught = list(pool.map(judge, chosen))
    print(f"{sum(caught)} passed, {len(caught) - sum(caught)} failed")
    sys.exit(not all(caught))


if __name__ == "__main__":
    main()
