"""The aggregate posterior of linear-Gaussian models, where it is a normal, and of mixtures that SciPy integrates."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import integrate

import tfvae
from linear_gaussian import linear_vae
from oracles import LinearGaussian, kl_diagonal_normals, kl_full_normals, log_mean_exp, normal_log_density
from tfvae.evaluation import aggregate_posterior, fix, latent_statistics
from tfvae.evaluation.marginals import TooNarrow, marginal_kl
from tfvae.evaluation.pairwise import log_sum_densities
from tfvae.noise import Noise

tfd = tfp.distributions
# Noisy, so that the mutual information is far below log N: about 1.1 nats.
SYSTEM = LinearGaussian.random(data=4, latent=2, sigma=1.5, orthogonal=True)
EXACT = SYSTEM.posterior()
WRONG = EXACT._replace(offset=EXACT.offset + 0.3, covariance=1.5 * EXACT.covariance)
ANY = LinearGaussian.random(data=4, latent=2, sigma=2.0)
X = SYSTEM.draw(23)


def aggregate(system, posterior):
    """Mean and covariance of q(z) for x ~ p(x), and I(x; z) under the encoder."""
    covariance = system.weights @ system.weights.T + system.sigma**2 * np.eye(len(system.bias))
    spread = posterior.slope @ covariance @ posterior.slope.T + posterior.covariance
    information = 0.5 * (np.linalg.slogdet(spread)[1] - np.linalg.slogdet(posterior.covariance)[1])
    return posterior.mean(system.bias), spread, information


def standard_normal(dimensions=1, dtype="float64"):
    return tfd.Independent(tfd.Normal(tf.zeros(dimensions, dtype), tf.ones(dimensions, dtype)), 1)


def image_vae(**changes):
    keras.utils.set_random_seed(0)
    return tfvae.vae((4, 3, 1), 3, "mlp(5)", **changes)


IMAGES = np.random.default_rng(0).integers(0, 256, (23, 4, 3, 1), np.uint8)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("system", "posterior", "full"),
    [(SYSTEM, EXACT, False), (SYSTEM, WRONG, False), (ANY, ANY.posterior(), True)],
    ids=["exact", "wrong", "full covariance"],
)
def test_linear_gaussian_models_have_the_closed_forms(system, posterior, full):
    x = system.draw(4000)
    found = aggregate_posterior(linear_vae(system, posterior, full=full), x)
    mean, covariance, information = aggregate(system, posterior)
    assert found.mutual_information_error < 0.02 and found.kl_error < 0.02
    assert abs(found.mutual_information - information) < 4 * found.mutual_information_error
    kl = kl_full_normals(mean, covariance, np.zeros(2), np.eye(2))
    assert abs(found.kl - kl) < 4 * found.kl_error
    assert found.n == 4000 and found.ceiling == math.log(4000) and not found.saturated


@pytest.mark.usefixtures("float64")
def test_the_estimates_are_those_of_numpy():
    model = linear_vae(SYSTEM, WRONG)
    found = aggregate_posterior(model, X, batch_size=7, seed=4)
    z = np.asarray(model.sample_trace(tf.constant(X), Noise(4), 1).latents[0].z[0])
    stddev = np.sqrt(np.diag(WRONG.covariance))
    pairs = normal_log_density(z, WRONG.mean(X)[:, np.newaxis], stddev).sum(axis=-1)  # [posterior, draw]
    own, log_q, log_p = np.diag(pairs), log_mean_exp(pairs), normal_log_density(z, 0, 1).sum(axis=-1)
    # The draws of a batch of another size agree to 1e-6 only.
    for value, terms in (("mutual_information", own - log_q), ("kl", log_q - log_p)):
        assert getattr(found, value) == pytest.approx(terms.mean(), abs=1e-5)
        assert getattr(found, f"{value}_error") == pytest.approx(terms.std(ddof=1) / math.sqrt(23), abs=1e-5)
    assert found.rate == pytest.approx(np.mean(own - log_p), abs=1e-5)


@pytest.mark.parametrize("full", [False, True])
def test_the_rate_is_split_into_information_and_divergence(full):
    system = ANY if full else SYSTEM
    found = aggregate_posterior(linear_vae(system, full=full), np.float32(system.draw(300)))
    assert found.mutual_information + found.kl == pytest.approx(found.rate, abs=1e-9)
    assert found.mutual_information_error > 0.02  # of draws, as the rate is: not of its closed form


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("full", [False, True])
def test_a_posterior_that_is_the_prior_tells_nothing(full):
    prior = EXACT._replace(slope=0 * EXACT.slope, offset=0 * EXACT.offset, covariance=np.eye(2))
    found = aggregate_posterior(linear_vae(SYSTEM, prior, full=full), X, batch_size=10)
    assert max(abs(found.mutual_information), found.mutual_information_error, abs(found.kl)) < 1e-12
    if not full:
        assert np.abs(found.marginal_kl).max() < 1e-12


@pytest.mark.parametrize("full", [False, True])
def test_posteriors_far_apart_tell_the_example(full):
    far = EXACT._replace(slope=1e3 * EXACT.slope)
    found = aggregate_posterior(linear_vae(SYSTEM, far, full=full), np.float32(X))
    assert found.mutual_information == pytest.approx(math.log(23), abs=1e-4)
    assert found.mutual_information_error < 1e-4
    assert found.saturated and found.ceiling == math.log(23)


def test_saturated_is_within_a_tenth_of_a_nat():
    found = aggregate_posterior(image_vae(), np.float32(IMAGES / 255))
    assert not found._replace(mutual_information=found.ceiling - 0.101).saturated
    assert found._replace(mutual_information=found.ceiling - 0.099).saturated


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 7, 22, 23, 1000])
def test_the_batch_size_does_not_matter(batch_size):
    model = image_vae()
    x = fix(IMAGES, model.preprocess).x
    expected, found = aggregate_posterior(model, x), aggregate_posterior(model, x, batch_size)
    np.testing.assert_allclose(found[:6], expected[:6], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.marginal_kl, expected.marginal_kl, rtol=1e-5, atol=1e-7)
    other = aggregate_posterior(model, x, batch_size, seed=1)
    assert abs(other.rate - expected.rate) > 1e-3  # it would be seen


def test_the_draws_are_those_of_evaluate():
    model = linear_vae(ANY, full=True)  # whose rate is sampled
    x = np.float32(ANY.draw(23))
    assert aggregate_posterior(model, x, 10).rate == pytest.approx(latent_statistics(model, x).total_rate, rel=1e-5)


def test_how_pairs_are_split_up_does_not_matter(monkeypatch):
    model = image_vae()
    x = fix(IMAGES, model.preprocess).x
    expected = aggregate_posterior(model, x)
    monkeypatch.setattr("tfvae.evaluation.pairwise._PAIRS", 100)
    np.testing.assert_allclose(aggregate_posterior(model, x)[:6], expected[:6], rtol=1e-12)


def random_normals(dimensions, batch=5):
    rng = np.random.default_rng(0)
    mean, factor = rng.normal(size=(batch, dimensions)), np.tril(rng.normal(size=(batch, dimensions, dimensions)))
    index = np.arange(dimensions)
    factor[:, index, index] = 0.1 + np.abs(factor[:, index, index])
    return mean, factor


@pytest.mark.parametrize("dimensions", [1, 3, 8])
@pytest.mark.parametrize("kind", ["diagonal", "full", "any", "image of latents"])
def test_sums_of_densities_are_those_of_log_prob(kind, dimensions):
    mean, factor = random_normals(dimensions)
    stddev = np.diagonal(factor, axis1=1, axis2=2)
    shape = (-1, dimensions, 1, 1) if kind == "image of latents" else (-1, dimensions)
    posterior = {
        "diagonal": lambda: tfd.Independent(tfd.Normal(mean, stddev), 1),
        "full": lambda: tfd.MultivariateNormalTriL(mean, factor),
        "any": lambda: tfd.Independent(tfd.Laplace(mean, stddev), 1),
        "image of latents": lambda: tfd.Independent(tfd.Normal(mean.reshape(shape), stddev.reshape(shape)), 3),
    }[kind]()
    z = np.random.default_rng(1).normal(size=(11, dimensions)).reshape(shape)
    expected = log_mean_exp(posterior.log_prob(z[:, np.newaxis]).numpy().T) + math.log(5)
    np.testing.assert_allclose(log_sum_densities(posterior, tf.constant(z)), expected, rtol=1e-10)


def test_narrow_posteriors_cost_no_digits():
    """Half of float32's digits would be lost in the matrix product: (z/s)^2 is 1e7."""
    posterior = tfd.Independent(tfd.Normal(tf.constant([[4.0, -4.0]]), tf.constant([[1 / 1024, 1 / 1024]])), 1)
    z = tf.constant([[4.0, -4.0], [4.0 + 1 / 1024, -4.0]])
    expected = normal_log_density([[0, 0], [1, 0]], 0, 1).sum(axis=1) + 2 * math.log(1024)
    np.testing.assert_allclose(log_sum_densities(posterior, z), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("stddev", [1e-2, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("mean", [0.0, -3.0])
def test_the_quadrature_of_one_normal_is_the_closed_form(mean, stddev):
    (found,) = marginal_kl(np.full((3, 1), mean), np.full((3, 1), stddev), standard_normal())
    assert found == pytest.approx(kl_diagonal_normals(mean, stddev), abs=1e-9)


def test_the_quadrature_is_in_float64():
    mean, stddev = np.float32([[0.1], [0.7]]), np.float32([[0.3], [0.9]])
    expected = marginal_kl(np.float64(mean), np.float64(stddev), standard_normal())
    np.testing.assert_array_equal(marginal_kl(mean, stddev, standard_normal()), expected)


def test_two_normals_far_apart_are_told_apart_by_one_bit():
    mean, stddev = np.array([[-20.0], [30.0]]), np.array([[0.02], [2.0]])
    (found,) = marginal_kl(mean, stddev, standard_normal())
    assert found == pytest.approx(kl_diagonal_normals(mean, stddev).mean() - math.log(2), abs=1e-8)


def test_the_quadrature_of_mixtures_is_scipys():
    rng = np.random.default_rng(0)
    mean, stddev = rng.normal(size=(9, 2)), np.exp(rng.normal(size=(9, 2)) - 1)
    prior = tfd.Independent(tfd.Laplace(np.zeros(2), np.array([1.0, 0.5])), 1)
    found = marginal_kl(mean, stddev, prior)
    for dimension, scale in enumerate((1.0, 0.5)):

        def integrand(z, dimension=dimension, scale=scale):
            log_q = log_mean_exp(normal_log_density(z, mean[:, dimension], stddev[:, dimension]))
            return np.exp(log_q) * (log_q + math.log(2 * scale) + abs(z) / scale)

        expected, error = integrate.quad(integrand, -20, 20, points=[0, *mean[:, dimension]], limit=500, epsabs=1e-9)
        assert error < 1e-7
        assert found[dimension] == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("float64")
def test_the_marginals_of_linear_gaussian_models_are_the_closed_forms():
    x = SYSTEM.draw(4000)
    found = aggregate_posterior(linear_vae(SYSTEM, WRONG), x).marginal_kl
    mean, covariance, _ = aggregate(SYSTEM, WRONG)
    variance = np.diag(covariance)
    # To first order, by the errors of the mean and the variance of 4000 posterior means.
    moved = variance - np.diag(WRONG.covariance)
    error = np.sqrt((mean**2 * moved + 0.25 * (1 - 1 / variance) ** 2 * 2 * moved**2) / 4000)
    assert np.all(error < 0.01)
    np.testing.assert_array_less(np.abs(found - kl_diagonal_normals(mean, np.sqrt(variance))), 4 * error + 1e-3)


def test_latents_that_are_no_vectors_have_their_marginals_in_order():
    mean, stddev = np.random.default_rng(0).normal(size=(4, 6)), np.full((4, 6), 0.5)
    prior = tfd.Independent(tfd.Normal(np.zeros((2, 3, 1)), np.arange(1.0, 7.0).reshape(2, 3, 1)), 3)
    scaled = marginal_kl(mean / np.arange(1, 7), stddev / np.arange(1, 7), standard_normal(6))
    np.testing.assert_allclose(marginal_kl(mean, stddev, prior), scaled, atol=2e-6)


def test_what_the_finest_grid_does_not_resolve_is_refused():
    with pytest.raises(TooNarrow):
        marginal_kl(np.array([[0.0], [100.0]]), np.array([[1e-4], [1.0]]), standard_normal())


def test_the_finest_grid_has_32768_intervals():
    """The error of the rule is exp(-2 (pi stddev / interval)^2): a coarser grid of 1.3 deviations an interval shows it,
    one of 0.8 does not."""
    mean, interval = np.array([[0.0], [100.0]]), 109 / 16384
    with pytest.raises(TooNarrow):
        marginal_kl(mean, np.array([[0.75 * interval], [1.0]]), standard_normal())
    stddev = np.array([[1.25 * interval], [1.0]])
    (found,) = marginal_kl(mean, stddev, standard_normal())
    assert found == pytest.approx(kl_diagonal_normals(mean, stddev).mean() - math.log(2), abs=1e-6)


def test_a_full_covariance_has_no_marginals_and_says_why():
    found = aggregate_posterior(linear_vae(ANY, full=True), np.float32(ANY.draw(5)))
    assert found.marginal_kl is None
    assert found.no_marginals == (
        "Marginals need posteriors of independent normal elements; these are MultivariateNormalTriL."
    )
    assert aggregate_posterior(linear_vae(SYSTEM), np.float32(X)).no_marginals is None


class Mixture(tfvae.priors.Prior):
    """Two normals of vectors: no independent elements."""

    def distribution(self, encoder):
        components = tfd.MultivariateNormalDiag(tf.constant([[-1.0, 0.0], [1.0, 0.0]]), tf.ones((2, 2)))
        return tfd.MixtureSameFamily(tfd.Categorical(probs=[0.5, 0.5]), components)

    def draw(self, encoder, noise, rows):
        raise NotImplementedError


def test_a_prior_that_is_a_mixture_has_no_marginals_but_the_rest():
    model = linear_vae(SYSTEM)
    model.prior = Mixture((2,))
    found = aggregate_posterior(model, np.float32(X))
    assert found.no_marginals == "Marginals need a prior of independent elements; this one is MixtureSameFamily."
    assert found.marginal_kl is None and math.isfinite(found.kl)
    assert found.mutual_information == aggregate_posterior(linear_vae(SYSTEM), np.float32(X)).mutual_information


def test_one_example_has_no_information_and_no_error():
    found = aggregate_posterior(linear_vae(SYSTEM), np.float32(X[:1]))
    assert found.mutual_information == pytest.approx(0, abs=1e-5)
    assert math.isnan(found.mutual_information_error)
    assert math.isfinite(aggregate_posterior(linear_vae(SYSTEM), np.float32(X[:2])).mutual_information_error)


def test_bad_arguments_are_refused():
    model = linear_vae(SYSTEM)
    with pytest.raises(ValueError, match=r"^`x` must hold at least one example; received none\.$"):
        aggregate_posterior(model, X[:0])
    with pytest.raises(ValueError, match=r"^`batch_size` must be at least 1; received 0\.$"):
        aggregate_posterior(model, X, batch_size=0)


def test_a_point_has_no_aggregate():
    model = linear_vae(SYSTEM)
    model.encoder = tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Delta((2,)))
    with pytest.raises(ValueError, match=r"^q\(z\|x\) is a point: "):
        aggregate_posterior(model, X)
