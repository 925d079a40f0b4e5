"""What happens to machines while a run goes on: clocks that jump, disks that can be read only."""

import os
import subprocess
import time

import pytest

from disks import mounted
from interruptions import After
from resumed import assert_same_run
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.app.run.checkpoints import Checkpoints

DAY = 86_400


@pytest.mark.slow
def test_clocks_that_jump_between_checkpoints_change_nothing(small, whole, tmp_path, monkeypatch):
    """Ten years ahead, then back before the start. Steps say which checkpoint is the newest, not the files' times."""
    folder, now = tmp_path / "run", time.time
    for times, days in enumerate((0, 3652, -3652)):
        monkeypatch.setattr(time, "time", lambda days=days: now() + DAY * days)
        checkpoints = Checkpoints(folder / run.CHECKPOINTS).all()
        for age, checkpoint in enumerate(checkpoints):
            os.utime(checkpoint.path, (now() - DAY * age, now() - DAY * age))
        with pytest.raises(Interrupted):
            run.train(small, folder, After(12), resume=times > 0, verbose=0)
    report = run.train(small, folder, resume=True, verbose=0)
    assert_same_run(folder, whole)
    assert 0 < report["training_seconds"] < 600 and report["training_processor_seconds"] > 0


@pytest.fixture
def disk(tmp_path):
    with mounted(tmp_path / "disk") as folder:
        yield folder


@pytest.mark.slow
def test_a_disk_that_has_become_read_only_stops_the_run_and_nothing_is_lost(small, whole, disk):
    with pytest.raises(Interrupted):
        run.train(small, disk / "run", After(17), verbose=0)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(OSError, match=r" cannot be written: Read-only file system\."):
        run.train(small, disk / "run", resume=True, verbose=0)
    with pytest.raises(OSError, match=r"The run folder .*another cannot be written: Read-only file system\."):
        run.train(small, disk / "another", verbose=0)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    run.train(small, disk / "run", resume=True, verbose=0)
    assert_same_run(disk / "run", whole)
