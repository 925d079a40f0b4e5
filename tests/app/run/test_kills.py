"""Real processes: killed and asked to stop at random moments, and taken up again.

Only what must be a process of its own is one; what a run has to be equal to is trained in this one.
"""

import dataclasses
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from resumed import assert_same_run, everything, files
from tfvae._support.files import is_leftover
from tfvae.app import run
from tfvae.app.interruption import EXIT_CODE
from tfvae.app.settings import Settings, as_yaml

DEADLINE = 300  # seconds, after which something hangs


@pytest.fixture
def settings(tmp_path):
    np.save(tmp_path / "levels.npy", np.random.default_rng(0).integers(0, 256, (100, 8, 8), np.uint8))
    return Settings(
        model="vae(latent_size=1, network=mlp(3))", data=str(tmp_path / "levels.npy"), batch_size=10, averaging=0.9,
        xla=False, steps_per_execution=1,
    )  # fmt: skip


def start(folder, settings=None):
    """A process that trains in the folder; without settings it goes on."""
    options = ["--resume"]
    if settings:
        config = folder.with_suffix(".yaml")
        config.write_text(as_yaml(settings))
        options = ["--config", str(config)]
    command = [sys.executable, "-m", "tfvae", "train", *options, "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def epochs_done(folder):
    history = folder / "history.csv"
    return max(0, len(history.read_text().splitlines()) - 1) if history.exists() else 0


def wait_for_an_epoch(folder, process, before):
    """It has to make progress, or a signal at every start would be survived by any program."""
    end = time.monotonic() + DEADLINE
    while epochs_done(folder) <= before:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def signalled(folder, numbers, settings, chance):
    """A process for each signal, which gets it in or after the first epoch that it ends itself."""
    for count, number in enumerate(numbers):
        done = epochs_done(folder)
        process = start(folder, None if count else settings)
        wait_for_an_epoch(folder, process, done)
        time.sleep(chance.uniform(0.0, 0.2))
        assert process.poll() is None, "the run ended before the signal"
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE)
        if number == signal.SIGKILL:
            assert process.returncode == -signal.SIGKILL
        else:
            assert_saved(folder, process.returncode, errors)


def assert_saved(folder, code, errors):
    assert code == EXIT_CODE
    assert "Interrupted; everything is saved. Go on: tfvae train --out" in errors
    assert "Traceback" not in errors
    checkpoint, damaged = run.Checkpoints(folder / run.CHECKPOINTS).newest()
    assert not damaged
    assert all(np.all(np.isfinite(each)) for each in everything(checkpoint.path))
    assert "config.yaml" in files(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([signal.SIGINT, signal.SIGKILL, signal.SIGTERM], id="each signal"),
        pytest.param([signal.SIGKILL] * 10, id="ten kills", marks=pytest.mark.long),
    ],
)
def test_signals_at_random_moments_lose_nothing(tmp_path, settings, numbers):
    """Ctrl-C and SIGTERM save and end with a code of their own; a kill saves nothing."""
    settings = dataclasses.replace(settings, epochs=4 * len(numbers))
    signalled(tmp_path / "run", numbers, settings, random.Random(7))
    run.train(settings, tmp_path / "run", resume=True, verbose=0)
    run.train(settings, tmp_path / "whole", verbose=0)
    assert_same_run(tmp_path / "run", tmp_path / "whole")


KILLED_IN_THE_FIRST_FILE = """
import os, runpy, signal
os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
runpy.run_module("tfvae", None, "__main__", True)
"""


@pytest.mark.slow
def test_a_new_run_takes_a_folder_that_a_kill_left_before_its_first_file(tmp_path, settings):
    folder, config, settings = tmp_path / "run", tmp_path / "run.yaml", dataclasses.replace(settings, epochs=1)
    config.write_text(as_yaml(settings))
    command = [sys.executable, "-c", KILLED_IN_THE_FIRST_FILE, "train", "--config", config, "--out", folder]
    assert subprocess.run(command, timeout=DEADLINE).returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    assert is_leftover(left)
    run.train(settings, folder, verbose=0)
    run.train(settings, tmp_path / "whole", verbose=0)
    assert_same_run(folder, tmp_path / "whole")


def test_a_signal_before_the_first_step_ends_at_once(tmp_path):
    process = start(tmp_path / "run", Settings())
    end = time.monotonic() + DEADLINE
    while "tensorflow" not in Path(f"/proc/{process.pid}/maps").read_text():  # until it is amid TensorFlow's import
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.terminate()
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == EXIT_CODE, errors
    assert "Traceback" not in errors
