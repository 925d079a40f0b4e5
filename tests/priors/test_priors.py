"""The standard normal prior, its draws and its configuration."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from oracles import normal_log_density
from tfvae.noise import Noise
from tfvae.priors import StandardNormal

every_shape = pytest.mark.parametrize("event_shape", [(1,), (5,), (2, 3)], ids=str)


@every_shape
def test_log_prob_is_that_of_the_whole_latent(float64, event_shape):
    prior = StandardNormal(event_shape).distribution(encoder=None)
    z = 3 * np.random.default_rng(0).normal(size=(4, 2, *event_shape))
    assert (prior.batch_shape, prior.event_shape, prior.dtype) == ((), event_shape, tf.float64)
    expected = normal_log_density(z, 0, 1).reshape(4, 2, -1).sum(axis=-1)
    np.testing.assert_allclose(prior.log_prob(z), expected, rtol=1e-13)


@every_shape
def test_draws_are_the_noise_of_the_stream_prior_and_the_first_of_more_are_those_of_fewer(event_shape):
    prior = StandardNormal(event_shape)
    draws = prior.draw(None, Noise(3), 7)
    assert draws.dtype == tf.float32
    np.testing.assert_array_equal(draws, Noise(3).normal("prior", 7, event_shape))
    np.testing.assert_array_equal(prior.draw(None, Noise(3), 4), draws[:4])


def test_draws_in_float64_are_those_in_float32(float64):
    draws = StandardNormal((5,)).draw(None, Noise(3), 7)
    assert draws.dtype == tf.float64
    np.testing.assert_array_equal(draws, np.float64(Noise(3).normal("prior", 7, (5,))))


def test_it_has_nothing_to_train():
    prior = StandardNormal((5,))
    prior.distribution(None)
    assert prior.variables == []


def test_config_survives_json():
    prior = StandardNormal((2, 3), name="standard")
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(prior))))
    assert (type(again), again.event_shape, again.name) == (StandardNormal, (2, 3), "standard")
