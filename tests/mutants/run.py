"""Plants each bug of `bugs.py` in a copy of the package and asks whether the tests notice.

    python tests/mutants/run.py [--all | NAME...]

Without names, it tries the bugs that have changed since they were caught last (tried.json; see contents.py) and a
sample of the others; with --all, every bug. For each bug the test files named beside it have to fail with at least one
failed test; a bug that survives, or that breaks the tests in another way, makes this script fail. noticed.json keeps
which test noticed a bug last time: that one is tried first and alone, and the files only if it does not notice. Those
tests have to pass on the unchanged copy; that the others do is for `make test` to say.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import contents
from bugs import BUGS, Bug
from contents import ROOT

NOTICED = Path(__file__).with_name("noticed.json")
"""For each bug the test that failed."""
_SECONDS = 900
_OPTIONS = ("-q", "--no-header", "-p", "no:cacheprovider", "-m", "not long")
_PRINTED, _FAILED = "printed.txt", "failed.txt"
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
_TESTS_FAILED, _NOT_FOUND = 1, 4  # pytest's exit codes; a test that is not found has another name now


class Outcome(NamedTuple):
    """pytest's exit code, the end of what it printed, and the first test that failed."""

    code: int
    printed: str
    failed: str = ""


def outcome(tests: Sequence[str], bug: Bug | None = None) -> Outcome:
    """Of tests on a copy, with the bug in it if there is one."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        leave_out = shutil.ignore_patterns("__pycache__", "data", ".hypothesis")
        for folder in ("tfvae", "reproduction"):
            shutil.copytree(ROOT / folder, copy / folder, ignore=leave_out)
        shutil.copytree(ROOT / "tests", copy / "tests", ignore=leave_out)
        for data in ("tfvae/datasets/data", "tfvae/evaluation/digits/data", "tests/data"):
            (copy / data).symlink_to(ROOT / data)
        shutil.copy(ROOT / "pyproject.toml", copy)
        if bug:
            path = copy / bug.file
            source = path.read_text()
            if source.count(bug.old) != 1:
                return Outcome(-1, f"{bug.file} holds the line to replace {source.count(bug.old)} times")
            path.write_text(source.replace(bug.old, bug.new))
        return _forked(copy, tests) if bug else _all_at_once(copy, tests)


def _all_at_once(copy: Path, tests: Sequence[str]) -> Outcome:
    command = [sys.executable, "-m", "pytest", *_OPTIONS, "-n", "2", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return Outcome(-1, f"no end after {_SECONDS} seconds")
    return Outcome(done.returncode, done.stdout[-2000:])


def _forked(copy: Path, tests: Sequence[str]) -> Outcome:
    """Until the first failure, in a fork of a process that has imported TensorFlow, which takes half of the time."""
    child = _FORKS.Process(target=_in_child, args=(copy, tests))
    child.start()
    child.join(_SECONDS)
    if child.exitcode is None:
        child.kill()
        return Outcome(-1, f"no end after {_SECONDS} seconds")
    failed = copy / _FAILED
    return Outcome(
        child.exitcode,
        (copy / _PRINTED).read_text(errors="replace")[-2000:],
        failed.read_text(encoding="utf-8") if failed.exists() else "",
    )


class _Failures:
    """A plugin of pytest that writes down which test failed."""

    def __init__(self, file: Path):
        self.file = file

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.file.write_text(report.nodeid, encoding="utf-8")


def _in_child(copy: Path, tests: Sequence[str]) -> None:
    printed = os.open(copy / _PRINTED, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(printed, stream)
    os.chdir(copy)
    # The copy has to be found before an installed tfvae, also by the processes that tests start.
    sys.path.insert(0, str(copy))
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    import pytest

    code = int(pytest.main([*_OPTIONS, "-x", *tests], [_Failures(copy / _FAILED)]))
    sys.stdout.flush()
    os._exit(code)  # without waiting for TensorFlow's threads


def judge(bug: Bug, known: str | None) -> tuple[str, str]:
    """The test that noticed the bug, the `known` one if it still does, and the digest of both; "" twice if none did."""
    start = time.perf_counter()
    found = outcome([known], bug) if known else None
    if found is None or found.code != _TESTS_FAILED:
        found = outcome(bug.tests, bug)
    caught = found.code == _TESTS_FAILED
    seconds = time.perf_counter() - start
    print(f"{'caught' if caught else 'NOT CAUGHT'}  {bug.name}  ({seconds:.0f} s)", flush=True)
    if not caught:
        print(f"  exit code {found.code}: {found.printed}", flush=True)
    return (found.failed, contents.digest(bug, found.failed)) if caught else ("", "")


def chosen_by(words: Sequence[str], noticed: dict[str, str]) -> list[Bug]:
    """The bugs to try, by the command line's words and the test that noticed each bug last time."""
    if not words:
        return contents.to_try(BUGS, noticed)
    names = [bug.name for bug in BUGS]
    if list(words) == ["--all"]:
        return list(BUGS)
    unknown = set(words) - set(names)
    if unknown:
        raise SystemExit(f"Unknown: {', '.join(sorted(unknown))}. Known: --all, {', '.join(names)}.")
    return [bug for bug in BUGS if bug.name in words]


def main() -> None:
    noticed = json.loads(NOTICED.read_text(encoding="utf-8"))
    chosen = chosen_by(sys.argv[1:], noticed)
    known = sorted({noticed[bug.name] for bug in chosen if bug.name in noticed})
    base = outcome(known) if known else Outcome(0, "")
    if base.code and base.code != _NOT_FOUND:
        raise SystemExit(f"The tests fail without any bug (exit code {base.code}):\n{base.printed}")
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "agg", "KERAS_BACKEND": "tensorflow"}
    _FORKS.set_forkserver_preload(list(_PRELOADED))
    with ThreadPoolExecutor(max_workers=2) as pool:  # two at a time
        found = list(pool.map(lambda bug: judge(bug, noticed.get(bug.name)), chosen))
    by = {bug.name: test for bug, (test, _) in zip(chosen, found, strict=True) if test}
    now = {bug.name: test for bug in BUGS if (test := (noticed | by).get(bug.name))}
    if now != noticed:
        NOTICED.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    contents.record(BUGS, {bug.name: digest for bug, (test, digest) in zip(chosen, found, strict=True) if test})
    print(f"{len(by)} of {len(chosen)} caught; {len(BUGS)} are planted in all")
    sys.exit(len(by) < len(chosen))


if __name__ == "__main__":
    main()
