"""The workers' rows put together are the global batches, in order, whatever the numbers of workers and devices."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.parallel.multi_worker import _rows_of_worker


def shares(data, workers, devices):
    """For each step the batches of all replicas, in their order."""
    found = []
    for worker in range(workers):
        context = tf.distribute.InputContext(workers, worker, workers * devices)
        found.append(list(_rows_of_worker(data, context).as_numpy_iterator()))
    steps = len(found[0]) // devices
    assert all(len(each) == steps * devices for each in found)
    return [[each[step * devices + device] for each in found for device in range(devices)] for step in range(steps)]


@pytest.mark.parametrize(("workers", "devices"), [(2, 1), (3, 1), (1, 2), (2, 3), (16, 1)])
@pytest.mark.parametrize("sizes", [(20, 27, 1), (16, 16)], ids=str)
def test_rows_of_all_replicas_are_the_batches(workers, devices, sizes):
    ends = np.cumsum(sizes)
    rows = tf.range(ends[-1])
    data = tf.data.Dataset.from_tensor_slices((ends - sizes, ends)).map(lambda b, e: (rows[b:e], -rows[b:e]))
    found = shares(data, workers, devices)
    assert len(found) == len(sizes)
    for end, size, replicas in zip(ends, sizes, found, strict=True):
        np.testing.assert_array_equal(np.concatenate([each[0] for each in replicas]), np.arange(end - size, end))
        np.testing.assert_array_equal(np.concatenate([each[1] for each in replicas]), -np.arange(end - size, end))
        lengths = [len(each[0]) for each in replicas]
        assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("devices", [1, 2])
def test_shapes_and_endlessness_stay_known(devices):
    """Without them TensorFlow asks all workers before each step whether there is one."""
    endless = tf.data.Dataset.from_tensors(tf.zeros([8, 3])).repeat()
    mine = _rows_of_worker(endless, tf.distribute.InputContext(2, 1, 2 * devices))
    assert mine.cardinality() == tf.data.INFINITE_CARDINALITY
    if devices == 1:
        assert mine.element_spec.shape == (4, 3)
