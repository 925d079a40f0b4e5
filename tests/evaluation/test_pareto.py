"""The shape of the tail of importance weights: against draws of known shape and against ArviZ."""

import warnings

import numpy as np
import pytest

from tfvae.likelihood.pareto import pareto_shape, tail_size


def tail(log_w):
    return np.sort(log_w, axis=0)[-(tail_size(len(log_w)) + 1) :]


def test_the_tail_is_a_fifth_or_three_square_roots():
    assert [tail_size(size) for size in (1, 20, 100, 225, 5000)] == [0, 4, 20, 45, 212]


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.7, 1.0, 1.5])
def test_the_shape_of_pareto_weights_is_found(shape):
    uniform = np.random.default_rng(0).uniform(size=(20_000, 200))
    found = pareto_shape(tail(-shape * np.log(uniform)))  # w = u^-shape
    error = found.std() / np.sqrt(found.size)
    assert error < 0.01
    pull = (shape - 0.5) * 10 / (tail_size(20_000) + 10)  # the prior's
    assert abs(found.mean() + pull - shape) < 4 * error + 0.01


def test_bounded_weights_have_a_shape_below_zero():
    assert np.all(pareto_shape(tail(np.log(np.random.default_rng(0).uniform(size=(5000, 20))))) < 0)


def test_it_does_not_depend_on_the_size_of_the_weights():
    log_w = 2 * np.random.default_rng(0).normal(size=(1000, 3))
    np.testing.assert_allclose(pareto_shape(tail(log_w - 1e4)), pareto_shape(tail(log_w)), rtol=1e-8)


@pytest.mark.parametrize("sample_size", [25, 100, 500, 5000])
def test_it_is_that_of_arviz(sample_size):
    array_stats = pytest.importorskip("arviz_stats.base", reason="ArviZ needs Python 3.11").array_stats
    log_w = np.random.default_rng(1).normal(size=(6, sample_size)) * np.array([[0.1], [0.5], [1], [2], [4], [8]])
    _, expected = array_stats.psislw(-log_w)  # it takes log-likelihoods, whose inverses are the weights
    np.testing.assert_allclose(pareto_shape(tail(log_w.T)), expected, rtol=1e-6)


def test_equal_weights_have_no_tail():
    assert np.all(pareto_shape(np.zeros((31, 4))) == -np.inf)


@pytest.mark.parametrize("size", [1.0, 40.0, 1000.0])
def test_weights_that_differ_by_rounding_are_equal(size):
    log_w = np.random.default_rng(0).normal(size=(500, 20)) * 1e-9 - size
    assert np.all(pareto_shape(tail(np.float32(log_w))) == -np.inf)
    assert np.all(pareto_shape(tail(log_w)) == -np.inf)
    assert np.all(np.isfinite(pareto_shape(tail(1e6 * (log_w + size) - size))))


@pytest.mark.parametrize("largest", [1, 3, 10])
def test_the_shape_is_infinite_where_a_few_weights_dwarf_the_rest(largest):
    log_w = np.random.default_rng(0).normal(size=(500, 3))
    log_w[:largest] += 1000  # beside exp of which the others are 0
    assert np.all(pareto_shape(tail(log_w)) == np.inf)


def test_a_handful_of_weights_says_nothing():
    np.testing.assert_array_equal(pareto_shape(np.zeros((5, 2))), [np.nan, np.nan], strict=True)


def test_it_is_computed_in_float64():
    log_w = np.float32(tail(np.random.default_rng(0).normal(size=(500, 3))))
    found = pareto_shape(log_w)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, pareto_shape(np.float64(log_w)))


@pytest.mark.parametrize("largest", [0.0, -1.0, -100.0])
def test_equal_is_within_four_units_of_the_last_place_of_float32(largest):
    limit = 4 * np.finfo(np.float32).eps * (1 + abs(largest))
    evenly = np.linspace(-1, 0, 21)
    assert pareto_shape(largest + 0.99 * limit * evenly) == -np.inf
    assert np.isfinite(pareto_shape(largest + 1.01 * limit * evenly))


def test_one_weight_above_or_below_equal_ones_is_a_difference():
    above, below = np.zeros(31), np.zeros(31)
    above[-1], below[0] = 3, -3
    assert pareto_shape(above) == np.inf  # the quartile of what is above the threshold is 0
    assert np.isfinite(pareto_shape(below))
    assert pareto_shape(0.1 * below) == pytest.approx(pareto_shape(below), rel=1e-9)  # only ratios count


def test_weights_that_vanish_beside_the_others_count_as_zeros():
    log_w = tail(np.random.default_rng(0).normal(size=500))
    log_w[:2] = -800
    expected = pareto_shape(np.concatenate([[-np.inf], log_w[1:]]))
    assert np.isfinite(expected) and pareto_shape(log_w) == expected


@pytest.mark.parametrize("lower", [20, 737, 1000])  # a quartile that is usual, denormal, zero
def test_it_warns_of_nothing(lower):
    log_w = np.linspace(-1, 0, 40)
    log_w[:20] -= lower
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pareto_shape(log_w)
