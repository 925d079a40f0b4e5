"""Prints TF_CONFIG for this task of a SLURM step: its cluster is what TensorFlow's own SlurmClusterResolver says.

The resolver sorts host names as text (n1, n10, n2) but takes SLURM's rank for the place in that list, and SLURM counts
in the order of its node list (n1, n2, n10). So with TensorFlow 2.21 a task may be given another one's address. Here a
task is where the address with its own host name is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

PORT = 12345  # of the first task on each machine; the others count on from there


def tf_config(environment: Mapping[str, str]) -> str:
    """The JSON of TF_CONFIG.

    Args:
        environment: what `srun` gives each task; also read by the resolver, from `os.environ`.
    """
    import tensorflow as tf

    tasks = int(environment["SLURM_STEP_NUM_TASKS"])
    # It would ask nvidia-smi for the GPUs, to hand them out; SLURM has done that. The numbers only have to be enough.
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=PORT, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    workers = resolver.cluster_spec().as_dict()["worker"]
    mine = f"{environment['SLURMD_NODENAME']}:{PORT + int(environment['SLURM_LOCALID'])}"
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": workers.index(mine)}})


if __name__ == "__main__":
    print(tf_config(os.environ))
