"""The categorical distribution is a softmax over the levels of each element, and nothing of it is 256 times too big."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from making import made, parameters
from tfvae.families import Categorical
from tfvae.noise import Noise

FAMILY = Categorical((1,))
LEVELS = np.arange(256.0)


def distribution(logits):
    return FAMILY.distribution(logits=tf.convert_to_tensor(logits)[tf.newaxis])


def logits(spread, dtype=np.float64, seed=0):
    return (spread * np.random.default_rng(seed).normal(size=256)).astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-6)])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e4])
def test_the_levels_probabilities_are_the_softmax_and_sum_to_one(spread, dtype, tolerance):
    values = logits(spread, dtype)
    log_p = distribution(values).log_prob(LEVELS[:, np.newaxis].astype(dtype))
    exact = special.log_softmax(values.astype(np.float64))
    np.testing.assert_allclose(log_p, exact, rtol=tolerance, atol=tolerance * 10)
    assert np.sum(np.exp(np.float64(log_p))) == pytest.approx(1, abs=10 * tolerance)


@pytest.mark.parametrize("value", [-1.0, 256.0, 0.5, 1e6])
def test_values_that_are_no_level_have_probability_zero(value):
    assert distribution(logits(1.0)).log_prob([value]).numpy() == -np.inf


@pytest.mark.parametrize("level", [0.0, 100.0, 255.0])
@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_the_gradient_is_the_level_less_the_probabilities(spread, level):
    values = tf.constant(logits(spread))
    with tf.GradientTape() as tape:
        tape.watch(values)
        log_p = distribution(values).log_prob([level])
    expected = (level == LEVELS) - special.softmax(values)
    np.testing.assert_allclose(tape.gradient(log_p, values), expected, rtol=0, atol=1e-14)


def test_mean_and_variance_are_those_of_the_probabilities():
    values = logits(2.0)
    p = special.softmax(values)
    mean = p @ LEVELS
    np.testing.assert_allclose(distribution(values).mean(), [mean], rtol=1e-13)
    np.testing.assert_allclose(distribution(values).variance(), [p @ (LEVELS - mean) ** 2], rtol=1e-13)


@pytest.mark.parametrize("spread", [0.0, 1.0, 10.0])
def test_a_draw_is_the_level_whose_interval_of_probability_holds_the_uniform_number(spread):
    values = logits(spread)
    p = special.softmax(values)
    wide, below = p > 1e-9, np.cumsum(p) - p
    for share in (1e-3, 1 - 1e-3):
        uniform = (below + share * p)[wide][:, np.newaxis]
        np.testing.assert_array_equal(FAMILY.transform(distribution(values), uniform)[:, 0], LEVELS[wide])


@pytest.mark.parametrize(("uniform", "level"), [(2.0**-24, 0), (1 - 2.0**-24, 255)])
def test_draws_at_the_ends_of_the_noise_are_levels(uniform, level):
    draws = FAMILY.transform(distribution(logits(0.1, np.float32)), np.full((50, 1), uniform, np.float32))
    np.testing.assert_array_equal(draws, np.full((50, 1), level))


def test_draws_agree_with_and_without_xla_but_for_rounding_at_the_edges():
    family = Categorical((7, 5, 2), levels=50)
    values = parameters(family, 10)

    def draw(logits):
        return family.draw(made(family, {"logits": logits}), Noise(0), "x", 4)

    plain, compiled = (tf.function(draw, jit_compile=jit)(**values).numpy() for jit in (False, True))
    assert np.mean(plain != compiled) <= 1e-3
    assert np.max(np.abs(plain - compiled)) <= 1
    assert set(np.unique(plain)) == set(range(50))


def test_a_draw_takes_one_uniform_number_an_element():
    family, noise = Categorical((3, 2), levels=4), Noise(3)
    distribution = made(family, parameters(family, 5))
    by_hand = family.transform(distribution, noise.uniform("x", 5, (3, 2)))
    np.testing.assert_array_equal(family.draw(distribution, noise, "x"), by_hand)


@pytest.mark.parametrize("levels", [1, 0, -3])
def test_fewer_than_two_levels_are_refused(levels):
    with pytest.raises(ValueError, match=rf"^`levels` must be at least 2; received {levels}\.$"):
        Categorical((2,), levels=levels)
