"""Examples that are measured one by one, divided among all devices in whole blocks.

How a batch is divided for training is in `multi_worker.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.parallel.multi_worker import is_multi_worker


def devices(strategy: tf.distribute.Strategy) -> tuple[int, ...]:
    """The numbers of this process's devices among those of all."""
    values = strategy.experimental_distribute_values_from_function(lambda context: context.replica_id_in_sync_group)
    return tuple(int(number) for number in strategy.experimental_local_results(values))


def by_device(strategy: tf.distribute.Strategy, value: Callable[[int], Any]) -> Any:
    """An argument of `strategy.run`: the value for the first device of this process, for the second one, ..."""
    first = devices(strategy)[0]
    return strategy.experimental_distribute_values_from_function(
        lambda context: value(context.replica_id_in_sync_group - first)
    )


def shares(strategy: tf.distribute.Strategy, examples: int, block: int) -> Iterator[slice]:
    """The examples that this process measures: at each step a block for each of its devices, fewer in the end.

    Blocks go to the devices of all processes in turn. They are whole, so that a device computes what one device alone
    would compute, in the same shapes, and not a bit changes.

    Args:
        strategy: the model's.
        examples: how many all processes measure.
        block: examples that a device takes at a time.
    """
    own = devices(strategy)
    for start in range(0, examples, block * strategy.num_replicas_in_sync):
        first, end = start + block * own[0], start + block * (own[-1] + 1)
        if first < examples:
            yield slice(first, min(end, examples))


def gathered(strategy: tf.distribute.Strategy, own: np.ndarray) -> np.ndarray:
    """What all processes have found, on each of them.

    The sum of their arrays, which is exact, since each example's figures are a number in one of them and 0 in all
    others. What does not go through here is the order of sums over examples: everyone sums the whole array.

    Args:
        strategy: the model's. All workers have to come here, and wait for one another.
        own: of all examples; 0 where they are not in this process's `shares`.
    """
    if not is_multi_worker(strategy):
        return own
    once = by_device(strategy, lambda device: tf.constant(own if device == 0 else np.zeros_like(own)))
    return strategy.reduce(tf.distribute.ReduceOp.SUM, once, axis=None).numpy()
