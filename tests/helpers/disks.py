"""Disks of their own for a test, which only root can mount."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest


@contextmanager
def mounted(folder, *options):
    """A disk in memory at the folder, which is made; skips the test where that cannot be done."""
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    if subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
