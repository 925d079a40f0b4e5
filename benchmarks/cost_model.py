"""What a step of data-parallel training costs on n replicas: arithmetic, and bytes and hops of the all-reduces.

    step(n, b) = per_step + b flops / flops_per_second + all-reduces
    all-reduce of G bytes = 2 (m-1)/m G / B_within + 2 (m-1) a_within         among the m replicas of a machine
                          + 2 (N-1)/N G / B_between + 2 (N-1) a_between       among N machines

Each machine has the sum of its own replicas in m parts, one a replica, before its m parts go around the machines, all
of them through the machine's network at once: a ring inside, rings between. Each replica sends 2 (n-1)/n G bytes, which
is the least there can be (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations",
2009) and what nccl-tests counts by (its doc/PERFORMANCE.md).

Along trees instead of rings there are 2 log2 m and 2 log2 N hops for the same bytes, which is what NCCL's double binary
trees come to at best ("Massively Scale Your Deep Learning Training with NCCL 2.4", 2019).

Nothing overlaps: the guard looks at all gradients before any of them is used, so the all-reduce waits for the whole
backward pass. Left out: input, stragglers, the compilation, evaluation and checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

COUNT = 4  # bytes: counts are int32 and figures float32


@dataclass(frozen=True)
class Link:
    """Attributes: latency of a hop in seconds; bandwidth in bytes a second and direction."""

    latency: float
    bandwidth: float


@dataclass(frozen=True)
class Cluster:
    """Machines with replicas.

    Attributes:
        flops_per_second: that a replica reaches in training, not its peak.
        per_step: seconds of a step that the batch does not change.
        per_machine: replicas of a machine.
        within: between two replicas of a machine.
        between: of a machine to the network, for all its replicas together.
        trees: all-reduces go along trees and not around rings.
    """

    flops_per_second: float
    per_step: float
    per_machine: int
    within: Link
    between: Link
    trees: bool = False


@dataclass(frozen=True)
class Work:
    """What a model asks for.

    Attributes:
        flops: of an example, forward and backward; a multiplication and an addition are two.
        gradient_bytes: of all trainable weights.
        terms: numbers that the guard sums over the replicas each step, as many as terms that may be not finite.
        logs: figures that Keras averages over the replicas each step.
    """

    flops: float
    gradient_bytes: float
    terms: int = 4
    logs: int = 3


def bytes_sent(replicas: int, size: float) -> float:
    """By each replica for an all-reduce of `size` bytes."""
    return 2 * (replicas - 1) / replicas * size


def all_reduces(work: Work, replicas: int) -> tuple[float, ...]:
    """Bytes of each all-reduce of a step: sizes of the replicas' batches, what is not finite, gradients, logs.

    The first has a place for each replica (`models.global_batch`); the second is the guard's.
    """
    return COUNT * replicas, COUNT * work.terms, work.gradient_bytes, COUNT * work.logs


def hops(cluster: Cluster, number: int) -> int:
    """One after the other, until each of `number` has the sum."""
    return 2 * math.ceil(math.log2(number)) if cluster.trees else 2 * (number - 1)


def all_reduce_seconds(cluster: Cluster, replicas: int, size: float) -> float:
    inside = min(replicas, cluster.per_machine)
    machines = math.ceil(replicas / cluster.per_machine)
    return sum(
        bytes_sent(number, size) / link.bandwidth + hops(cluster, number) * link.latency
        for number, link in ((inside, cluster.within), (machines, cluster.between))
    )


def communication_seconds(cluster: Cluster, work: Work, replicas: int) -> float:
    """Of a step; none on one replica."""
    return sum(all_reduce_seconds(cluster, replicas, size) for size in all_reduces(work, replicas))


def compute_seconds(cluster: Cluster, work: Work, batch: float) -> float:
    """Of a step with `batch` examples on each replica."""
    return cluster.per_step + batch * work.flops / cluster.flops_per_second


def step_seconds(cluster: Cluster, work: Work, replicas: int, batch: float) -> float:
    return compute_seconds(cluster, work, batch) + communication_seconds(cluster, work, replicas)


def weak_efficiency(cluster: Cluster, work: Work, replicas: int, batch: float) -> float:
    """Examples a second and replica over those of one replica alone with the same batch; between 0 and 1."""
    return step_seconds(cluster, work, 1, batch) / step_seconds(cluster, work, replicas, batch)


def strong_efficiency(cluster: Cluster, work: Work, replicas: int, global_batch: float) -> float:
    """The speed-up over one replica with the same global batch, over the number of replicas; between 0 and 1."""
    alone = step_seconds(cluster, work, 1, global_batch)
    return alone / (replicas * step_seconds(cluster, work, replicas, global_batch / replicas))


def least_batch(cluster: Cluster, work: Work, replicas: int, efficiency: float = 0.5) -> float:
    """The batch per replica from which on `weak_efficiency` is at least `efficiency`; at least 1."""
    wanted = communication_seconds(cluster, work, replicas) * efficiency / (1 - efficiency)  # seconds of arithmetic
    return max(1.0, (wanted - cluster.per_step) * cluster.flops_per_second / work.flops)


def stops_paying(cluster: Cluster, work: Work, global_batch: int, numbers: Sequence[int]) -> tuple[int, int | None]:
    """Where more replicas for the same global batch are of no use.

    Args:
        numbers: of replicas, rising, each of which divides the global batch or is left out.

    Returns:
        The number with the shortest step, and the first whose `strong_efficiency` is below 0.5, if there is one.
    """
    tried = [number for number in numbers if number <= global_batch]
    fastest = min(tried, key=lambda number: step_seconds(cluster, work, number, global_batch / number))
    poor = [number for number in tried if strong_efficiency(cluster, work, number, global_batch) < 0.5]
    return fastest, poor[0] if poor else None
