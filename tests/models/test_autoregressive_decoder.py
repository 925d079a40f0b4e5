"""Models with a decoder that sees pixels."""

import numpy as np
import tensorflow as tf
import tiny

from tfvae import ConditionalDistribution, NaiveMonteCarlo, networks, preprocessing
from tfvae.families import AutoregressiveBernoulli
from tfvae.families.pairs import log_prob_of_pairs
from tfvae.noise import Noise
from tfvae.priors import StandardNormal


def test_what_a_vae_shows_as_the_mean_are_the_probabilities_of_its_draw():
    model = tiny.vae(AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3), preprocess=preprocessing.Binarize())
    (z, draws), (same_z, shown) = (model.sample(20, seed=3, mean=mean) for mean in (False, True))
    np.testing.assert_array_equal(z, same_z)
    noise = Noise(3).uniform("likelihood", 20, tiny.SHAPE)
    np.testing.assert_array_equal(draws, (noise.numpy() < shown.numpy()).astype(np.float32))
    assert len(np.unique(shown[:, 4, 4])) == 20


def test_naive_monte_carlo_scores_every_example_under_every_draw():
    decoder = ConditionalDistribution(networks.mlp((8,)), AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3))
    model = NaiveMonteCarlo(decoder, StandardNormal((2,)), preprocessing.Binarize(), draws=5)
    x = np.random.default_rng(1).integers(0, 2, size=(3, *tiny.SHAPE)).astype(np.float32)
    z = np.random.default_rng(0).normal(size=(5, 1, 2)).astype(np.float32)
    pairs = [[float(model.decoder(each).log_prob(x[b : b + 1])[0]) for b in range(3)] for each in z]
    np.testing.assert_allclose(log_prob_of_pairs(model.decoder(z), tf.constant(x)), pairs, rtol=1e-5)
