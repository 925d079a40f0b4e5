"""The discretised logistic distribution sums to one over the levels and stays alive where its mass underflows."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from making import made, parameters
from oracles import logistic_level_log_probability
from tfvae.families import DiscretizedLogistic
from tfvae.noise import Noise

LEVELS = np.arange(256.0)
FAMILY = DiscretizedLogistic((1,))
LOCATIONS = [-40.0, -1.0, -1e-3, 0.0, 0.3936, 0.5, 0.999, 1.0, 1.01, 40.0]
SCALES = [0.1 / 255, 0.3 / 255, 1 / 255, 0.04, 0.7, 40.0]
both_types = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def distribution(location, scale, dtype=np.float64):
    """Over `[1]`, with the given scale in units of grey values."""
    return DiscretizedLogistic((1,), float(scale)).distribution(location=tf.constant([location], dtype))


def log_probabilities(location, scale, dtype=np.float64):
    return distribution(location, scale, dtype).log_prob(LEVELS[:, np.newaxis].astype(dtype)).numpy()


def assert_probabilities(location, scale, dtype):
    log_p = log_probabilities(location, scale, dtype)
    assert np.all(np.isfinite(log_p))
    assert np.all(log_p <= 0)
    total = np.sum(np.exp(log_p.astype(np.float64)))
    assert total == pytest.approx(1, abs=1e-14 if dtype == np.float64 else 1e-6)
    # The location in levels is known to half a unit in its last place, which counts the more the smaller the scale.
    rounding = np.finfo(dtype).eps * (2 + 255 * abs(location) / (255 * scale))
    exact = logistic_level_log_probability(LEVELS, 255 * float(dtype(location)), 255 * float(dtype(scale)))
    np.testing.assert_allclose(log_p, exact, rtol=4 * np.finfo(dtype).eps, atol=4 * rounding)


@both_types
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("location", LOCATIONS)
def test_the_levels_probabilities_are_the_closed_form_and_sum_to_one(location, scale, dtype):
    assert_probabilities(location, scale, dtype)


@given(st.floats(-3, 4), st.floats(-8, 4), st.sampled_from([np.float64, np.float32]))
def test_any_parameters_give_probabilities(location, log_scale, dtype):
    assert_probabilities(location, max(np.exp(log_scale), 0.1 / 255), dtype)


@pytest.mark.parametrize("value", [-1.0, 256.0, 0.5, 254.5, -0.001, np.nan])
def test_values_that_are_no_level_have_probability_zero(value):
    assert distribution(0.5, 0.1).log_prob([value]).numpy() == -np.inf


@both_types
@pytest.mark.parametrize("level", [0.0, 1.0, 128.0, 254.0, 255.0])
@pytest.mark.parametrize("scale", [1 / 255, 0.1])
@pytest.mark.parametrize("scales_away", [-1e4, -5, 0, 5, 1e4])
def test_gradients_are_finite_and_point_to_the_level_however_far_it_is(scales_away, scale, level, dtype):
    location = tf.constant([level / 255 + scales_away * scale], dtype)
    raw_scale = tf.constant([np.log(np.expm1(scale))], dtype)
    with tf.GradientTape() as tape:
        tape.watch([location, raw_scale])
        log_prob = FAMILY.distribution(location=location, raw_scale=raw_scale).log_prob(tf.constant([level], dtype))
    by_location, by_scale = (float(each[0]) for each in tape.gradient(log_prob, [location, raw_scale]))
    assert np.all(np.isfinite([log_prob, by_location, by_scale]))
    beyond = (level == 0 and scales_away < 0) or (level == 255 and scales_away > 0)
    if abs(scales_away) == 1e4 and not beyond:
        # In the tails log p falls by 1 a scale, and a larger scale helps.
        assert by_location == pytest.approx(-np.sign(scales_away) / (scale + FAMILY.min_scale), rel=1e-4)
        assert by_scale > 0
    elif scales_away and not beyond:
        assert by_location * scales_away < 0


def test_gradients_are_those_of_finite_differences():
    rng = np.random.default_rng(0)
    location, raw_scale = (tf.constant(rng.normal(size=(8, 1))) for _ in range(2))
    level = tf.constant([0.0, 1, 3, 100, 128, 200, 254, 255], tf.float64)[:, tf.newaxis]
    exact, differences = tf.test.compute_gradient(
        lambda *values: FAMILY.distribution(**dict(zip(FAMILY.parameters, values, strict=True))).log_prob(level),
        [location, raw_scale],
        delta=1e-6,
    )
    for one, other in zip(exact, differences, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)


@pytest.mark.parametrize("location", [-0.2, 0.0, 0.3936, 1.0, 1.7])
@pytest.mark.parametrize("scale", SCALES)
def test_mean_and_variance_are_those_of_the_probabilities(location, scale):
    p = np.exp(logistic_level_log_probability(LEVELS, 255 * location, 255 * scale))
    mean = np.sum(LEVELS * p)
    one = distribution(location, scale)
    np.testing.assert_allclose(one.mean(), [mean], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.variance(), [np.sum((LEVELS - mean) ** 2 * p)], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(distribution(location, scale, np.float32).mean(), [mean], rtol=1e-5, atol=2e-3)


@pytest.mark.parametrize("location", [-0.2, 0.0, 0.3936, 1.0, 1.7])
@pytest.mark.parametrize("scale", SCALES)
def test_a_draw_is_the_level_whose_interval_of_probability_holds_the_uniform_number(location, scale):
    """The level k for all u between P(K < k) and P(K <= k): just inside both ends, in float64."""
    p = np.exp(logistic_level_log_probability(LEVELS, 255 * location, 255 * scale))
    below = special.expit((LEVELS - 0.5 - 255 * location) / (255 * scale))
    below[0] = 0
    wide = (p > 1e-9) & (below < 1 - 1e-9)
    ends = [below[wide] + 1e-3 * p[wide], below[wide] + (1 - 1e-3) * p[wide]]
    assert wide.any()
    one = distribution(location, scale)
    for uniform in ends:
        draws = DiscretizedLogistic((1,), scale).transform(one, tf.constant(uniform[:, np.newaxis]))
        np.testing.assert_array_equal(draws[:, 0], LEVELS[wide])


def test_draws_agree_with_and_without_xla_but_for_rounding_at_the_edges():
    family = DiscretizedLogistic((7, 5, 2), "image")
    values = parameters(family, 50)

    def draw(location, raw_scale):
        distribution = made(family, {"location": location, "raw_scale": raw_scale})
        return family.draw(distribution, Noise(0), "x", 4)

    plain, compiled = (tf.function(draw, jit_compile=jit)(**values).numpy() for jit in (False, True))
    assert np.mean(plain != compiled) <= 1e-4
    assert np.max(np.abs(plain - compiled)) <= 1
    assert set(np.unique(plain)) <= set(LEVELS)
    assert len(np.unique(plain)) > 200


def test_its_own_sample_draws_the_same_distribution():
    one = distribution(0.4, 0.2)
    draws = one.sample(20_000, seed=1).numpy()
    error = float(one.stddev()[0]) / np.sqrt(draws.size)
    assert error < 0.6
    assert abs(np.mean(draws) - float(one.mean()[0])) <= 4 * error


def test_a_location_beyond_the_levels_is_certain_of_the_last_one():
    assert log_probabilities(1.1, 1 / 255)[-1] == pytest.approx(0, abs=1e-10)
    assert log_probabilities(-0.1, 1 / 255)[0] == pytest.approx(0, abs=1e-10)


def test_location_and_scale_are_in_units_of_grey_values():
    one = distribution(100 / 255, 1e-3)
    assert float(one.mean()[0]) == pytest.approx(100, abs=1e-12)
    assert np.argmax(log_probabilities(100 / 255, 0.5 / 255)) == 100


def test_the_floor_lets_one_level_have_nearly_all_probability():
    one = FAMILY.distribution(location=tf.constant([0.5 + 0.5 / 255]), raw_scale=tf.constant([-1e4]))
    assert float(one.prob([128.0])) == pytest.approx(np.tanh(2.5), abs=1e-4)  # 0.987
