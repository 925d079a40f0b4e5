"""An inverse autoregressive flow as q(z|x) and a flow as p(z), in a VAE."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import small
import tfvae
import tiny
from tfvae import bijectors, families, flows
from tfvae.noise import Noise
from tiers import first

RAW = tiny.images(24)
SAMPLED = tfvae.ELBO(analytic_kl=False)


def vae(objective=SAMPLED, posterior=True, prior=True, deviation=0.3):
    """A VAE with three latent dimensions, the weights of whose flows are nothing special."""
    keras.utils.set_random_seed(0)
    family = flows.InverseAutoregressive((3,), 2, (6,), 2) if posterior else families.Normal((3,))
    model = tiny.vae(posterior=family, objective=objective)
    if prior:
        model = tfvae.VAE(
            model.encoder,
            model.decoder,
            flows.Flow((3,), bijectors.vector_flow(2, (4,))),
            model.preprocess,
            objective,
            seed=5,
        )
    rng = np.random.default_rng(0)
    for variable in [*family.layers, *([model.prior] if prior else [])]:
        for each in variable.trainable_variables:
            each.assign(np.asarray(each) + deviation * rng.normal(size=each.shape))
    return model


def normal_of(posterior):
    return posterior.base


def test_the_density_of_a_draw_is_found_again_by_inverting_the_flow(float64):
    model = vae(prior=False)
    posterior = model.posterior(model.representative(RAW))
    z = model.encoder.family.draw(posterior, Noise(0), "posterior", 4)
    assert (z.shape, posterior.batch_shape, posterior.event_shape) == ((4, 24, 3), (24,), (3,))
    at_hand, inverted = posterior.log_prob(z), posterior.log_prob(tf.identity(z))
    assert at_hand.shape == inverted.shape == (4, 24)
    np.testing.assert_allclose(at_hand, inverted, rtol=1e-10)
    assert np.std(at_hand - normal_of(posterior).log_prob(z)) > 0.1


def test_the_posterior_integrates_to_one(float64):
    family = flows.InverseAutoregressive((2,), 2, (6,), 2)
    rng = np.random.default_rng(0)
    for variable in family.bijector.trainable_variables:
        variable.assign(0.5 * rng.normal(size=variable.shape))
    posterior = family.distribution(
        tf.constant([[0.3, -0.2]], tf.float64), tf.zeros((1, 2), tf.float64), tf.constant([[0.5, -1.0]], tf.float64)
    )
    width = 0.1
    axis = np.arange(-15, 15, width)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 1, 2)
    assert np.exp(posterior.log_prob(points)).sum() * width**2 == pytest.approx(1, abs=1e-4)


def test_with_networks_of_zeros_it_is_the_diagonal_normal(float64):
    family, normal = flows.InverseAutoregressive((3,), 2), families.Normal((3,))
    rng = np.random.default_rng(0)
    location, raw_scale = rng.normal(size=(2, 5, 3))
    posterior = family.distribution(
        tf.constant(location), tf.constant(raw_scale), tf.constant(rng.normal(size=(5, 32)))
    )
    expected = normal.distribution(tf.constant(location), tf.constant(raw_scale))
    np.testing.assert_allclose(
        family.draw(posterior, Noise(0), "q", 2), normal.draw(expected, Noise(0), "q", 2), rtol=1e-13
    )
    z = rng.normal(size=(2, 5, 3))
    np.testing.assert_allclose(posterior.log_prob(z), expected.log_prob(z), rtol=1e-12)
    np.testing.assert_allclose(posterior.mean(), location, atol=1e-12)
    np.testing.assert_allclose(posterior.stddev(), expected.stddev(), rtol=1e-5)  # the noise is float32


@pytest.mark.slow
def test_its_mean_is_that_of_its_draws():
    model = vae(prior=False)
    posterior = model.posterior(model.representative(RAW[:2]))
    z = np.float64(model.encoder.family.draw(posterior, Noise(7), "other", 4000))
    error = z.std(axis=0) / np.sqrt(64)
    assert np.all(np.abs(posterior.mean() - z.mean(axis=0)) < 4 * error)
    assert np.all(error < 0.3)
    np.testing.assert_array_equal(posterior.mean(), model.posterior(model.representative(RAW[:2])).mean())


def test_the_context_reaches_the_flow(float64):
    model = vae(prior=False)
    with tf.GradientTape() as tape:
        trace = model.sample_trace(tf.constant(RAW), Noise(0), 2)
        loss = tf.reduce_mean(SAMPLED(trace).loss)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert all(each is not None and np.all(np.isfinite(each)) and np.any(each) for each in gradients)
    own = {id(variable) for variable in model.encoder.family.bijector.trainable_variables}
    assert own <= {id(variable) for variable in model.encoder.trainable_variables}


def test_a_flow_prior_that_moves_nothing_is_the_normal_prior():
    normal = tiny.vae(posterior=families.Normal((3,)), objective=SAMPLED)
    prior = flows.Flow((3,), bijectors.vector_flow(2, (4,)))
    flow = tfvae.VAE(normal.encoder, normal.decoder, prior, normal.preprocess, SAMPLED, seed=5)
    figures = [tiny.compiled(model).evaluate(RAW, verbose=0) for model in (normal, flow)]
    np.testing.assert_allclose(*figures, rtol=1e-6)


@pytest.mark.slow
def test_both_flows_learn():
    model = tiny.compiled(vae(deviation=0.0))
    before = tiny.values(model.trainable_variables)
    start = model.evaluate(RAW, verbose=0, return_dict=True)
    model.fit(RAW, epochs=15, batch_size=8, verbose=0)
    end = model.evaluate(RAW, verbose=0, return_dict=True)
    assert end["loss"] < start["loss"]
    assert set(end) == {"loss", "elbo", "distortion", "rate"}
    assert model.skipped_steps == 0
    after = tiny.values(model.trainable_variables)
    assert all(np.any(one != other) for one, other in zip(before, after, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("mode", first(1, ["graph", "eager", "one program"]))
def test_saved_it_is_the_same_and_goes_on_as_if_nothing_had_happened(mode, tmp_path):
    model = tiny.compiled(vae(), **tiny.MODES[mode])
    tiny.train(model, 4)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    for each in (model, loaded):
        tiny.train(each, 4)
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)


@pytest.mark.slow
def test_two_replicas_are_one_device():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())
    one = tiny.compiled(vae(), keras.optimizers.SGD(1e-3))
    with strategy.scope():
        other = tiny.compiled(vae(), keras.optimizers.SGD(1e-3))
    for model in (one, other):
        model.fit(RAW[:13], batch_size=8, epochs=2, shuffle=False, verbose=0)
    tiny.assert_all_close(tiny.values(other.trainable_variables), tiny.values(one.trainable_variables), 1e-5)


@pytest.mark.slow
def test_importance_weights_of_both_flows_bound_the_likelihood_ever_tighter():
    model = vae()
    bounds = [model.log_likelihood(RAW, sample_size=size).mean() for size in (1, 10, 100)]
    assert bounds[0] < bounds[1] < bounds[2]


@pytest.mark.parametrize("gradient", ["stl", "dreg"])
def test_gradients_that_leave_the_posteriors_parameters_out_are_refused(gradient):
    with pytest.raises(ValueError, match=f'`objective` has the gradient "{gradient}", which needs log q'):
        vae(tfvae.ImportanceWeighted(3, gradient))
    trace = vae().sample_trace(tf.constant(RAW), Noise(0), 3)
    with pytest.raises(ValueError, match="is not to be had without its parameters"):
        tfvae.ImportanceWeighted(3, gradient)(trace)
    assert np.all(np.isfinite(tfvae.ImportanceWeighted(3)(trace).loss))


def test_a_closed_form_of_the_rate_is_refused():
    for parts in ({"posterior": False}, {"prior": False}):
        with pytest.raises(ValueError, match=r"use `ELBO\(analytic_kl=False\)`"):
            tfvae.ELBO()(vae(**parts).sample_trace(tf.constant(RAW), Noise(0), 1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event_shape": (2, 2)}, "`event_shape` must be one size, (D,)"),
        ({"depth": 0}, "`depth` must be at least 1; received 0."),
        ({"context_size": 0}, "`context_size` must be at least 1; received 0."),
        ({"hidden": ()}, "`hidden` must be a tuple of at least one integer; received ()."),
        ({"min_scale": 0}, "`min_scale` must be above 0; received 0."),
    ],
)
def test_mistakes_are_refused_in_a_sentence(changes, message):
    with pytest.raises(ValueError) as caught:
        flows.InverseAutoregressive(**({"event_shape": (3,)} | changes))
    assert str(caught.value).startswith(message)


@pytest.mark.slow
def test_an_evaluation_says_what_cannot_be_measured(monkeypatch):
    small.few_draws(monkeypatch)
    examples = tfvae.evaluation.Examples(RAW, np.arange(24) % 2)
    report = tfvae.evaluation.assess(vae(), examples, examples, sample_size=50).report
    assert report["latents"]["rate_is_exact"] is False
    assert "mutual_information" not in report["latents"]
    assert "inverse autoregressive flow" in report["missing"]["aggregate_posterior"]
    printed = tfvae.evaluation.table(report)
    assert "aggregate posterior: The density of each example" in printed
    assert report["simulated"]["upper"] >= report["simulated"]["lower"]
