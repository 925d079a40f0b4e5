"""Each task of a SLURM step finds itself in the cluster. SLURM is not here: its variables are those of its manual."""

import contextlib
import os

import pytest
import tensorflow as tf

from processes import Worker, ended
from tfvae.parallel import slurm
from training_cases import SCRIPT


def variables(node_list, hosts, tasks, rank, order="block"):
    """Those of one task, `tasks` being how many each machine has, in SLURM's order of the machines."""
    numbers = dict(zip(hosts, tasks, strict=True))
    if order == "block":
        places = [(host, local) for host, number in numbers.items() for local in range(number)]
    else:  # cyclic, SLURM's default for steps without more tasks than machines
        places = [(host, local) for local in range(max(tasks)) for host, number in numbers.items() if local < number]
    host, local = places[rank]
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(local),
        "SLURM_STEP_NUM_TASKS": str(sum(tasks)),
        "SLURM_STEP_NODELIST": node_list,
        "SLURM_STEP_TASKS_PER_NODE": ",".join(map(str, tasks)),
        "SLURMD_NODENAME": host,
    }


def set_all(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("order", ["block", "cyclic"])
@pytest.mark.parametrize(
    ("node_list", "hosts", "tasks"),
    [
        ("n1", ["n1"], [1]),
        ("n[2,9-11]", ["n2", "n9", "n10", "n11"], [1, 1, 1, 1]),
        ("n[2,9-11]", ["n2", "n9", "n10", "n11"], [8, 8, 8, 8]),
        ("n[2,10],m3", ["n2", "n10", "m3"], [3, 1, 2]),
        ("n[08-11]", ["n08", "n09", "n10", "n11"], [2, 2, 2, 2]),
    ],
)
def test_each_task_finds_itself(monkeypatch, node_list, hosts, tasks, order):
    clusters, seen = set(), set()
    for rank in range(sum(tasks)):
        environment = variables(node_list, hosts, tasks, rank, order)
        set_all(monkeypatch, environment)
        found = slurm.resolver()
        workers = found.cluster_spec().as_dict()["worker"]
        place = f"{environment['SLURMD_NODENAME']}:{slurm.PORT + int(environment['SLURM_LOCALID'])}"
        assert (found.task_type, workers[found.task_id], found.rpc_layer) == ("worker", place, "grpc")
        clusters.add(tuple(workers))
        seen.add(found.task_id)
    assert len(clusters) == 1 and seen == set(range(sum(tasks)))


def test_several_tasks_as_slurm_writes_their_number(monkeypatch):
    set_all(monkeypatch, variables("n[1-4]", ["n1", "n2", "n3", "n4"], [2, 2, 2, 1], 6))
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "2(x3),1")
    assert slurm.resolver().task_id == 6


def test_the_resolver_of_tensorflow_still_mistakes_ranks(monkeypatch):
    """When this fails, `slurm.resolver` may be TensorFlow's own."""
    set_all(monkeypatch, variables("n[1-10]", [f"n{number}" for number in range(1, 11)], [1] * 10, rank=1))
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(gpus_per_node=1, gpus_per_task=1, auto_set_gpu=False)
    workers = resolver.cluster_spec().as_dict()["worker"]
    assert workers[resolver.task_id].startswith("n10:")


def test_variables_that_do_not_fit_are_named(monkeypatch):
    set_all(monkeypatch, variables("n[1-2]", ["n1", "n2"], [1, 1], 1))
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    with pytest.raises(ValueError, match="a task of the step, n1:12345, n2:12345; received n7:12345"):
        slurm.resolver()
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    with pytest.raises(ValueError, match="SLURM_STEP_NODELIST not found"):
        slurm.resolver()


@pytest.mark.parametrize("name", ["SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE", "SLURM_PROCID", "SLURM_LOCALID"])
@pytest.mark.parametrize("value", ["", "n[1-"])
def test_a_variable_that_cannot_be_read_is_named_with_its_value(monkeypatch, name, value):
    set_all(monkeypatch, variables("n[1-2]", ["n1", "n2"], [1, 1], 1) | {name: value})
    with pytest.raises(ValueError, match=r"SLURM's variables of a step cannot be read \(.+\); received SLURM_") as said:
        slurm.resolver()
    assert f"{name}={value}" in str(said.value)


@pytest.mark.long
@pytest.mark.slow
def test_two_tasks_of_a_step_train(tmp_path):
    """Real processes, on the ports that they choose by themselves."""
    with contextlib.ExitStack() as stack:
        started = []
        for rank in (1, 0):
            step = variables("localhost", ["localhost"], [2], rank)
            started.append(Worker([SCRIPT, str(tmp_path), "elbo"], {**os.environ, **step, "TF_CPP_MIN_LOG_LEVEL": "3"}))
            stack.callback(started[-1].end)
        codes, outputs = ended(started)
    assert codes == [0, 0], outputs
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elbo-0.npz", "elbo-1.npz"]
