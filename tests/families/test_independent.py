"""The flat sum over an example's elements against TFP's, for parameters of every shape that broadcasts."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.families.independent import Independent

tfd = tfp.distributions
EVENT = (4, 3, 2)


def numbers(*shape):
    return tf.constant(np.random.default_rng(len(shape)).uniform(0.5, 2, shape), tf.float64)


@pytest.mark.parametrize("x", [(5, *EVENT), EVENT, (7, 5, *EVENT)], ids=str)
@pytest.mark.parametrize("scale", [(), (1,), (5, 1, 1, 1), (2,), (1, 3, 1), (5, *EVENT), EVENT], ids=str)
def test_log_prob_is_that_of_tfp(x, scale):
    loc, scale, x = numbers(5, *EVENT), numbers(*scale), numbers(*x)
    outcomes = []
    for kind in (Independent, tfd.Independent):
        with tf.GradientTape() as tape:
            tape.watch([loc, scale, x])
            log_prob = kind(tfd.Normal(loc, scale), 3).log_prob(x)
        outcomes.append([log_prob, *tape.gradient(log_prob, [loc, scale, x])])
    for ours, tfps in zip(*outcomes, strict=True):
        assert ours.shape == tfps.shape
        np.testing.assert_allclose(ours, tfps, rtol=1e-12)


def test_batches_of_a_size_that_is_known_only_later():
    @tf.function(input_signature=[tf.TensorSpec((None, None, *EVENT), tf.float64)])
    def log_prob(loc):
        return Independent(tfd.Normal(loc, tf.constant(1.0, tf.float64)), 3).log_prob(numbers(*EVENT))

    assert log_prob(numbers(2, 5, *EVENT)).shape == (2, 5)


def test_elements_with_an_axis_of_their_own_and_vectors():
    logits = numbers(5, *EVENT, 6)
    levels = tf.ones((5, *EVENT), tf.int32)
    np.testing.assert_allclose(
        Independent(tfd.Categorical(logits), 3).log_prob(levels),
        tfd.Independent(tfd.Categorical(logits), 3).log_prob(levels),
    )
    vectors = tfd.Normal(numbers(5, 3), numbers(3))
    np.testing.assert_array_equal(
        Independent(vectors, 1).log_prob(numbers(5, 3)), tfd.Independent(vectors, 1).log_prob(numbers(5, 3))
    )


def test_it_is_one_of_tfps_with_a_closed_form_kl():
    one, other = (
        Independent(tfd.Normal(numbers(5, 3), numbers()), 1),
        tfd.Independent(tfd.Normal(numbers(3), numbers(1)), 1),
    )
    assert isinstance(one, tfd.Independent)
    assert tfd.kl_divergence(one, other).shape == (5,)
