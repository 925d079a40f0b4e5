"""Each worker gets its rows of images on disk, and decodes no others: those it could not."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from streamed import SHAPE, image, stream
from tfvae.parallel.multi_worker import shared
from tiers import long


class Pretended:
    """As much of the strategy of one of several workers as is asked for."""

    extended = SimpleNamespace(_in_multi_worker_mode=lambda: True)

    def __init__(self, workers, worker, devices=1):
        self.context = tf.distribute.InputContext(workers, worker, workers * devices)

    def distribute_datasets_from_function(self, function):
        return function(self.context)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """161 images, so many that none comes twice while the tests look, beside one that is left out as `skip` does."""
    return stream(tmp_path_factory.mktemp("files"), (20, 2, 133, 7)).without([21])


def spoilt(split, numbers):
    """The split, of which the images with these numbers do not decode."""

    def decode(record):
        number = tf.io.decode_raw(tf.strings.substr(record, 0, 1), tf.uint8)
        with tf.control_dependencies([tf.debugging.assert_none_equal(number, tf.constant(numbers, tf.uint8))]):
            return image(record)

    return dataclasses.replace(split, image=decode)


def assert_divided(split, data, steps, workers, devices):
    """The rows of all workers are the batches of one device, bit for bit, and need no images of other workers."""
    batches = list(data(split).take(steps).as_numpy_iterator())
    found = []
    for worker in range(workers):
        bounds = [[each * len(batch) // workers for each in (worker, worker + 1)] for batch in batches]
        others = [np.delete(batch, slice(*own), axis=0) for batch, own in zip(batches, bounds, strict=True)]
        own_alone = spoilt(split, np.concatenate(others)[:, 0, 0, 0])
        own = shared(Pretended(workers, worker, devices), data(own_alone)).take(steps * devices)
        found.append(list(own.as_numpy_iterator()))
        assert len(found[-1]) == len(batches) * devices
    for step, batch in enumerate(batches):
        of_step = [each[step * devices + device] for each in found for device in range(devices)]
        np.testing.assert_array_equal(np.concatenate(of_step), batch)


@pytest.mark.slow
# Each worker makes its datasets anew, which takes the time: so there are few of them.
@pytest.mark.parametrize(("workers", "devices", "size"), [(2, 1, 5), (2, 3, 4), long(3, 1, 2)])
def test_batches_for_training_from_a_later_step_on(split, workers, devices, size):
    """Of unequal parts, of fewer rows than workers, and of fewer rows than devices."""
    assert_divided(split, lambda each: each.batches(size, seed=3, start=7), 4, workers, devices)


@pytest.mark.parametrize(("workers", "devices", "size"), [(2, 1, 8), (3, 1, 159), (2, 2, 23)])
def test_all_images_in_order(split, workers, devices, size):
    """The last batch has 1, 2 and 23 images, so that some workers have none of it."""
    assert_divided(split, lambda each: each.in_order(size), -(-len(split) // size), workers, devices)


def test_shapes_and_endlessness_stay_known(split):
    """Without them TensorFlow asks all workers before each step whether there is one."""
    data = shared(Pretended(3, 1), split.batches(5, seed=0))
    assert data.cardinality() == tf.data.INFINITE_CARDINALITY
    assert data.element_spec == tf.TensorSpec((2, *SHAPE), tf.uint8)
    assert shared(Pretended(3, 1), split.in_order(5)).cardinality() == 33


def test_what_was_made_of_the_images_is_divided_as_it_is(split):
    data = split.batches(6, seed=0).map(lambda images: tf.reverse(images, [0]))
    (own,) = shared(Pretended(2, 0), data).take(1).as_numpy_iterator()
    (whole,) = data.take(1).as_numpy_iterator()
    np.testing.assert_array_equal(own, whole[:3])
