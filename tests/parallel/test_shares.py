"""Every example is measured by one worker and one only, whatever their numbers and those of their devices."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfvae.parallel.shares import devices, gathered, shares


class Pretended:
    """As much of the strategy of one of several workers as is asked for."""

    def __init__(self, worker, workers, local):
        self.own = range(worker * local, (worker + 1) * local)
        self.num_replicas_in_sync = workers * local
        self.extended = SimpleNamespace(_in_multi_worker_mode=lambda: workers > 1)

    def experimental_distribute_values_from_function(self, function):
        return [function(SimpleNamespace(replica_id_in_sync_group=number)) for number in self.own]

    def experimental_local_results(self, values):
        return tuple(values)

    def reduce(self, operation, values, axis):
        """What this worker contributes to the sum over all devices."""
        assert (operation, axis) == (tf.distribute.ReduceOp.SUM, None)
        return sum(values)


@pytest.mark.parametrize(("workers", "local"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3), (16, 1)])
@pytest.mark.parametrize("examples", [1, 5, 10, 24, 199])
def test_each_example_is_measured_once(workers, local, examples):
    found = [list(shares(Pretended(worker, workers, local), examples, 10)) for worker in range(workers)]
    measured = np.concatenate([np.arange(examples)[own] for each in found for own in each])
    np.testing.assert_array_equal(np.sort(measured), np.arange(examples))
    for own in (own for each in found for own in each):
        assert own.start % 10 == 0 and 0 < own.stop - own.start <= 10 * local


def test_blocks_are_spread_evenly():
    sizes = [sum(own.stop - own.start for own in shares(Pretended(worker, 3, 2), 600, 10)) for worker in range(3)]
    assert sizes == [200, 200, 200]


def test_the_devices_of_this_process_have_numbers(two):
    assert devices(tf.distribute.get_strategy()) == (0,)
    assert devices(two) == (0, 1)
    own = np.array([[np.nan, np.inf, 0.1]])
    np.testing.assert_array_equal(gathered(two, own), own)


@pytest.mark.parametrize("local", [1, 3])
def test_a_worker_adds_what_it_found_once_however_many_devices_it_has(local):
    own = np.array([[0.0, 0.1, np.inf, np.nan]])
    np.testing.assert_array_equal(gathered(Pretended(1, 2, local), own), own)
