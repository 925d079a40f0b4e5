"""The streamed log-likelihood: exact where the posterior is, rising towards the evidence where it is not."""

import keras
import numpy as np
import pytest

import tfvae
from linear_gaussian import linear_vae
from oracles import LinearGaussian, log_mean_exp
from tfvae.evaluation import log_likelihood
from tfvae.likelihood import estimate as likelihood
from tfvae.likelihood import log_weights as log_weights_module
from tfvae.noise import Noise
from tfvae.objectives import log_weights

pytestmark = pytest.mark.usefixtures("float64")
ANY = LinearGaussian.random()
ORTHOGONAL = LinearGaussian.random(orthogonal=True)
X = ANY.draw(7)
EXACT = ANY.posterior()
WRONG = EXACT._replace(offset=EXACT.offset + 0.1, covariance=1.5 * EXACT.covariance)
NOISE_ROUNDING = 1e-7  # of the float32 noise: a draw at another address is off by 1e-2


@pytest.mark.parametrize(("sample_size", "seed"), [(1, 0), (1, 5), (3, 1), (50, 0), (120, 2)])
def test_with_the_exact_posterior_it_is_the_evidence_for_any_number_of_samples(sample_size, seed):
    found = log_likelihood(linear_vae(ANY, full=True), X, sample_size, seed)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, ANY.log_evidence(X), rtol=1e-12)


@pytest.mark.parametrize("decoder_scale", ["fixed", "pixel", "image", "shared"])
def test_wherever_the_decoder_has_its_scale_from(decoder_scale):
    model, x = linear_vae(ORTHOGONAL, decoder_scale=decoder_scale), ORTHOGONAL.draw(4)
    np.testing.assert_allclose(model.log_likelihood(x, 2), ORTHOGONAL.log_evidence(x), rtol=1e-12)


def test_with_one_latent_dimension_and_one_of_data():
    system = LinearGaussian.random(data=1, latent=1)
    x = system.draw(5)
    np.testing.assert_allclose(linear_vae(system).log_likelihood(x, 3), system.log_evidence(x), rtol=1e-12)


@pytest.mark.slow
def test_with_a_wrong_posterior_it_rises_to_the_evidence_with_the_number_of_samples(monkeypatch):
    monkeypatch.setattr(log_weights_module, "BLOCK", 10)
    x = ANY.draw(200)
    model, evidence = linear_vae(ANY, WRONG, full=True), ANY.log_evidence(x)
    gaps = [evidence - log_likelihood(model, x, sample_size) for sample_size in (1, 5, 50, 500)]
    means, errors = np.mean(gaps, axis=1), np.std(gaps, axis=1) / np.sqrt(len(x))
    assert np.all(np.diff(means) < 0)
    assert errors[0] < 0.1
    assert abs(means[0] - ANY.gap(x, WRONG).mean()) <= 4 * errors[0]  # one sample: the ELBO, whose gap is known
    assert errors[-1] < 0.005
    assert abs(means[-1]) <= 4 * errors[-1]


def test_it_is_the_mean_weight_of_the_samples_of_its_seed(monkeypatch):
    monkeypatch.setattr(log_weights_module, "BLOCK", 4)
    model = linear_vae(ANY, WRONG, full=True)
    for seed in (0, 1):
        log_w = log_weights(model.sample_trace(X, Noise(0, seed), 11))  # two whole blocks of samples and a part
        np.testing.assert_allclose(log_likelihood(model, X, 11, seed), log_mean_exp(log_w), rtol=NOISE_ROUNDING)
    assert np.all(log_likelihood(model, X, 11, seed=0) != log_likelihood(model, X, 11, seed=1))


@pytest.mark.parametrize(("rows", "samples"), [(1, 12), (3, 5), (7, 1), (20, 20)])
def test_it_does_not_depend_on_the_chunks(monkeypatch, rows, samples):
    model = linear_vae(ANY, WRONG, full=True)
    expected = log_likelihood(model, X, 12)
    monkeypatch.setattr(log_weights_module, "_BLOCKS", 3)  # so that one program does not make all samples
    monkeypatch.setattr(log_weights_module, "ROWS", rows)
    monkeypatch.setattr(likelihood, "ROWS", rows)
    monkeypatch.setattr(log_weights_module, "BLOCK", samples)
    np.testing.assert_allclose(log_likelihood(model, X, 12), expected, rtol=NOISE_ROUNDING)


def test_an_example_has_the_noise_of_its_index_also_beyond_the_first_block():
    model, x = linear_vae(ANY, WRONG, full=True), ANY.draw(130)
    whole = log_likelihood(model, x, 3)
    assert whole.shape == (130,)
    np.testing.assert_allclose(log_likelihood(model, x[:30], 3), whole[:30], rtol=NOISE_ROUNDING)
    np.testing.assert_allclose(
        log_likelihood(model, np.concatenate([x[:1], x[:1], x[2:]]), 3)[2:], whole[2:], rtol=NOISE_ROUNDING
    )
    same = log_likelihood(model, np.repeat(x[:1], 130, axis=0), 3)
    assert len(np.unique(same.round(9))) == 130  # the same example at 130 places: 130 draws


def test_weights_of_any_size_neither_overflow_nor_vanish():
    system = ANY._replace(sigma=0.01)
    x = 10 * ANY.draw(4)  # far from what this system makes
    evidence = system.log_evidence(x)
    assert np.all(evidence < -1e4)  # exp of which is 0
    np.testing.assert_allclose(log_likelihood(linear_vae(system, full=True), x, 60), evidence, rtol=1e-9)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match=r"^`sample_size` must be at least 1; received 0\.$"):
        log_likelihood(linear_vae(ORTHOGONAL), X, sample_size=0)


def test_examples_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"takes examples of shape \(6,\); received \(5,\)"):
        log_likelihood(linear_vae(ORTHOGONAL), X[:, :5])


def test_a_cross_entropy_is_no_likelihood():
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Normal((2,))),
        decoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Bernoulli((3,))),
        prior=tfvae.priors.StandardNormal((2,)),
        preprocess=tfvae.preprocessing.Rescale(),
    )
    with pytest.raises(ValueError, match=r"^There is no log p\(x\), nor an ELBO: "):
        model.log_likelihood(np.zeros((1, 3)), 2)
