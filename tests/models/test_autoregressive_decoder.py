"""Models with a decoder that sees pixels."""

import numpy as np
import pytest
import tensorflow as tf

import tiny
from tfvae import ConditionalDistribution, NaiveMonteCarlo, callbacks, networks, preprocessing
from tfvae.families import AutoregressiveBernoulli
from tfvae.families.pairs import log_prob_of_pairs
from tfvae.noise import Noise
from tfvae.priors import StandardNormal
from tfvae.serving.answers import Answers
from tfvae.serving.meanings import meaning


def test_what_a_vae_shows_as_the_mean_are_the_probabilities_of_its_draw():
    model = tiny.vae(AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3), preprocess=preprocessing.Binarize())
    (z, draws), (same_z, shown) = (model.sample(20, seed=3, mean=mean) for mean in (False, True))
    np.testing.assert_array_equal(z, same_z)
    noise = Noise(3).uniform("likelihood", 20, tiny.SHAPE)
    np.testing.assert_array_equal(draws, (noise.numpy() < shown.numpy()).astype(np.float32))
    assert len(np.unique(shown[:, 4, 4])) == 20


PICTURES = {
    "samples": lambda folder, raw: callbacks.SampleGrid(folder, n=4),
    "reconstructions": callbacks.ReconstructionGrid,
    "manifold": lambda folder, raw: callbacks.Manifold(folder, n=2),
    "traversals": lambda folder, raw: callbacks.Traversals(folder, raw, dimensions=1, n=3),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_its_means_say_that_they_are_given_a_draw(name, tmp_path):
    model = tiny.vae(AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3), preprocess=preprocessing.Binarize())
    picture = PICTURES[name](tmp_path, tiny.images(4))
    picture.set_model(model)
    figure = picture.figure()
    titles = [text.get_text() for text in (*figure.texts, *(axes.title for axes in figure.axes))]
    assert any("(each pixel given a draw of those before it)" in title for title in titles)


def test_and_so_does_the_card():
    model = tiny.vae(AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3), preprocess=preprocessing.Binarize())
    answers = Answers(model, 1)
    for answer, output in (("decode", "mean"), ("decode", "image"), ("sample", "image"), ("reconstruct", "image")):
        assert "(each pixel given a draw of those before it)" in meaning(answers, answer, output)
    assert model.sample_title(mean=False) == "draws from p(x|z) for z ~ p(z)"


def test_naive_monte_carlo_scores_every_example_under_every_draw():
    decoder = ConditionalDistribution(networks.mlp((8,)), AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3))
    model = NaiveMonteCarlo(decoder, StandardNormal((2,)), preprocessing.Binarize(), draws=5)
    x = np.random.default_rng(1).integers(0, 2, size=(3, *tiny.SHAPE)).astype(np.float32)
    z = np.random.default_rng(0).normal(size=(5, 1, 2)).astype(np.float32)
    pairs = [[float(model.decoder(each).log_prob(x[b : b + 1])[0]) for b in range(3)] for each in z]
    np.testing.assert_allclose(log_prob_of_pairs(model.decoder(z), tf.constant(x)), pairs, rtol=1e-5)
