"""The prior made of posteriors: its density and draws, and training it with the encoder that it is made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

import small
import small_runs
import tfvae
import tiny
from command_lines import command
from tfvae import families, flows
from tfvae.app import run
from tfvae.app.run import build, evaluation
from tfvae.app.settings import Settings
from tfvae.noise import Noise
from tfvae.priors import VampPrior
from tfvae.training.path_gradient import gradients
from tiers import long, slow

RAW = tiny.images(40)
K = 6


def model_with(pseudo_inputs=K, posterior=None, objective=None, data_shape=tiny.SHAPE):
    keras.utils.set_random_seed(0)
    posterior = posterior or families.Normal((tiny.LATENT,))
    return tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tiny.network(), posterior),
        decoder=tfvae.ConditionalDistribution(tiny.network(), families.Normal(tiny.SHAPE, scale="shared")),
        prior=VampPrior((tiny.LATENT,), data_shape, pseudo_inputs, name="prior"),
        preprocess=tfvae.preprocessing.Dequantize(),
        objective=objective or tfvae.ELBO(analytic_kl=False),
        seed=5,
    )


def started(**parts):
    model = tiny.compiled(model_with(**parts))
    model.start_at(model.representative(RAW))
    return model


def test_with_all_examples_as_pseudo_inputs_it_is_the_aggregate_posterior(float64):
    model = started(pseudo_inputs=len(RAW))
    z = np.random.default_rng(0).normal(size=(3, 7, tiny.LATENT))
    posterior = model.posterior(model.representative(RAW))
    mean, scale = np.asarray(posterior.mean()), np.asarray(posterior.stddev())
    each = -0.5 * ((z[:, :, None] - mean) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)
    expected = logsumexp(each.sum(axis=-1), axis=-1) - np.log(len(RAW))
    distribution = model.prior.distribution(model.encoder)
    assert (distribution.batch_shape, distribution.event_shape) == ((), (tiny.LATENT,))
    np.testing.assert_allclose(distribution.log_prob(z), expected, rtol=1e-12)


def test_one_pseudo_input_makes_it_that_posterior(float64):
    model = started(pseudo_inputs=1)
    z = np.random.default_rng(0).normal(size=(5, tiny.LATENT))
    posterior = model.encoder(model.prior.weights[0].value)
    expected = posterior.log_prob(z[:, None])[:, 0]
    np.testing.assert_allclose(model.prior.distribution(model.encoder).log_prob(z), expected, rtol=1e-12)


def test_draws_have_the_moments_of_the_mixture_and_the_first_of_more_are_those_of_fewer():
    model = started()
    # Posteriors far apart and narrow, so that a component drawn too often would show.
    head = model.encoder.trainable_variables
    head[-2].assign(5 * head[-2])
    head[-1].assign([0, 0, -4, -4])
    draws = np.asarray(model.prior.draw(model.encoder, Noise(0), 20_000))
    posterior = model.encoder(model.prior.weights[0].value)
    mean, variance = np.asarray(posterior.mean()), np.asarray(posterior.variance())
    spread = np.sqrt(variance.mean(axis=0) + mean.var(axis=0))
    np.testing.assert_allclose(draws.mean(axis=0), mean.mean(axis=0), atol=4 * spread.max() / np.sqrt(20_000))
    np.testing.assert_allclose(draws.std(axis=0), spread, rtol=0.03)
    np.testing.assert_array_equal(model.prior.draw(model.encoder, Noise(0), 9), draws[:9])


@pytest.mark.parametrize("mode", ["graph", long("XLA"), slow("one program")])
def test_the_pseudo_inputs_learn_with_the_encoder(mode):
    model = model_with()
    model.start_at(model.representative(RAW))
    before = model.prior.get_weights()[0]
    tiny.compiled(model, **tiny.MODES[mode])
    history = model.fit(RAW, batch_size=8, epochs=4, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    np.testing.assert_allclose(np.add(history["rate"], history["distortion"]), history["loss"], rtol=1e-5)
    assert np.all(np.any(model.prior.get_weights()[0] != before, axis=(1, 2, 3)))


def test_gradients_reach_the_encoder_through_the_prior_too(float64):
    model = started()
    z = tf.constant(np.random.default_rng(0).normal(size=(4, tiny.LATENT)))
    with tf.GradientTape() as tape:
        log_p = tf.reduce_sum(model.prior.distribution(model.encoder).log_prob(z))
    gradients = tape.gradient(log_p, [weight.value for weight in model.encoder.trainable_variables])
    assert all(np.any(gradient) for gradient in gradients)


@pytest.mark.slow
def test_two_replicas_train_like_one_device(two):
    def trained(strategy):
        with strategy.scope():
            model = tiny.compiled(model_with(), keras.optimizers.SGD(1e-3))
        model.start_at(model.representative(RAW))
        model.fit(RAW, batch_size=20, epochs=2, shuffle=False, verbose=0)
        return tiny.values(model.trainable_variables)

    tiny.assert_all_close(trained(two), trained(tf.distribute.get_strategy()), 1e-5)


@pytest.mark.slow
def test_saved_it_is_the_same(tmp_path, eager):
    model = started()
    tiny.train(model, 2, RAW[:8])
    model.save(tmp_path / "model.keras")
    again = tfvae.load(tmp_path / "model.keras")
    tiny.assert_same_bits(again.sample(5, seed=1), model.sample(5, seed=1))
    np.testing.assert_array_equal(again.log_likelihood(RAW, 10), model.log_likelihood(RAW, 10))


@pytest.mark.parametrize(("gradient", "sample_size"), [("stl", 1), ("dreg", 2)])
def test_gradients_with_less_noise_are_those_of_the_bound_on_average(float64, gradient, sample_size):
    """The prior's use of the encoder is no part of what they leave out; seen: 0.1 % off."""
    found = {}
    for name in ("plain", gradient):
        model = started(objective=tfvae.ImportanceWeighted(sample_size, name))
        x = tf.repeat(model.representative(RAW[:4]), 4000, axis=0)
        with tf.GradientTape(persistent=True) as tape:
            trace = model.trace_of(x, Noise(0), sample_size)
            scores = model.objective(trace)
            loss = tf.reduce_mean(scores.loss)
        parts = gradients(tape, loss, model.trainable_variables, trace, scores.path_weights)
        found[name] = np.concatenate([np.ravel(each) for each in parts])
    assert np.linalg.norm(found[gradient] - found["plain"]) < 0.005 * np.linalg.norm(found["plain"])


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return small_runs.data(tmp_path_factory.mktemp("data") / "discs.npz")


def settings(source, **changes):
    sizes = {"train_size": 40, "validation_size": 20, "epochs": 2, "batch_size": 20}
    model = "vae(latent_size=3, network=mlp(8), prior=vamp(pseudo_inputs=5))"
    return Settings(data=str(source), model=model, xla=False, **(sizes | changes))


@pytest.mark.slow
def test_a_run_starts_from_its_images_and_is_measured(source, tmp_path, monkeypatch):
    small.few_draws(monkeypatch)
    report = run.train(settings(source), tmp_path / "run", verbose=0)
    assert np.isfinite(report["elbo"])
    evaluation.evaluate(tmp_path / "run", 20, progress=lambda _: None)
    measured, arrays = evaluation.read(tmp_path / "run")
    assert np.isfinite(measured["likelihood"]["bound"])
    assert np.all(np.isfinite(arrays["bound"]))


def test_more_pseudo_inputs_than_images_are_refused_before_training(source, tmp_path, capsys):
    sizes = ("--train-size", 40, "--validation-size", 20, "--batch-size", 20)
    prior = ("--prior", "vamp(pseudo_inputs=41)")
    assert command("train", "--data", source, *sizes, *prior, "--out", tmp_path / "run") == 1
    error = capsys.readouterr().err
    assert "`pseudo_inputs` must be at most the number of examples, 40; received 41." in error
    assert not (tmp_path / "run" / "history.csv").exists()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("prior=normal(pseudo_inputs=5)", "`normal` has no option `pseudo_inputs`. It has no options."),
        (
            "prior=vamp(5), posterior=flow",
            "`prior` needs the density of each posterior everywhere; a `InverseAutoregressive` has it for its own "
            "draws only.",
        ),
        ("prior=vamp(0)", "`pseudo_inputs` must be at least 1; received 0."),
    ],
)
def test_settings_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError) as caught:
        build.model(Settings(model=f"vae({parts})"), tiny.SHAPE, 1)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: VampPrior((2,), (8, 8, 1), 0), "`pseudo_inputs` must be at least 1; received 0."),
        (
            lambda: model_with(pseudo_inputs=41).start_at(RAW / np.float32(255)),
            "`pseudo_inputs` must be at most the number of examples, 40; received 41.",
        ),
        (
            lambda: VampPrior((2,), (8, 8, 1), 2).start_at(np.zeros((5, 64))),
            "The pseudo-inputs have shape (8, 8, 1), the examples (64,).",
        ),
        (
            lambda: model_with(posterior=flows.InverseAutoregressive((tiny.LATENT,), 1, (4,))),
            "`prior` needs the density of each posterior everywhere; a `InverseAutoregressive` has it for its own "
            "draws only.",
        ),
        (
            lambda: model_with(data_shape=(8, 8, 3)),
            "`prior` has pseudo-inputs of shape (8, 8, 3), the data (8, 8, 1).",
        ),
    ],
)
def test_mistakes_are_refused_in_a_sentence(attempt, message):
    with pytest.raises(ValueError) as caught:
        attempt()
    assert str(caught.value) == message
