"""The numbers of a latent: log densities, their gradients and the KL divergence of each dimension."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from oracles import kl_diagonal_normals, kl_full_normals, normal_log_density
from tfvae.trace import latent

tfd = tfp.distributions
S, B = 3, 4
every_shape = pytest.mark.parametrize("event_shape", [(1,), (5,), (2, 3)], ids=str)


def normal(*shape, event_rank=1, seed=0):
    """A diagonal normal in float64 over the last `event_rank` axes, and its means and deviations."""
    rng = np.random.default_rng(seed)
    mean, stddev = rng.normal(size=shape), rng.uniform(0.2, 2, size=shape)
    distribution = tfd.Normal(tf.constant(mean), tf.constant(stddev))
    return tfd.Independent(distribution, event_rank), mean, stddev


def draws(*event_shape):
    return tf.constant(np.random.default_rng(9).normal(size=(S, B, *event_shape)))


def total(values):
    return values.reshape(*values.shape[:2], -1).sum(axis=-1)


@every_shape
@pytest.mark.parametrize("of_the_prior", [(), (B,), (S, B)], ids=["prior[]", "prior[B]", "prior[S,B]"])
def test_all_numbers_are_those_of_diagonal_normals(event_shape, of_the_prior):
    q, q_mean, q_stddev = normal(B, *event_shape, event_rank=len(event_shape))
    p, p_mean, p_stddev = normal(*of_the_prior, *event_shape, event_rank=len(event_shape), seed=1)
    z = draws(*event_shape)
    found = latent(z, q, p)
    assert found.z is z
    np.testing.assert_allclose(found.log_q, total(normal_log_density(z, q_mean, q_stddev)), rtol=1e-13)
    np.testing.assert_array_equal(found.log_q_stopped, found.log_q)
    np.testing.assert_allclose(found.log_p, total(normal_log_density(z, p_mean, p_stddev)), rtol=1e-13)
    kl = kl_diagonal_normals(q_mean, q_stddev, p_mean, p_stddev)
    if of_the_prior == (S, B):
        kl = kl.mean(axis=0)  # an average over samples, as all numbers `[B, D]` are
    np.testing.assert_allclose(found.kl, kl.reshape(B, -1), rtol=1e-12)


def test_log_q_stopped_has_a_gradient_through_z_and_none_through_the_parameters():
    _, mean, stddev = normal(B, 5)
    mean, stddev, epsilon = tf.constant(mean), tf.constant(stddev), draws(5)
    prior, _, _ = normal(5, seed=1)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([mean, stddev])
        z = mean + stddev * epsilon
        drawn = latent(z, tfd.Independent(tfd.Normal(mean, stddev), 1), prior)
        given = latent(tf.stop_gradient(z), tfd.Independent(tfd.Normal(mean, stddev), 1), prior)
    # Through z alone: d log q / dz = -epsilon / stddev, dz/dmean = 1, dz/dstddev = epsilon.
    np.testing.assert_allclose(tape.gradient(drawn.log_q_stopped, mean), -np.sum(epsilon / stddev, 0), rtol=1e-12)
    np.testing.assert_allclose(tape.gradient(drawn.log_q_stopped, stddev), -np.sum(epsilon**2 / stddev, 0), rtol=1e-12)
    # Through both: log q(mean + stddev epsilon) = -log stddev + constant.
    np.testing.assert_allclose(tape.gradient(drawn.log_q, mean), np.zeros((B, 5)), atol=1e-12)
    np.testing.assert_allclose(tape.gradient(drawn.log_q, stddev), -S / stddev, rtol=1e-11)
    assert tape.gradient(given.log_q_stopped, [mean, stddev]) == [None, None]
    assert np.all(tape.gradient(given.log_q, stddev) != 0)


def full_normal():
    factor = np.float64([[1, 0, 0], [0.5, 2, 0], [-1, 0.3, 0.7]])
    mean = np.random.default_rng(0).normal(size=(B, 3))
    return tfd.MultivariateNormalTriL(tf.constant(mean), tf.constant(factor)), mean, factor @ factor.T


def test_log_q_stopped_of_a_full_normal_is_log_q_without_gradient():
    factor = tf.eye(3, batch_shape=[B], dtype=tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(factor)
        q = tfd.MultivariateNormalTriL(tf.zeros([B, 3], tf.float64), factor)
        found = latent(draws(3), q, normal(3)[0])
    np.testing.assert_array_equal(found.log_q_stopped, found.log_q)
    assert tape.gradient(found.log_q_stopped, factor) is None


def test_a_closed_form_that_does_not_split_into_dimensions_has_one_column():
    q, mean, covariance = full_normal()
    p = tfd.MultivariateNormalTriL(tf.zeros(3, tf.float64), tf.eye(3, dtype=tf.float64))
    expected = kl_full_normals(mean, covariance, np.zeros(3), np.eye(3))
    np.testing.assert_allclose(latent(draws(3), q, p).kl, expected[:, np.newaxis], rtol=1e-12)


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [
        (full_normal()[0], normal(3)[0]),
        (normal(B, 3)[0], tfd.Independent(tfd.Laplace(tf.zeros(3, tf.float64), tf.ones(3, tf.float64)), 1)),
    ],
    ids=["full-diagonal", "normal-laplace"],
)
def test_pairs_without_a_closed_form_have_none(posterior, prior):
    found = latent(draws(3), posterior, prior)
    assert found.kl is None
    assert found.log_q.shape == found.log_p.shape == (S, B)
