"""Who trains together, as the environment says."""

import json
import types

import pytest
import tensorflow as tf

from tfvae.parallel import cluster, strategies

HOSTS = ["a:1", "b:2", "c:3"]


def tf_config(monkeypatch, jobs, kind, index):
    config = {"cluster": jobs, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_said_is_one_process():
    assert cluster.workers() == 1


@pytest.mark.parametrize(
    ("jobs", "kind", "index", "expected"),
    [
        ({"worker": HOSTS}, "worker", 2, (3, 2)),
        ({"chief": HOSTS[:1], "worker": HOSTS[1:]}, "chief", 0, (3, 0)),
        ({"chief": HOSTS[:1], "worker": HOSTS[1:]}, "worker", 1, (3, 2)),
        ({"worker": HOSTS[:1]}, "worker", 0, (1, 0)),
    ],
)
def test_tf_config(monkeypatch, jobs, kind, index, expected):
    tf_config(monkeypatch, jobs, kind, index)
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    strategy = types.SimpleNamespace(cluster_resolver=resolver)  # a real one waits for the others
    assert (cluster.workers(), strategies.number_of_worker(strategy)) == expected
    assert not cluster.by_slurm()


def test_slurm(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert cluster.workers() == 4
    assert cluster.by_slurm()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": ["a:1", "b:2"], "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": null}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": [1, 2]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_what_cannot_be_read_is_said(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG must be JSON such as"):
        cluster.workers()


@pytest.mark.parametrize(
    ("jobs", "kind", "index", "said"),
    [
        ({"worker": HOSTS}, "worker", 3, "has 3 of the type worker, counted from 0; received 3"),
        ({"worker": HOSTS}, "chief", 0, "has 0 of the type chief, counted from 0; received 0"),
        ({"workers": HOSTS}, "worker", 0, "no jobs but chief and worker.*; received workers"),
        ({"worker": HOSTS[:2], "evaluator": HOSTS[2:]}, "worker", 0, "; received evaluator"),
    ],
)
def test_a_task_outside_the_cluster_and_other_jobs_are_refused(monkeypatch, jobs, kind, index, said):
    """They would train alone, into the same folder, or wait for ten minutes for who never comes."""
    tf_config(monkeypatch, jobs, kind, index)
    with pytest.raises(ValueError, match=f"of TF_CONFIG must .*{said}"):
        cluster.workers()


@pytest.mark.parametrize(
    ("number", "wrong"),
    [("", "an integer; received ''"), ("two", "an integer; received 'two'"), ("0", "at least 1; received 0"),
     ("-1", "an integer; received '-1'")],
)  # fmt: skip
def test_slurms_number_is_named_if_it_is_none(monkeypatch, number, wrong):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", number)
    with pytest.raises(ValueError, match=f"^`SLURM_STEP_NUM_TASKS` must be {wrong}"):
        cluster.workers()
