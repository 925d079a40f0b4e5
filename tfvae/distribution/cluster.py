"""Which processes train one model together, as their environment says. No TensorFlow here, so that mistakes cost no
waiting."""

from __future__ import annotations

import json
import os

_JOBS = ("chief", "worker")  # in the order in which TensorFlow counts them; others take no part in training


def workers() -> int:
    """Number of processes: those of TF_CONFIG, else the tasks of this SLURM step, else 1.

    Raises:
        ValueError: TF_CONFIG cannot be read.
    """
    config = _tf_config()
    if config is not None:
        return max(1, sum(len(config["cluster"].get(job, ())) for job in _JOBS))
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))


def is_joined(strategy: str) -> bool:
    """Whether this process trains with others under that setting.

    Raises:
        ValueError: TF_CONFIG cannot be read.
    """
    return strategy in ("auto", "multiworker") and workers() > 1


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
        if config["task"]["type"] in _JOBS and int(config["task"]["index"]) >= 0:
            return dict(config)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(
        'TF_CONFIG must be JSON such as {"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": '
        f'"worker", "index": 0}}}}; received {text!r}.'
    )
