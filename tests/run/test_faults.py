"""What happens to machines while a run goes on: clocks that jump, disks that can be read only."""

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path += [str(Path(__file__).parents[1] / name) for name in ("", "models")]
import tiny
from interruptions import After
from test_resume import SMALL, assert_same_run

from tfvae import run
from tfvae.interruption import Interrupted
from tfvae.run.checkpoints import Checkpoints

DAY = 86_400


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "discs.npy"
    np.save(path, tiny.images(250))
    return dataclasses.replace(SMALL, data=str(path), validation_size=50)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "whole"
    run.train(settings, folder, verbose=0)
    return folder


@pytest.mark.slow
def test_clocks_that_jump_between_checkpoints_change_nothing(settings, whole, tmp_path, monkeypatch):
    """Ten years ahead, then back before the start. Steps say which checkpoint is the newest, not the files' times."""
    folder, now = tmp_path / "run", time.time
    for times, days in enumerate((0, 3652, -3652)):
        monkeypatch.setattr(time, "time", lambda days=days: now() + DAY * days)
        checkpoints = Checkpoints(folder / run.CHECKPOINTS).all()
        for age, checkpoint in enumerate(checkpoints):
            os.utime(checkpoint.path, (now() - DAY * age, now() - DAY * age))
        with pytest.raises(Interrupted):
            run.train(settings, folder, After(12), resume=times > 0, verbose=0)
    report = run.train(settings, folder, resume=True, verbose=0)
    assert_same_run(folder, whole)
    assert 0 < report["training_seconds"] < 600 and report["training_processor_seconds"] > 0


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.slow
def test_a_disk_that_has_become_read_only_stops_the_run_and_nothing_is_lost(settings, whole, disk):
    with pytest.raises(Interrupted):
        run.train(settings, disk / "run", After(17), verbose=0)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(OSError, match=r"A checkpoint could not be written to .*: Read-only file system\.|cannot be "):
        run.train(settings, disk / "run", resume=True, verbose=0)
    with pytest.raises(OSError, match=r"The run folder .*another cannot be written: Read-only file system\."):
        run.train(settings, disk / "another", verbose=0)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    run.train(settings, disk / "run", resume=True, verbose=0)
    assert_same_run(disk / "run", whole)
