"""The VAE against models whose evidence, posterior, ELBO and gradients are known, in float64."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from linear_gaussian import linear_vae, set_decoder, set_posterior
from oracles import AffineNormal, LinearGaussian, softplus_inverse
from tfvae import families
from tfvae.noise import Noise
from tfvae.objectives import importance_weighted_bound, log_weights

pytestmark = pytest.mark.usefixtures("float64")

BOTH = pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full covariance"])
SYSTEM = {full: LinearGaussian.random(orthogonal=not full, seed=3) for full in (False, True)}
WRONG = AffineNormal(
    slope=0.1 * np.arange(18.0).reshape(3, 6) - 0.8,
    offset=np.array([0.3, -0.2, 0.5]),
    covariance=np.diag([0.3, 1.2, 0.05]) ** 2,
)


class Cubature:
    """2 D points with the mean and covariance of N(0, I): averages over them are exact for quadratic functions.

    Stands in for `Noise`. Every term of a linear-Gaussian ELBO is quadratic in the noise, so nothing is left to chance.
    """

    def normal(self, stream, rows, shape, sample_size=None):
        (size,) = shape
        assert sample_size == 2 * size
        points = np.sqrt(size) * np.concatenate([np.eye(size), -np.eye(size)])
        return tf.repeat(tf.constant(points)[:, tf.newaxis], rows, axis=1)


def exact_scores(model, x, analytic):
    """The scores of the x `[B, P]`, their expectation over the noise taken exactly."""
    trace = model.sample_trace(tf.constant(x), Cubature(), 2 * model.prior.event_shape[0])
    return tfvae.ELBO(analytic_kl=analytic)(trace)


@pytest.mark.parametrize("sample_size", [1, 3, 8])
@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("decoder_scale", ["fixed", "pixel", "image", "shared"])
@BOTH
def test_with_the_exact_posterior_every_log_weight_is_the_evidence(full, decoder_scale, seed, sample_size):
    system = SYSTEM[full]
    x = system.draw(5)
    model = linear_vae(system, full=full, decoder_scale=decoder_scale)
    trace = model.sample_trace(tf.constant(x), Noise(seed, step=seed), sample_size)
    assert np.ptp(trace.latents[0].z, axis=1).min() > 0.1  # the draws do differ
    evidence = np.broadcast_to(system.log_evidence(x), (sample_size, 5))
    np.testing.assert_allclose(log_weights(trace), evidence, rtol=1e-10)
    for objective in (tfvae.ImportanceWeighted(sample_size), tfvae.ELBO(analytic_kl=False)):
        scores = objective(trace)
        np.testing.assert_allclose(-scores.loss, evidence[0], rtol=1e-10)
        np.testing.assert_allclose(scores.elbo, evidence[0], rtol=1e-10)


@pytest.mark.parametrize(("full", "analytic"), [(False, True), (False, False), (True, False)])
def test_with_a_wrong_posterior_the_elbo_misses_the_evidence_by_the_kl_divergence(full, analytic):
    system = SYSTEM[full]
    x = system.draw(5)
    scores = exact_scores(linear_vae(system, WRONG, full=full), x, analytic)
    np.testing.assert_allclose(system.log_evidence(x) - scores.elbo, system.gap(x, WRONG), rtol=1e-10)
    np.testing.assert_allclose(scores.rate, system.rate(x, WRONG), rtol=1e-10)
    np.testing.assert_allclose(scores.distortion, system.distortion(x, WRONG), rtol=1e-10)


def sampled_trace(system, posterior, x, sample_size, full=False):
    """A trace of 5,000 independent rows of one x `[P]`, with the package's own noise."""
    rows = tf.constant(np.repeat(x[np.newaxis], 5000, axis=0))
    return linear_vae(system, posterior, full=full).sample_trace(rows, Noise(1), sample_size)


def mean_and_error(values):
    values = np.asarray(values)
    return values.mean(), values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("sample_size", [1, 4])
@BOTH
def test_the_packages_noise_has_these_expectations(full, sample_size):
    system = SYSTEM[full]
    (x,) = system.draw(1)
    scores = tfvae.ELBO(analytic_kl=False)(sampled_trace(system, WRONG, x, sample_size, full))
    elbo = system.log_evidence(x) - system.gap(x, WRONG)
    truths = (elbo, system.distortion(x, WRONG), system.rate(x, WRONG))
    for values, truth in zip((scores.elbo, scores.distortion, scores.rate), truths, strict=True):
        mean, error = mean_and_error(values)
        assert error < 0.02 * abs(truth)
        assert abs(mean - truth) <= 4 * error


def test_the_bounds_are_ordered():
    system, near = SYSTEM[False], SYSTEM[False].posterior()
    near = near._replace(covariance=4 * near.covariance)
    (x,) = system.draw(1)
    log_w = log_weights(sampled_trace(system, near, x, 50))
    bounds = [importance_weighted_bound(log_w[:size]) for size in (1, 5, 50)] + [system.log_evidence(x)]
    for lower, higher in itertools.pairwise(bounds):
        difference, error = mean_and_error(np.asarray(higher) - lower)
        assert difference > 4 * error


def gradients(model, x, analytic=True):
    """Of the mean loss: the encoder's, then the decoder's free scale (if it has one), kernel and bias."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(exact_scores(model, x, analytic).loss)
    return [np.asarray(each) for each in tape.gradient(loss, [v.value for v in model.trainable_variables])]


@BOTH
def test_at_the_exact_posterior_the_decoders_gradient_is_the_evidences_and_the_encoders_vanishes(full):
    system = SYSTEM[full]
    x = system.draw(5)
    *encoders, kernel, bias = gradients(linear_vae(system, full=full), x, analytic=not full)
    assert len(encoders) == (4 if full else 2)
    for each in encoders:
        np.testing.assert_allclose(each, 0, atol=1e-10)
    # log N(x; b, C), C = W W' + sigma^2 I: with s = C^-1 (x - b) the slopes are s for b and (s s' - C^-1) W for W.
    precision = np.linalg.inv(system.weights @ system.weights.T + system.sigma**2 * np.eye(6))
    score = (x - system.bias) @ precision
    np.testing.assert_allclose(bias, -score.mean(axis=0), atol=1e-10)
    slope = (score.T @ score / len(x) - precision) @ system.weights
    np.testing.assert_allclose(kernel, -slope.T, atol=1e-10)


def test_the_encoders_gradient_at_a_wrong_posterior():
    """With m and s the posterior's mean and standard deviation, r = x - W m - b and v = sigma^2:

    the loss |r|^2 / 2v + sum_d (W'W)_dd s_d^2 / 2v + KL has the slopes m - W'r / v and s (1 + (W'W)_dd / v) - 1 / s.
    """
    system = SYSTEM[False]
    x, variance = system.draw(5), SYSTEM[False].sigma ** 2
    model = linear_vae(system, WRONG)
    kernel, bias, *_ = gradients(model, x)
    mean, stddev = WRONG.mean(x), np.sqrt(np.diag(WRONG.covariance))
    of_mean = mean - (x - mean @ system.weights.T - system.bias) @ system.weights / variance
    of_stddev = stddev * (1 + np.sum(system.weights**2, axis=0) / variance) - 1 / stddev
    raw = softplus_inverse(stddev - model.encoder.family.min_scale)
    of_raw = np.broadcast_to(of_stddev / (1 + np.exp(-raw)), mean.shape)  # the slope of softplus is the logistic
    outputs = np.concatenate([of_mean, of_raw], axis=1) / len(x)
    np.testing.assert_allclose(kernel, x.T @ outputs, atol=1e-10)
    np.testing.assert_allclose(bias, outputs.sum(axis=0), atol=1e-10)


def test_the_gradient_vanishes_at_the_datas_maximum_likelihood():
    """Probabilistic principal components (Tipping and Bishop 1999): eigenvectors, and the mean of what is left out."""
    x, latent = LinearGaussian.random(seed=5).draw(50), 3
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    variance = values[:-latent].mean()
    weights = vectors[:, -latent:] * np.sqrt(values[-latent:] - variance)
    best = LinearGaussian(weights, x.mean(axis=0), np.sqrt(variance))
    model = linear_vae(best, decoder_scale="shared")
    at_best = gradients(model, x)
    assert len(at_best) == 5
    for each in at_best:
        np.testing.assert_allclose(each, 0, atol=1e-9)
    beside = best._replace(bias=best.bias + 0.01)
    set_decoder(model, beside)
    set_posterior(model, beside.posterior())
    assert max(np.abs(each).max() for each in gradients(model, x)) > 1e-3


ORDER = np.array([3, 0, 5, 1, 4, 2])


class Permuted(Noise):
    """Noise whose rows come in another order; its normal numbers are made of its uniform ones."""

    def uniform(self, stream, rows, shape, sample_size=None):
        numbers = super().uniform(stream, rows, shape, sample_size)
        return tf.gather(numbers, ORDER, axis=0 if sample_size is None else 1)


@pytest.mark.parametrize(
    "make",
    [
        tiny.vae,
        tiny.bernoulli_vae,
        lambda: tiny.vae(kind="conv", likelihood=families.Normal(tiny.SHAPE, scale="image")),
        lambda: tiny.vae(posterior=families.FullNormal((2,))),
    ],
    ids=["dense", "Bernoulli", "convolutional", "full covariance"],
)
def test_a_permuted_batch_has_permuted_terms(make):
    model, raw, objective = make(), tiny.images(6), tfvae.ImportanceWeighted(3)
    scores = objective(model.sample_trace(tf.constant(raw), Noise(2), 3))
    permuted = objective(model.sample_trace(tf.constant(raw[ORDER]), Permuted(2), 3))
    for name in ("loss", "elbo", "distortion", "rate"):
        one, other = getattr(scores, name), getattr(permuted, name)
        np.testing.assert_allclose(other, np.asarray(one)[ORDER], rtol=1e-12)
