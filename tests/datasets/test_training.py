"""The order of the training data is a function of the seed and the step, so it can be resumed anywhere."""

import numpy as np
import pytest
from scipy import stats

from tfvae.datasets.batches import batches, steps_per_epoch

N = 12
IMAGES = np.arange(N, dtype=np.uint8).reshape(N, 1, 1, 1) * np.ones((1, 2, 3, 1), np.uint8)


def order(steps, batch_size=4, seed=0, start=0):
    """Numbers of the examples in each batch, [steps, batch_size]."""
    dataset = batches(IMAGES, batch_size, seed, start).take(steps)
    return np.stack([batch[:, 0, 0, 0] for batch in dataset.as_numpy_iterator()])


def test_batches_are_a_function_of_the_seed():
    np.testing.assert_array_equal(order(7), order(7))
    assert not np.array_equal(order(7), order(7, seed=1))


@pytest.mark.parametrize("start", [1, 3, 5, 10**12])
def test_start_goes_on_at_that_step(start):
    first = min(start, 5)
    np.testing.assert_array_equal(order(4, start=start + first), order(4 + first, start=start)[first:])


def test_start_skips_as_many_batches():
    np.testing.assert_array_equal(order(4, start=5), order(9)[5:])


def test_each_epoch_is_a_new_permutation_of_all_examples():
    epochs = order(30).reshape(10, N)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(N), (10, 1)))
    assert len(np.unique(epochs, axis=0)) == 10


def test_orders_do_not_come_back_and_every_example_comes_anywhere():
    epochs = order(3 * 600).reshape(600, N)
    assert len(np.unique(epochs, axis=0)) == 600
    counts = np.stack([np.bincount(place, minlength=N) for place in epochs.T])  # how often which example at which place
    assert stats.chi2.sf(np.sum((counts - 50) ** 2 / 50), (N - 1) ** 2) > 1e-3


def test_examples_that_fill_no_batch_are_left_out_by_chance_and_none_comes_twice():
    epochs = order(40, batch_size=5).reshape(20, 10)
    assert all(len(set(epoch)) == 10 for epoch in epochs)
    assert set(epochs.ravel()) == set(range(N))


def test_the_order_stays_the_same_in_later_versions():
    assert order(3, seed=7).tolist() == [[10, 8, 9, 7], [0, 2, 6, 1], [11, 4, 5, 3]]


def test_elements_have_a_static_shape_and_the_type_of_the_images():
    assert batches(IMAGES, 4, 0).element_spec.shape == (4, 2, 3, 1)
    (batch,) = batches(IMAGES / np.float32(12), N, 0).take(1)
    assert (batch.shape, batch.dtype) == ((N, 2, 3, 1), np.float32)


def test_labels_stay_with_their_images():
    labels = 100 + np.arange(N)
    for images, label in batches(IMAGES, 4, 0, labels=labels).take(6).as_numpy_iterator():
        np.testing.assert_array_equal(label, images[:, 0, 0, 0] + 100)


@pytest.mark.parametrize(("examples", "batch_size", "steps"), [(12, 4, 3), (12, 5, 2), (12, 12, 1), (12, 1, 12)])
def test_steps_per_epoch_counts_full_batches(examples, batch_size, steps):
    assert steps_per_epoch(examples, batch_size) == steps


@pytest.mark.parametrize(
    ("batch_size", "bound"), [(N + 1, f"at most the number of examples, {N}"), (0, "at least 1"), (-4, "at least 1")]
)
def test_batches_larger_than_the_data_or_empty_are_refused(batch_size, bound):
    with pytest.raises(ValueError, match=rf"^`batch_size` must be {bound}; received {batch_size}\.$"):
        batches(IMAGES, batch_size, seed=0)


def test_labels_of_another_number_are_refused():
    with pytest.raises(ValueError, match="`labels`"):
        batches(IMAGES, 4, 0, labels=np.arange(N - 1))
