"""Naive Monte Carlo: the average over shared prior draws, and what it comes to where everything is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from linear_gaussian import linear_vae
from oracles import LinearGaussian, log_mean_exp
from tfvae import families, preprocessing
from tfvae.models import NaiveMonteCarlo
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.priors import StandardNormal

RAW = tiny.images()


def naive(draws=20, latent=tiny.LATENT, weights_seed=0):
    keras.utils.set_random_seed(weights_seed)
    decoder = tfvae.ConditionalDistribution(tiny.network(), families.Bernoulli(tiny.SHAPE))
    return NaiveMonteCarlo(decoder, StandardNormal((latent,)), preprocessing.Binarize(), draws)


def test_the_loss_is_the_logarithm_of_the_average_likelihood(eager):
    model = tiny.compiled(naive())
    x = tfvae.evaluation.fix(RAW, model.preprocess).x
    z = Noise(EVALUATION_SEED).normal("prior", 20, (tiny.LATENT,))  # one set for all images
    log_p = np.stack([model.decoder(z).log_prob(each) for each in x], axis=1)
    assert model.evaluate(RAW, batch_size=24, verbose=0) == pytest.approx(-log_mean_exp(log_p).mean(), rel=1e-5)


def test_with_many_draws_it_comes_to_the_evidence(float64):
    """Of one latent dimension. The estimate's own error is e^(2 log w) spread, bounded here by its jackknife."""
    system = LinearGaussian.random(data=3, latent=1, orthogonal=True)
    vae = linear_vae(system)
    model = NaiveMonteCarlo(vae.decoder, vae.prior, vae.preprocess, 50)
    x = system.draw(20)
    found = tfvae.evaluation.likelihood_estimate(model, x, 20_000)
    assert found.monte_carlo_error < 0.05
    np.testing.assert_array_equal(model.log_likelihood(x, 100), tfvae.evaluation.log_likelihood(model, x, 100))
    assert abs(found.mean - np.mean(system.log_evidence(x))) < 4 * found.monte_carlo_error


@pytest.mark.slow
def test_it_learns_and_reports_the_loss_alone():
    model = tiny.compiled(naive(100), keras.optimizers.Adam(0.05))
    history = model.fit(RAW, batch_size=8, epochs=8, validation_data=RAW, verbose=0).history
    assert set(history) == {"loss", "val_loss", "skipped"}
    assert history["val_loss"][-1] < 0.9 * history["val_loss"][0]


def test_samples_in_parts_are_samples_at_once():
    model = naive()
    x = tf.constant(tfvae.evaluation.fix(RAW, model.preprocess).x)
    whole = model.trace_of(x, Noise(3), 8).log_px_z
    part = model.trace_of(x, Noise(3, first_sample=5), 3).log_px_z
    np.testing.assert_allclose(whole[5:], part, rtol=1e-6)


def test_saved_it_is_the_same(tmp_path, eager):
    model = tiny.compiled(naive())
    tiny.train(model, 3)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert loaded.draws == 20
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    np.testing.assert_array_equal(loaded.sample(3)[1], model.sample(3)[1])


def test_what_it_lacks_it_says():
    model = tiny.compiled(naive())
    for ability in ("latents", "representation", "reconstructions"):
        assert "no encoder q(z|x)" in model.lacks[ability]
    with pytest.raises(NotImplementedError, match="no encoder"):
        model.predict(RAW, verbose=0)
    examples = tfvae.evaluation.Examples(RAW, None)
    report = tfvae.evaluation.assess(model, examples, examples, sample_size=30).report
    assert "reliability" in report
    assert {"simulated", "naive", "latents"}.isdisjoint(report)


@pytest.mark.parametrize(
    ("draws", "wrong"), [(0, "at least 1"), (-1, "at least 1"), (2.5, "an integer"), (True, "an integer")]
)
def test_what_is_no_number_of_draws_is_refused(draws, wrong):
    with pytest.raises(ValueError, match=rf"^`draws` must be {wrong}; received {draws}\.$"):
        naive(draws)


def test_a_decoder_of_other_latents_is_refused():
    decoder = naive().decoder
    with pytest.raises(
        ValueError, match=r"^`decoder` was built for inputs of shape \(2,\), and here they have shape \(3,\)"
    ):
        NaiveMonteCarlo(decoder, StandardNormal((3,)), preprocessing.Binarize(), 5)
