"""The processes of a SLURM step, as TensorFlow takes them."""

from __future__ import annotations

import os

import tensorflow as tf

_VARIABLES = (
    "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE", "SLURM_PROCID", "SLURM_LOCALID"
)  # fmt: skip
PORT = 12345  # of the first task on each machine; the others count on from there


def resolver() -> tf.distribute.cluster_resolver.ClusterResolver:
    """TensorFlow's addresses of the tasks; this one is where the address with its own host name is.

    `SlurmClusterResolver` (TensorFlow 2.21) sorts host names as text (n1, n10, n2) but takes SLURM's rank for the place
    in that list. SLURM counts in the order of its node list (n1, n2, n10), or one task on each machine in turn, so that
    a task might be given another one's address.

    Raises:
        ValueError: SLURM's variables do not fit one another.
    """
    try:
        tasks = int(os.environ["SLURM_STEP_NUM_TASKS"])
        # It would ask nvidia-smi for GPUs, to hand them out; SLURM has done that. The numbers only have to be enough.
        spec = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=PORT, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
        ).cluster_spec()
        mine = f"{os.environ.get('SLURMD_NODENAME')}:{PORT + int(os.environ.get('SLURM_LOCALID', ''))}"
    except (RuntimeError, ValueError) as error:  # one is missing, or no number or list
        received = ", ".join(f"{name}={os.environ.get(name)}" for name in _VARIABLES)
        raise ValueError(f"SLURM's variables of a step cannot be read ({error}); received {received}.") from None
    addresses = spec.as_dict()["worker"]
    if mine not in addresses:
        raise ValueError(
            f"`SLURMD_NODENAME` and `SLURM_LOCALID` must name a task of the step, {', '.join(addresses)}; received "
            f"{mine}."
        )
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        spec, task_type="worker", task_id=addresses.index(mine), rpc_layer="grpc"
    )


def members() -> tuple[list[str], int]:
    """The addresses of all tasks, and the number of this one; see `cluster.members`."""
    found = resolver()
    return list(found.cluster_spec().as_dict()["worker"]), int(found.task_id)
