"""A test that is skipped for a reason that nobody listed fails."""

import subprocess
import sys

import pytest

from places import ROOT

TEST = """
import pytest
{module}

def test_it():
    {test}
"""


@pytest.mark.parametrize("module", [False, True])
@pytest.mark.parametrize(
    ("reason", "code"), [("openvino is not installed", 0), ("nobody knows", 1)], ids=["listed", "not listed"]
)
def test_only_listed_reasons_skip_a_test(module, reason, code, tmp_path):
    skip = f"pytest.skip({reason!r}, allow_module_level=True)"
    text = TEST.format(module=skip, test="pass") if module else TEST.format(module="", test=skip)
    (tmp_path / "test_skipped.py").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "skips",
        "-p",
        "no:cacheprovider",
        str(tmp_path / "test_skipped.py"),
    ]
    command += ["-c", str(tmp_path / "pytest.ini")]
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT / 'tests/helpers'}\n")
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "tests/helpers")}
    )
    assert ("nobody knows" in done.stdout and "does not list the reason" in done.stdout) == bool(code), done.stdout
    assert (done.returncode in (1, 2)) == bool(code), done.stdout + done.stderr
