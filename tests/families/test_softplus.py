"""The fast softplus against NumPy's in float64, and the Bernoulli that is made of it against TFP's."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import special

from tfvae import families
from tfvae._support.softplus import softplus

X = np.concatenate([np.linspace(-80, 80, 100_001), np.geomspace(1e-12, 1, 100), -np.geomspace(1e-12, 1, 100), [0]])


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-7), ("float64", 1e-15)])
def test_value_and_gradient(dtype, tolerance, jit_compile):
    x = tf.constant(X, dtype)

    @tf.function(jit_compile=jit_compile)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = softplus(x)
        return value, tape.gradient(value, x)

    value, gradient = both(x)
    exact = x.numpy().astype("float64")
    np.testing.assert_allclose(value, np.logaddexp(0, exact), rtol=tolerance)
    # Where it is nearly 1 - e, an error of the last digit of e counts for little; where it is nearly e, for all.
    np.testing.assert_allclose(gradient, special.expit(exact), rtol=4 * tolerance)


def test_far_out_it_is_linear_or_nothing():
    np.testing.assert_array_equal(
        softplus(tf.constant([2.0**99, -(2.0**99), np.inf, -np.inf])), [2.0**99, 0, np.inf, 0]
    )


@pytest.mark.parametrize("x", [0.0, 1.0, 0.3])
def test_the_bernoulli_is_that_of_tfp(x):
    logits = tf.constant(np.concatenate([np.linspace(-40, 40, 4001), [0]])[:, np.newaxis], "float32")
    ours = families.Bernoulli((1,)).distribution(logits=logits)
    tfps = tfp.distributions.Bernoulli(logits=tf.cast(logits, "float64"), dtype=tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_prob = ours.log_prob([x])
    exact = tfps.log_prob(tf.constant(x, tf.float64))[:, 0]
    # Relative: the log of a probability near 1 is small, and must not be the difference of two large numbers.
    np.testing.assert_allclose(log_prob, exact, rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(log_prob, logits)[:, 0], x - special.expit(logits.numpy()[:, 0].astype("float64")), atol=3e-7
    )
