"""What a measured time depends on, besides the model: the machine and the versions of the libraries."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

from tfvae._version import __version__


def hardware() -> dict[str, object]:
    """The processor, the number of cores that this process may use, and the names of the GPUs."""
    import tensorflow as tf  # here, so that the processor can be named without waiting for it

    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": processor(), "cores": cores, "gpus": [gpu.get("device_name", "GPU") for gpu in gpus]}


def versions() -> dict[str, str]:
    """Of this package and of what runs the steps."""
    libraries = ("tensorflow", "keras", "tensorflow-probability")
    return {"tfvae": __version__, **{name: version(name) for name in libraries}, "python": platform.python_version()}


def processor() -> str:
    """Its model, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def memory_left() -> int:
    """Bytes of memory that the machine has available, or that a container may have; 2^62 where nobody says."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    limits = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    for group in ("memory.max", "memory/memory.limit_in_bytes"):  # of control groups, version 2 and 1
        with contextlib.suppress(OSError, ValueError):  # there is none, or no limit
            limits.append(int(Path("/sys/fs/cgroup", group).read_text()))
    return min(limits, default=2**62)
