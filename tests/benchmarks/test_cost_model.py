"""The model of what data-parallel training costs: its limits, an example by hand, and what rises with what."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import cost_model
import distributed_cost
import report
import tfvae
from cost_model import Cluster, Link, Work
from tfvae.training import global_batch, step

CLUSTER = Cluster(5e13, 2e-3, 8, Link(3e-6, 3e11), Link(1e-5, 3e11))
WORK = Work(flops=5e6, gradient_bytes=4e6)
NUMBERS = [2**power for power in range(11)]
clusters = st.builds(
    Cluster,
    flops_per_second=st.floats(1e9, 1e15),
    per_step=st.floats(0, 1e-2),
    per_machine=st.sampled_from([1, 4, 8]),
    within=st.builds(Link, st.floats(1e-7, 1e-3), st.floats(1e8, 1e12)),
    between=st.builds(Link, st.floats(1e-7, 1e-3), st.floats(1e8, 1e12)),
    trees=st.booleans(),
)
works = st.builds(Work, flops=st.floats(1e4, 1e12), gradient_bytes=st.floats(1e3, 1e10))


def test_the_bytes_of_an_example_by_hand():
    """Four replicas, 1,000,000 float32 weights: parts of 1 MB go three hops to be summed and three to be known."""
    assert cost_model.bytes_sent(4, 4e6) == 3 * 1e6 + 3 * 1e6
    sizes = cost_model.all_reduces(Work(1.0, 4e6, terms=4, logs=3), 4)
    assert sizes == (16, 16, 4e6, 12)


def test_the_seconds_of_an_example_by_hand():
    """16 replicas on two machines: 14/8 of the bytes and 14 hops inside, 2/2 of the bytes and 2 hops between."""
    cluster = Cluster(1.0, 0.0, 8, Link(1e-6, 1e9), Link(1e-5, 1e8))
    expected = 14 / 8 * 8e6 / 1e9 + 14e-6 + 8e6 / 1e8 + 2e-5
    assert cost_model.all_reduce_seconds(cluster, 16, 8e6) == pytest.approx(expected, rel=1e-12)
    trees = dataclasses.replace(cluster, trees=True)  # 6 hops and 2
    fewer = expected - (14 - 6) * 1e-6
    assert cost_model.all_reduce_seconds(trees, 16, 8e6) == pytest.approx(fewer, rel=1e-12)


@given(clusters, works, st.floats(1, 1e5))
def test_one_replica_is_efficient(cluster, work, batch):
    assert cost_model.communication_seconds(cluster, work, 1) == 0
    assert cost_model.weak_efficiency(cluster, work, 1, batch) == 1
    assert cost_model.strong_efficiency(cluster, work, 1, batch) == 1


@given(clusters, works, st.sampled_from(NUMBERS), st.floats(1, 1e5))
def test_a_network_that_costs_nothing_scales_linearly(cluster, work, replicas, batch):
    free = Link(0.0, math.inf)
    cluster = dataclasses.replace(cluster, within=free, between=free)
    assert cost_model.weak_efficiency(cluster, work, replicas, batch) == 1
    cluster = dataclasses.replace(cluster, per_step=0.0)
    assert cost_model.strong_efficiency(cluster, work, replicas, batch) == pytest.approx(1, rel=1e-12)


@given(clusters, works, st.floats(1, 1e5))
def test_what_rises_with_what(cluster, work, batch):
    """More replicas cost more a step and are less efficient; a larger batch is more so; so is a better network."""
    weak = [cost_model.weak_efficiency(cluster, work, number, batch) for number in NUMBERS]
    strong = [cost_model.strong_efficiency(cluster, work, number, batch) for number in NUMBERS]
    for falling in (weak, strong):
        assert all(0 < after <= before * (1 + 1e-9) <= 1 + 1e-9 for before, after in itertools.pairwise(falling))
    batches = [cost_model.weak_efficiency(cluster, work, 64, batch * factor) for factor in (1, 2, 8, 64)]
    assert batches == sorted(batches)
    faster = dataclasses.replace(cluster, between=Link(cluster.between.latency / 2, cluster.between.bandwidth * 2))
    assert cost_model.step_seconds(faster, work, 64, batch) <= cost_model.step_seconds(cluster, work, 64, batch)


@given(st.sampled_from(NUMBERS[1:]), st.floats(1, 1e12), st.sampled_from([1, 2, 4, 8]))
def test_rings_inside_and_between_send_as_much_as_one_ring(replicas, size, per_machine):
    """A replica sends 2 (m-1)/m G inside and, of the m-th part that it has summed, 2 (N-1)/N G/m between."""
    inside = min(per_machine, replicas)
    machines = replicas // inside
    sent = cost_model.bytes_sent(inside, size) + cost_model.bytes_sent(machines, size / inside)
    assert sent == pytest.approx(cost_model.bytes_sent(replicas, size), rel=1e-12)


@given(clusters, works, st.sampled_from(NUMBERS[1:]), st.floats(0.05, 0.95))
def test_the_least_batch_has_the_efficiency(cluster, work, replicas, efficiency):
    batch = cost_model.least_batch(cluster, work, replicas, efficiency)
    found = cost_model.weak_efficiency(cluster, work, replicas, batch)
    assert found == pytest.approx(efficiency, rel=1e-6) if batch > 1 else found >= efficiency - 1e-9


def test_where_it_stops_paying():
    """The step gets shorter, then longer; a larger batch moves that outwards."""
    fastest, poor = cost_model.stops_paying(CLUSTER, WORK, 1024, NUMBERS)
    seconds = [cost_model.step_seconds(CLUSTER, WORK, number, 1024 / number) for number in NUMBERS]
    assert seconds[NUMBERS.index(fastest)] == min(seconds)
    assert cost_model.strong_efficiency(CLUSTER, WORK, poor, 1024) < 0.5
    assert cost_model.strong_efficiency(CLUSTER, WORK, poor // 2, 1024) >= 0.5
    larger = cost_model.stops_paying(CLUSTER, WORK, 1_048_576, NUMBERS)
    assert larger[0] >= fastest and (larger[1] is None or larger[1] > poor)
    free = dataclasses.replace(CLUSTER, per_step=0.0, within=Link(0.0, math.inf), between=Link(0.0, math.inf))
    assert cost_model.stops_paying(free, WORK, 1024, NUMBERS) == (1024, None)


@pytest.mark.slow
def test_a_step_makes_the_small_all_reduces_that_are_counted(two, monkeypatch):
    """Beside those of the gradients and of the logs, which Keras makes."""
    seen, sum_over = [], global_batch.over_replicas

    def recorded(counts):
        seen.append(counts.dtype.size * int(np.prod(counts.shape)))
        return sum_over(counts)

    for module in (global_batch, step):
        monkeypatch.setattr(module, "over_replicas", recorded)
    with two.scope():
        model = tfvae.vae((4, 4, 1), latent_size=2, network="mlp(4)")
        model.compile("sgd", jit_compile=False)
    model.fit(np.zeros((4, 4, 4, 1), np.uint8), batch_size=4, verbose=0)
    work = distributed_cost.work_of(model, (4, 4, 1))
    small = [size for size in cost_model.all_reduces(work, 2) if size != work.gradient_bytes][:2]
    assert sorted(set(seen)) == small
    assert seen.count(small[0]) == seen.count(small[1])  # each replica traces the step, in turns
    assert len(model.metrics) == work.logs


def test_the_arithmetic_of_dense_layers_by_hand():
    """16-8-4-2 there and 2-4-8-16 back: three passes, but no gradient with respect to the image."""
    model = tfvae.vae((4, 4, 1), latent_size=2, network="mlp(8, 4)")
    model.compile("sgd", jit_compile=False)
    multiplications = 16 * 8 + 8 * 4 + 4 * 4 + 2 * 4 + 4 * 8 + 8 * 16
    work = distributed_cost.work_of(model, (4, 4, 1))
    assert work.flops == 2 * (3 * multiplications - 16 * 8)
    assert work.gradient_bytes == 4 * sum(int(tf.size(each.value)) for each in model.trainable_variables)


def test_the_document_is_made_of_the_results():
    text = report.filled(distributed_cost.TEXT.read_text(), distributed_cost.MAKERS)
    assert distributed_cost.DOCUMENT.read_text() == text, "run `python benchmarks/distributed_cost.py --text`"


def test_the_predictions_in_the_results_are_those_of_the_model():
    result = report.read("distributed_cost")
    for name, found in result["works"].items():
        assert result["predictions"][name] == distributed_cost.predictions(Work(**found)), name
