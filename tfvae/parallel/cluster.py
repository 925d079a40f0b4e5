"""Which processes train one model together, as their environment says. No TensorFlow here, so that mistakes cost no
waiting."""

from __future__ import annotations

import json
import os
from typing import Any

from tfvae._support.checks import integer

_JOBS = ("chief", "worker")  # in the order in which TensorFlow counts them; others take no part in training


def workers() -> int:
    """Number of processes: those of TF_CONFIG, else the tasks of this SLURM step, else 1.

    Raises:
        ValueError: TF_CONFIG or SLURM's number cannot be read.
    """
    config = _tf_config()
    if config is not None:
        return sum(len(config["cluster"].get(job, ())) for job in _JOBS)
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    return integer("SLURM_STEP_NUM_TASKS", int(tasks) if tasks.isdecimal() else tasks, 1)


def is_joined(strategy: str) -> bool:
    """Whether this process trains with others under that setting.

    Raises:
        ValueError: TF_CONFIG or SLURM's number cannot be read.
    """
    return strategy in ("auto", "multiworker") and workers() > 1


def members() -> tuple[list[str], int]:
    """The addresses of all processes, the chief's first, and the number of this one.

    Raises:
        ValueError: TF_CONFIG or SLURM's variables cannot be read.
    """
    config = _tf_config()
    if config is None:
        from tfvae.parallel import slurm

        return slurm.members()
    jobs, task = config["cluster"], config["task"]
    addresses = [address for job in _JOBS for address in jobs.get(job, ())]
    return addresses, addresses.index(jobs[task["type"]][int(task["index"])])


def by_slurm() -> bool:
    """Whether it is SLURM's variables that name the processes."""
    return _tf_config() is None


def _tf_config() -> dict | None:
    text = os.environ.get("TF_CONFIG")
    if not text:
        return None
    try:
        config = json.loads(text)
        if not config.get("cluster"):
            return None
        jobs, kind, index = config["cluster"], config["task"]["type"], int(config["task"]["index"])
        readable = kind in _JOBS and index >= 0 and all(_are_addresses(jobs[job]) for job in jobs)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        readable = False
    if not readable:
        raise ValueError(
            'TF_CONFIG must be JSON such as {"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": '
            f'"worker", "index": 0}}}}; received {text!r}.'
        )
    if others := [job for job in jobs if job not in _JOBS]:
        raise ValueError(
            f"The cluster of TF_CONFIG must have no jobs but {' and '.join(_JOBS)}, since all that it names train "
            f"together; received {', '.join(others)}."
        )
    number = len(jobs.get(kind, ()))
    if index >= number:
        raise ValueError(
            f"The task of TF_CONFIG must be one of its cluster, which has {number} of the type {kind}, counted from 0; "
            f"received {index}."
        )
    return dict(config)


def _are_addresses(value: Any) -> bool:
    """Whether it is a list of different addresses with a port."""
    return isinstance(value, list) and len(set(value)) == len(value) and all(":" in address for address in value)
