"""Agreement of clusters and labels: closed forms, and what it does not depend on."""

import itertools

import numpy as np
import pytest

import tiny
from tfvae import families, networks, preprocessing
from tfvae.conditional import ConditionalDistribution
from tfvae.evaluation import clustering
from tfvae.models import VAE, Density
from tfvae.objectives import ELBO
from tfvae.priors import MixtureOfNormals, StandardNormal

RNG = np.random.default_rng(0)


def entropy(counts):
    shares = np.ravel(counts) / np.sum(counts)
    return -np.sum(shares[shares > 0] * np.log(shares[shares > 0]))


def test_names_do_not_matter():
    labels = RNG.integers(0, 5, 200)
    found = clustering(np.array([7, 3, 100, 0, 2])[labels], np.array(list("abcde"))[labels])
    assert found == (1.0, pytest.approx(1.0), 5)


@pytest.mark.parametrize("number", [2, 3, 5])
def test_both_figures_are_those_of_the_table_of_counts(number):
    clusters, labels = RNG.integers(0, number, 300), RNG.integers(0, 3, 300)
    clusters = np.where(RNG.uniform(size=300) < 0.5, labels % number, clusters)
    counts = np.array([[np.sum((clusters == c) & (labels == k)) for k in range(3)] for c in range(number)])
    square = np.pad(counts, [(0, max(0, 3 - number)), (0, max(0, number - 3))])
    best = max(sum(square[c, k] for c, k in enumerate(order)) for order in itertools.permutations(range(len(square))))
    ends = entropy(counts.sum(axis=0)), entropy(counts.sum(axis=1))
    found = clustering(clusters, labels)
    assert found.accuracy == pytest.approx(best / 300, abs=1e-12)
    assert found.normalised_mutual_information == pytest.approx((sum(ends) - entropy(counts)) / np.mean(ends), abs=1e-9)
    assert found.used == number


@pytest.mark.parametrize(("clusters", "labels"), [([], []), ([0, 1], [0]), ([[0], [1]], [[0], [1]])])
def test_one_of_each_for_every_example(clusters, labels):
    with pytest.raises(ValueError, match=r"`clusters` and `labels` must be one of each for every example; received sh"):
        clustering(clusters, labels)


def separate(shape):
    """A mixture whose two components are far from one another: at 0 and at 1."""
    layer = MixtureOfNormals(shape, 2, min_scale=0.1)
    layer.weights[1].assign(np.stack([np.zeros(np.prod(shape)), np.ones(np.prod(shape))]))
    return layer


def test_the_clusters_of_a_density_are_its_components():
    model = Density(separate((2, 2, 1)), preprocessing.Rescale())
    images = np.stack([np.full((2, 2, 1), value, np.float32) for value in (0.1, 0.9, 0.2, 1.0)])
    assert "clusters" not in model.lacks
    np.testing.assert_array_equal(model.clusters(images), [0, 1, 0, 1])


def vae(prior):
    encoder = ConditionalDistribution(networks.mlp((4,)), families.Normal((2,)))
    decoder = ConditionalDistribution(networks.mlp((4,)), families.Normal((8, 8, 1)))
    return VAE(encoder, decoder, prior, preprocessing.Rescale(), ELBO(analytic_kl=False))


def test_the_clusters_of_a_mixture_prior_are_those_of_the_posterior_means():
    model, x = vae(separate((2,))), tiny.images(30).astype("float32") / 255
    means = model.posterior(x).mean()
    assert "clusters" not in model.lacks
    np.testing.assert_array_equal(model.clusters(x), np.argmax(model.prior.responsibilities(means), axis=1))


@pytest.mark.parametrize(
    "model", [vae(StandardNormal((2,))), Density(StandardNormal((8, 8, 1)), preprocessing.Rescale())]
)
def test_without_a_mixture_there_are_none_and_it_says_so(model):
    assert model.lacks["clusters"] == "The model has no mixture, whose components would be clusters."
    with pytest.raises(NotImplementedError, match="no mixture"):
        model.clusters(tiny.images(3))
