"""Real processes: killed at random moments, asked to stop by signals, and taken up again."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from test_resume import assert_same_run, everything, files

from tfvae import run
from tfvae.interruption import EXIT_CODE

KILLS = 10
TRAIN = [
    *(sys.executable, "-m", "tfvae", "train", "--network", "conv", "--hidden", "2,2", "--latent-size", "1"),
    *("--train-size", "200", "--validation-size", "50", "--batch-size", "10", "--averaging", "0.9"),
]
DEADLINE = 300  # seconds, after which something hangs


def start(folder, *arguments):
    command = [*TRAIN, *arguments, "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def epochs_done(folder):
    history = folder / "history.csv"
    return max(0, len(history.read_text().splitlines()) - 1) if history.exists() else 0


def wait_for(condition, process):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_ten_random_kills_lose_nothing(tmp_path):
    epochs, chance = ("--epochs", "36"), random.Random(7)
    folder, resume = tmp_path / "killed", ()
    for _ in range(KILLS):
        done = epochs_done(folder)
        process = start(folder, *epochs, *resume)
        # It has to make progress, or a kill at every start would be survived by any program.
        wait_for(lambda before=done: epochs_done(folder) > before, process)
        time.sleep(chance.uniform(0.0, 0.4))
        assert process.poll() is None, "the run ended before it was killed"
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        resume = ("--resume",)
    assert start(folder, *epochs, *resume).wait(DEADLINE) == 0
    assert start(tmp_path / "whole", *epochs).wait(DEADLINE) == 0
    assert_same_run(folder, tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends_with_a_code_of_its_own(tmp_path, number):
    folder = tmp_path / "run"
    process = start(folder, "--epochs", "1000")
    wait_for(lambda: epochs_done(folder) >= 1, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == EXIT_CODE
    assert "Interrupted; everything is saved. Go on: tfvae train --out" in errors
    assert "Traceback" not in errors
    checkpoint, damaged = run.Checkpoints(folder / run.CHECKPOINTS).newest()
    assert not damaged
    assert all(np.all(np.isfinite(each)) for each in everything(checkpoint.path))
    assert "config.yaml" in files(folder)


def test_a_signal_before_the_first_step_ends_at_once(tmp_path):
    process = start(tmp_path / "run")
    time.sleep(1.5)  # into TensorFlow's import
    process.terminate()
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == EXIT_CODE, errors
    assert "Traceback" not in errors
