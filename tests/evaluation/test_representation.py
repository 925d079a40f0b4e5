"""The probes read off what is there, no more, and say how sure they are."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from tfvae.evaluation import linear_probe, nearest_neighbours, silhouette

PROBES = [linear_probe, nearest_neighbours]


def gaussians(size, seed, distance=2.0, dimensions=3):
    """Two classes, N(0, I) and N(distance e_0, I): the best classifier is linear and right with Phi(distance/2)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size)
    means = rng.normal(size=(size, dimensions))
    means[:, 0] += distance * labels
    return means, labels


def test_the_linear_probe_of_two_normals_is_the_best_classifier():
    found = linear_probe(*gaussians(4000, 0), *gaussians(4000, 1))
    best = stats.norm.cdf(1)
    assert abs(found.accuracy - best) < 4 * found.standard_error < 0.03


def test_the_neighbours_of_far_classes_are_their_own():
    found = nearest_neighbours(*gaussians(200, 0, distance=20), *gaussians(100, 1, distance=20))
    assert found == (1.0, 0.0, 100, 200)


def test_one_neighbour_of_two_normals_errs_as_its_asymptotic_risk():
    """Cover and Hart: the error tends to the mean of 2 p (1 - p), p the probability of a class at x."""
    found = nearest_neighbours(*gaussians(4000, 0, dimensions=1), *gaussians(4000, 1, dimensions=1), k=1)
    x = np.linspace(-8, 10, 20001)
    densities = np.stack([stats.norm.pdf(x), stats.norm.pdf(x, 2)]) / 2
    risk = np.sum(2 * densities[0] * densities[1] / densities.sum(axis=0)) * (x[1] - x[0])
    # The training examples vary as well as the test examples, so twice the variance.
    assert abs(found.accuracy - (1 - risk)) < 4 * math.sqrt(2) * found.standard_error < 0.05


@pytest.mark.parametrize("probe", PROBES)
def test_labels_that_have_nothing_to_do_with_the_means_are_guessed(probe):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 2000)
    found = probe(rng.normal(size=(2000, 4)), labels, rng.normal(size=(2000, 4)), rng.permutation(labels))
    assert abs(found.accuracy - 0.1) < 4 * found.standard_error < 0.03


@pytest.mark.parametrize("probe", PROBES)
def test_the_error_is_binomial_and_the_numbers_are_of_the_examples(probe):
    found = probe(*gaussians(300, 0), *gaussians(50, 1))
    assert found.standard_error == pytest.approx(math.sqrt(found.accuracy * (1 - found.accuracy) / 50))
    assert (found.n, found.n_train) == (50, 300)
    assert found.accuracy * 50 == pytest.approx(round(found.accuracy * 50))


def test_units_do_not_matter_to_the_linear_probe():
    (train, train_labels), (test, test_labels) = gaussians(500, 0), gaussians(500, 1)
    scale, shift = np.array([1e-4, 1.0, 1e4]), np.array([0.0, 5.0, -1e5])
    expected = linear_probe(train, train_labels, test, test_labels)
    found = linear_probe(scale * train + shift, train_labels, scale * test + shift, test_labels)
    assert abs(found.accuracy - expected.accuracy) <= 1 / 500


def test_a_dimension_that_never_changes_does_no_harm():
    (train, train_labels), (test, test_labels) = gaussians(500, 0), gaussians(500, 1)
    train[:, 2] = test[:, 2] = 0.1
    assert linear_probe(train, train_labels, test, test_labels).accuracy > 0.8


def test_small_dimensions_hardly_count_among_neighbours():
    """A dimension without use has means near 0; brought to unit variance it would be noise among the distances."""
    (train, train_labels), (test, test_labels) = gaussians(500, 0), gaussians(500, 1)
    rng = np.random.default_rng(2)
    train, unused = [np.concatenate([each, 1e-6 * rng.normal(size=(500, 50))], axis=1) for each in (train, test)]
    found = nearest_neighbours(train, train_labels, unused, test_labels)
    assert found == nearest_neighbours(train[:, :3], train_labels, test, test_labels)


@pytest.mark.parametrize("distance", [0.0, 2.0, 30.0])
def test_the_linear_probe_converges_also_where_classes_are_apart(distance):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linear_probe(*gaussians(1000, 0, distance, 50), *gaussians(10, 1, distance, 50))


def test_the_solver_has_one_thread_and_float64(monkeypatch):
    """One thread does not wait for others on a busy machine."""
    threads, dtypes, fit = [], [], LogisticRegression.fit

    def watched(self, means, *others):
        threads.extend(library["num_threads"] for library in threadpool_info())
        dtypes.append(means.dtype)
        return fit(self, means, *others)

    monkeypatch.setattr(LogisticRegression, "fit", watched)
    means, labels = gaussians(30, 0)
    with threadpool_limits(2):
        linear_probe(np.float32(means), labels, np.float32(means), labels)
    assert set(threads) == {1} and dtypes == [np.float64]


def test_neighbours_are_five_by_default():
    """Three are near and of the class that sorts last, the others far: of five they win, of six they do not."""
    train, labels = np.repeat([0.0, 1.0], [3, 8])[:, np.newaxis], np.repeat([1, 0], [3, 8])
    assert [nearest_neighbours(train, labels, [[0.0]], [1], k).accuracy for k in (5, 6)] == [1, 0]
    assert nearest_neighbours(train, labels, [[0.0]], [1]).accuracy == 1


@pytest.mark.parametrize("probe", PROBES)
def test_labels_may_be_names(probe):
    (train, train_labels), (test, test_labels) = gaussians(300, 0), gaussians(100, 1)
    names = np.array(["no", "yes"])
    found = probe(train, names[train_labels], test, names[test_labels].tolist())
    assert found == probe(train, train_labels, test, test_labels)


@pytest.mark.parametrize("probe", PROBES)
def test_what_does_not_fit_is_refused(probe):
    means, labels = gaussians(30, 0)

    def refused(message, *arguments):
        with pytest.raises(ValueError, match=message):
            probe(*arguments)

    refused(r"^`train_labels` must be one for each mean; received None\.$", means, None, means, labels)
    refused(r"^`test_labels` must be one for each mean; received None\.$", means, labels, means, None)
    refused(r"^`train_labels` must be \[30\], one for each mean; received \(29,\)", means, labels[:-1], means, labels)
    refused(r"^`test_means` must be \[N, D\], .* received shape \(0, 3\)", means, labels, means[:0], [])
    refused(r"^`train_means` must be \[N, D\], .* received shape \(30,\)\.$", means[:, 0], labels, means, labels)
    refused(r"^`test_means` must be finite; some are not\.$", means, labels, np.nan * means, labels)
    refused(r"^Means differ in dimension: 3 in training, 2 in test\.$", means, labels, means[:, :2], labels)
    refused(r"^`train_labels` must be of at least two classes; received one\.$", means, 0 * labels, means, labels)


@pytest.mark.parametrize(
    ("k", "wrong"), [(0, "at least 1"), (31, "at most the number of training examples, 30"), (2.0, "an integer")]
)
def test_neighbours_that_are_not_there_are_refused(k, wrong):
    means, labels = gaussians(30, 0)
    with pytest.raises(ValueError, match=rf"^`k` must be {wrong}; received {k}"):
        nearest_neighbours(means, labels, means, labels, k)


def test_the_silhouette_of_four_points_by_hand():
    """At 0, 1 of one class and 3, 5 of another: a = 1, 1, 2, 2 and b = 4, 3, 2.5, 4.5."""
    expected = np.mean([3 / 4, 2 / 3, 0.5 / 2.5, 2.5 / 4.5])
    assert silhouette([[0.0], [1.0], [3.0], [5.0]], ["a", "a", "b", "b"]) == pytest.approx(expected)


def test_the_silhouette_tells_classes_apart_from_labels_by_chance():
    codes, labels = gaussians(500, 0, distance=50)
    assert silhouette(codes, labels) > 0.9
    assert abs(silhouette(codes, np.random.default_rng(1).permutation(labels))) < 0.02


def test_a_silhouette_needs_classes():
    with pytest.raises(ValueError, match="at least two classes; received one"):
        silhouette([[0.0], [1.0]], [0, 0])
    with pytest.raises(ValueError, match=r"^`labels` must have a class of at least two codes; received one class for"):
        silhouette([[0.0], [1.0]], [0, 1])
