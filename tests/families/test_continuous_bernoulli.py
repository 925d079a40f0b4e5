"""The continuous Bernoulli distribution, near logits of 0 where closed forms cancel and far from it."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from making import made, parameters
from oracles import continuous_bernoulli_log_density
from tfvae.families import ContinuousBernoulli
from tfvae.noise import Noise

NEAR_ZERO = [1e-30, 1e-8, 1e-5, 1e-3, 0.009, 0.0199, 0.0201, 0.1, 0.26, 0.299, 0.301]
SIZES = np.array([*NEAR_ZERO, 0.5, 1.0, 3.0, 16.0, 17.0, 36.0, 37.0, 88.0, 89.0, 100.0, 1e4])
LOGITS = np.concatenate([-SIZES[::-1], [0.0], SIZES])
UNIFORM = np.array([2.0**-24, 1e-3, 0.25, 0.5, 0.9, 1 - 2.0**-24])
FAMILY = ContinuousBernoulli((1,))
both_types = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def mean(logits):
    """1/(1 - exp(-s)) - 1/s in float64, by its series where that cancels; good to 1e-13."""
    s = np.where(np.abs(logits) < 0.02, 1.0, logits.astype(np.float64))
    tail = 1 / np.abs(s) - np.exp(-np.abs(s)) / -np.expm1(-np.abs(s))
    series = 0.5 + logits / 12 - logits**3 / 720 + logits**5 / 30240
    return np.where(np.abs(logits) < 0.02, series, np.where(s < 0, tail, 1 - tail))


def distribution(logits):
    return FAMILY.distribution(logits=tf.convert_to_tensor(logits[:, np.newaxis]))


def transform(uniform, logits):
    base = tf.convert_to_tensor(uniform)[..., tf.newaxis]
    return FAMILY.transform(FAMILY.distribution(logits=logits[..., tf.newaxis]), base)[..., 0]


def as_pairs(dtype):
    """Every uniform number with every logit."""
    return (tf.constant(each.ravel(), dtype) for each in np.meshgrid(UNIFORM, LOGITS))


def test_it_integrates_to_one():
    logits = LOGITS[np.abs(LOGITS) <= 100]
    nodes, weights = np.polynomial.legendre.leggauss(12)
    total = np.zeros(len(logits))
    for start, end in itertools.pairwise([0.0, 0.02, 0.1, 0.5, 0.9, 0.98, 1.0]):  # the peak is at 0 or at 1
        x = tf.reshape(start + (end - start) * (nodes + 1) / 2, [-1, 1, 1])
        total += weights @ distribution(logits).prob(x).numpy() * (end - start) / 2
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-9)


@both_types
@pytest.mark.parametrize("x", [0.0, 0.25, 0.5, 1.0])
def test_log_prob_and_its_gradient_are_the_closed_forms_for_every_logit(dtype, x):
    """d log p / ds = x - mean(s)."""
    logits = tf.constant(LOGITS, dtype)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_prob = FAMILY.distribution(logits=logits[:, tf.newaxis]).log_prob(tf.constant([x], dtype))
    exact_logits = np.where(LOGITS == 0, 1e-30, logits.numpy().astype(np.float64))
    tolerance = 1e-13 if dtype == np.float64 else 4e-7
    np.testing.assert_allclose(
        log_prob, continuous_bernoulli_log_density(x, exact_logits), rtol=tolerance, atol=3 * tolerance
    )
    # 1/s - 1/(1 - exp(-s)) loses digits to cancellation just above the smallest logits without a series.
    tolerance = 3e-13 if dtype == np.float64 else 3e-6
    np.testing.assert_allclose(tape.gradient(log_prob, logits), x - mean(logits.numpy()), rtol=0, atol=tolerance)


@both_types
def test_the_mean_is_the_closed_form_for_every_logit(dtype):
    rtol = 3e-13 if dtype == np.float64 else 3e-6
    logits = LOGITS.astype(dtype)
    np.testing.assert_allclose(distribution(logits).mean()[:, 0], mean(logits), rtol=rtol)


def test_the_density_is_zero_outside_the_interval():
    x = tf.constant([[-0.01], [1.01]])
    np.testing.assert_array_equal(FAMILY.distribution(logits=tf.zeros([2, 1])).log_prob(x), [-np.inf, -np.inf])


@both_types
def test_draws_are_the_inverse_of_the_distribution_function_for_every_logit(dtype):
    """x = log(1 + u (exp(s) - 1)) / s."""
    uniform, logits = as_pairs(dtype)
    x = transform(uniform, logits).numpy().astype(np.float64)
    assert np.all((x >= 0) & (x <= 1))
    uniform, logits = (each.numpy().astype(np.float64) for each in (uniform, logits))
    size, far = np.maximum(np.abs(logits), 5), np.where(logits > 0, uniform, 1 - uniform)
    distance = -np.logaddexp(np.log(far), np.log1p(-far) - size) / size
    s = np.where((logits == 0) | (size > 5), 1e-30, logits)
    exact = np.where(size > 5, np.where(logits > 0, 1 - distance, distance), np.log1p(uniform * np.expm1(s)) / s)
    np.testing.assert_allclose(x, exact, rtol=0, atol=1e-14 if dtype == np.float64 else 3e-7)


def test_draws_are_uniform_under_the_distribution_function():
    """TFP's distribution function of a draw gives the uniform number back, in float64."""
    uniform, logits = (each for each in as_pairs(np.float64))
    keep = tf.abs(logits) < 30  # beyond, u is not to be seen in x
    uniform, logits = uniform[keep], logits[keep]
    back = FAMILY.distribution(logits=logits[:, tf.newaxis]).distribution.cdf(transform(uniform, logits)[:, tf.newaxis])
    np.testing.assert_allclose(back[:, 0], uniform, rtol=0, atol=1e-10)


@both_types
def test_gradients_of_draws_are_those_of_the_distribution_function(dtype):
    """dx/du = 1/p(x), and dx/ds = (F(x) m - integral of t p(t) to x) / p(x) with the mean m, by quadrature."""
    uniform, logits = as_pairs(dtype)
    with tf.GradientTape() as tape:
        tape.watch([uniform, logits])
        x = transform(uniform, logits)
    by_uniform, by_logits = tape.gradient(x, [uniform, logits])
    assert np.all(np.isfinite(by_uniform))
    assert np.all(np.isfinite(by_logits))
    keep = (np.abs(logits) < 20) & (logits.numpy() != 0)
    exact_logits, exact_uniform = (each.numpy()[keep].astype(np.float64) for each in (logits, uniform))
    exact_x = transform(tf.constant(exact_uniform), tf.constant(exact_logits)).numpy()
    density = np.exp(continuous_bernoulli_log_density(exact_x, exact_logits))
    np.testing.assert_allclose(by_uniform.numpy()[keep], 1 / density, rtol=1e-9 if dtype == np.float64 else 2e-6)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    t = (nodes[:, np.newaxis] + 1) / 2 * exact_x
    p = np.exp(continuous_bernoulli_log_density(t, exact_logits))
    below = np.sum(weights[:, np.newaxis] / 2 * exact_x * (mean(exact_logits) - t) * p, axis=0)
    np.testing.assert_allclose(
        by_logits.numpy()[keep], below / density, rtol=0, atol=1e-9 if dtype == np.float64 else 3e-6
    )


def test_draws_agree_with_and_without_xla():
    values = parameters(ContinuousBernoulli((3, 5)), 100)

    def draw(logits):
        family = ContinuousBernoulli((3, 5))
        return family.draw(made(family, {"logits": logits}), Noise(0), "x", 4)

    plain, compiled = (tf.function(draw, jit_compile=jit)(values["logits"]) for jit in (False, True))
    np.testing.assert_allclose(plain, compiled, rtol=0, atol=1e-6)
