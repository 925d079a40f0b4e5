"""The kernel distance is an unbiased estimate, its p-value is one, and it is made of draws and digits."""

import itertools
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import tfvae
from tfvae.evaluation import classify, features, fix, two_samples
from tfvae.evaluation.digits import classifier, kernel_distance


def kernel(x, y):
    return (float(np.dot(x, y)) / len(x) + 1) ** 3


def brute_force(a, b):
    """The U-statistic, pair by pair."""
    within = sum(np.mean([kernel(x, y) for x, y in itertools.permutations(each, 2)]) for each in (a, b))
    return within - 2 * np.mean([kernel(x, y) for x, y in itertools.product(a, b)])


def normals(*shape, seed=0, mean=0.0):
    return np.random.default_rng(seed).normal(size=shape) + mean


@pytest.mark.parametrize(("n", "m"), [(2, 2), (7, 5), (3, 9)])
def test_the_distance_is_the_sum_over_pairs(n, m):
    a, b = normals(n, 4), normals(m, 4, seed=1, mean=0.5)
    assert two_samples(a, b, 1).distance == pytest.approx(brute_force(a, b), rel=1e-10)
    assert two_samples(b, a, 1).distance == pytest.approx(two_samples(a, b, 1).distance, rel=1e-10)


def test_rows_of_the_kernel_matrix_at_a_time_change_nothing(monkeypatch):
    a, b = normals(23, 4), normals(18, 4, seed=1)
    expected = two_samples(a, b, 20)
    # The function of that name hides the module.
    monkeypatch.setattr(sys.modules["tfvae.evaluation.digits.kernel_distance"], "_ROWS", 7)
    np.testing.assert_allclose(two_samples(a, b, 20), expected, rtol=1e-10)


def squared_mmd_of_shifted_normals(shift):
    """In one dimension, between N(0, 1) and N(shift, 1).

    (xy + 1)^3 = sum over j of C(3, j) x^j y^j, so MMD^2 = sum over j of C(3, j) (E x^j - E y^j)^2 with the moments
    0, 1, 0 and shift, 1 + shift^2, 3 shift + shift^3.
    """
    return 3 * shift**2 + 3 * shift**4 + (3 * shift + shift**3) ** 2


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_estimate_is_unbiased(shift):
    rng = np.random.default_rng(0)
    found = [
        two_samples(rng.normal(size=(60, 1)), rng.normal(size=(45, 1)) + shift, permutations=1).distance
        for _ in range(400)
    ]
    error = np.std(found) / np.sqrt(400)
    assert error < 0.3
    assert abs(np.mean(found) - squared_mmd_of_shifted_normals(shift)) < 4 * error


def test_p_values_are_uniform_where_there_is_no_difference():
    rng = np.random.default_rng(0)
    values = [
        two_samples(rng.normal(size=(12, 3)), rng.normal(size=(9, 3)), permutations=99, seed=trial).p_value
        for trial in range(300)
    ]
    assert set(np.round(np.array(values) * 100, 6)) <= set(range(1, 101))
    for level in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert abs(np.mean(np.array(values) <= level + 1e-9) - level) < 4 * np.sqrt(level * (1 - level) / 300)


def test_the_null_quantile_is_exceeded_by_one_in_twenty():
    rng = np.random.default_rng(1)
    found = [two_samples(rng.normal(size=(10, 2)), rng.normal(size=(10, 2)), 99, seed) for seed in range(300)]
    share = np.mean([each.distance > each.null_quantile for each in found])
    assert abs(share - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 300)
    assert all((each.distance > each.null_quantile) == (each.p_value <= 0.05 + 1e-9) for each in found)


@pytest.mark.parametrize("permutations", [1, 199])
def test_what_differs_has_the_least_p_value(permutations):
    found = two_samples(normals(30, 3), normals(30, 3, seed=1, mean=2.0), permutations)
    assert found.p_value == 1 / (permutations + 1)
    assert found.distance > found.null_quantile
    assert found.permutations == permutations


def test_equal_examples_have_the_p_value_one():
    same = np.ones((6, 2))
    found = two_samples(same, same, 50)
    assert found.p_value == 1
    assert abs(found.distance) < 1e-12


def test_permutations_come_from_the_seed():
    a, b = normals(10, 2), normals(10, 2, seed=1)
    one, same, other = two_samples(a, b, 50), two_samples(a, b, 50), two_samples(a, b, 50, seed=1)
    assert one == same
    assert one.distance == other.distance and one.null_quantile != other.null_quantile


@pytest.mark.parametrize(("a", "b"), [((1, 2), (5, 2)), ((5, 2), (5, 3)), ((5,), (5, 2))])
def test_samples_that_do_not_fit_are_refused(a, b):
    with pytest.raises(ValueError, match=r"^Samples must be \[N, d\] and \[M, d\], N and M at least 2; received \("):
        two_samples(np.zeros(a), np.zeros(b))


def test_no_permutations_are_refused():
    with pytest.raises(ValueError, match=r"^`permutations` must be at least 1; received 0\.$"):
        two_samples(np.zeros((3, 2)), np.zeros((3, 2)), 0)


@pytest.fixture(scope="module")
def digits():
    data = tfvae.datasets.load("mnist")
    return (data.train.images[:1000] / 255).astype("float32"), (data.test.images[:1000] / 255).astype("float32")


class Fake:
    """A model whose draws are given."""

    data_shape = (28, 28, 1)
    preprocess = SimpleNamespace(grey=lambda x: x)

    def __init__(self, draws):
        self.draws = draws

    def sample(self, n, seed=0):
        return np.zeros((n, 2)), self.draws(n, np.random.default_rng(seed))


def test_features_are_what_the_last_layer_sees(digits):
    found = features(digits[1][:50])
    assert found.shape == (50, 1600) and found.dtype == np.float32 and found.min() >= 0
    weights, bias = classifier._trained().layers[-1].get_weights()
    logits = found @ weights + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classify(digits[1][:50]), expected, atol=1e-5)
    assert features(digits[1][:0]).shape == (0, 1600)


def test_features_clip_and_refuse_as_classify_does(digits):
    images = digits[1][:5]
    np.testing.assert_array_equal(features(np.where(images == 0, -3, images)), features(images))
    with pytest.raises(ValueError, match=r"^`images` must be floats of shape \(N, 28, 28, 1\); received uint8"):
        features(np.zeros((2, 28, 28, 1), "uint8"))


def test_draws_of_the_data_themselves_are_not_told_apart(digits):
    # All from the test images: the first training images are by other hands, and are told apart from them.
    train, test = digits[1][::2], digits[1][1::2]
    found = kernel_distance(Fake(lambda n, rng: train[rng.permutation(500)[:n]]), train, test, n=300, permutations=200)
    assert found.n == 300
    assert found.model.p_value > 0.01 and found.baseline.p_value > 0.01


def test_what_are_no_digits_are_far(digits):
    train, test = digits
    found = kernel_distance(Fake(lambda n, rng: rng.random((n, 28, 28, 1))), train, test, n=200, permutations=100)
    assert found.model.p_value == 1 / 101
    assert found.model.distance > 10 * abs(found.baseline.distance)


def test_a_model_of_one_digit_is_told_from_all_ten(digits):
    train, test = digits
    found = kernel_distance(Fake(lambda n, rng: train[:200][np.arange(n) % 3]), train, test, n=200, permutations=100)
    assert found.model.p_value == 1 / 101


def test_draws_of_a_model_are_compared_as_it_sees_images():
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Normal((2,))),
        decoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Bernoulli((28, 28, 1))),
        prior=tfvae.priors.StandardNormal((2,)),
        preprocess=tfvae.preprocessing.Binarize(),
    )
    data = tfvae.datasets.load("mnist")
    train, test = (fix(split.images[:60], model.preprocess).x for split in (data.train, data.test))
    one, same, other = (kernel_distance(model, train, test, 50, 20, seed) for seed in (0, 0, 1))
    assert one == same
    assert one.model.distance != other.model.distance and one.baseline.distance != other.baseline.distance
    draws = np.asarray(model.sample(60, seed=0)[1])
    assert set(np.unique(draws)) == {0, 1}  # draws, not means
    # All 60 images on both sides, in whatever order, and those draws.
    expected = two_samples(features(draws), features(test), 1).distance
    assert kernel_distance(model, train, test, 60, 1).model.distance == pytest.approx(expected, rel=1e-6)


def test_grey_values_are_what_is_compared(digits):
    train, test = digits
    grey, levels = Fake(lambda n, rng: train[-n:]), Fake(lambda n, rng: 255 * train[-n:])
    levels.preprocess = tfvae.preprocessing.Levels()
    expected = kernel_distance(grey, train, test, 50, 1)
    found = kernel_distance(levels, 255 * train, 255 * test, 50, 1)
    assert found.model.distance == pytest.approx(expected.model.distance, rel=1e-4)
    assert found.baseline.distance == pytest.approx(expected.baseline.distance, rel=1e-4)


def test_bad_arguments_are_refused(digits):
    train, test = digits
    model = Fake(lambda n, rng: np.full((n, 28, 28, 1), np.nan))
    with pytest.raises(ValueError, match=r"^The model's draws must be finite; some are not\.$"):
        kernel_distance(model, train, test, 10)
    for n, wrong in (
        (1, "at least 2"), (901, "at most the number of images on either side, 900"), (10.0, "an integer"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=rf"^`n` must be {wrong}; received {n}\.$"):
            kernel_distance(model, train, test[:900], n)
    model.data_shape = (32, 32, 3)
    with pytest.raises(ValueError, match=r"^The kernel distance is one of digits, \(28, 28, 1\); `model` is of"):
        kernel_distance(model, train, test)
