"""The checks for a GPU run from end to end without one, and say so where there is none."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf

import check_gpu


def command(*options):
    return subprocess.run([sys.executable, check_gpu.__file__, *options], capture_output=True, text=True)


def test_a_check_that_does_not_end_is_ended(tmp_path):
    found = check_gpu.run("resume", 1.0, tmp_path, small=True)  # TensorFlow's import alone takes longer
    assert not found["passed"]
    assert found["error"] == "no end after 1 seconds"
    assert check_gpu.line(found).startswith("FAILED  resume ")
    assert not any(tmp_path.iterdir())


def test_a_line_has_the_figures():
    found = {"name": "train", "passed": True, "seconds": 12.34, "figures": {"loss": 1.23456, "same_bits": True}}
    assert check_gpu.line(found) == "passed  train           12.3 s  loss 1.235, same_bits True"


@pytest.mark.slow
@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    done = command()
    assert done.returncode == 1
    assert done.stderr.startswith("No GPU was found by TensorFlow; ") and done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.long
@pytest.mark.slow
def test_every_check_runs_on_a_cpu(tmp_path):
    done = command("--allow-cpu", "--out", tmp_path / "found.json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert [each["name"] for each in found["checks"]] == list(check_gpu.CHECKS)
    assert found["failed"] == []
    assert f"All {len(check_gpu.CHECKS)} checks passed" in done.stdout
