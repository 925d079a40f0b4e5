"""A flow as p(x): its density, its draws, training on one device and on two, saving, temperature, interpolation."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

import tfvae
import tiny
from faults import fault
from perturbing import perturbed
from tfvae import bijectors, flows, preprocessing
from tfvae.callbacks import InterpolationGrid, SampleGrid
from tfvae.models import Density
from tfvae.noise import Noise
from tfvae.priors import MixtureOfNormals, StandardNormal
from tiers import first, long, slow

RAW = tiny.images(60)
KINDS = {
    "RealNVP": lambda: tfvae.realnvp(tiny.SHAPE, depth=1, filters=(4,)),
    "Glow": lambda: tfvae.glow(tiny.SHAPE, depth=1, filters=(4,)),
    "MAF": lambda: tfvae.maf(tiny.SHAPE, depth=2, hidden=(16,)),
}


def started(kind, optimizer=None, **options):
    keras.utils.set_random_seed(0)
    model = tiny.compiled(KINDS[kind](), optimizer, **options)
    model.density.start_at(np.asarray(model.representative(RAW)))
    return model


def affine():
    """x = shift + stretch z in three dimensions, by an `ActNorm`."""
    norm = bijectors.ActNorm()
    flow = flows.Flow((3,), norm)
    shift, log_scale = norm.trainable_variables
    shift.assign([1.0, -2.0, 0.5])
    log_scale.assign(-np.log([0.5, 2.0, 3.0]))
    return flow


def test_the_density_of_an_affine_flow_is_that_of_the_normal(float64):
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    expected = stats.norm.logpdf(x, [1.0, -2.0, 0.5], [0.5, 2.0, 3.0]).sum(axis=-1)
    np.testing.assert_allclose(affine().distribution().log_prob(x), expected, rtol=1e-12)


def test_draws_are_those_of_the_noise_moved_and_the_first_of_more_are_those_of_fewer(float64):
    flow, noise = affine(), Noise(3)
    draws = flow.draw(None, noise, 7)
    expected = [1.0, -2.0, 0.5] + np.array([0.5, 2.0, 3.0]) * noise.normal("prior", 7, (3,))
    np.testing.assert_allclose(draws, expected, rtol=1e-6)  # the noise is float32
    np.testing.assert_array_equal(flow.draw(None, noise, 4), draws[:4])
    cool = flow.draw(None, noise, 7, temperature=0.5)
    np.testing.assert_allclose(cool, [1.0, -2.0, 0.5] + 0.5 * (expected - [1.0, -2.0, 0.5]), rtol=1e-6)


def test_the_density_integrates_to_one(float64):
    """On a grid in two dimensions, with networks that are nothing special."""
    keras.utils.set_random_seed(0)
    flow = flows.Flow((2,), perturbed(bijectors.vector_flow(3, (4,), "tanh"), (2,), deviation=0.5))
    width = 0.04
    axis = np.arange(-12, 12, width)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.exp(flow.distribution().log_prob(points)).sum() * width**2 == pytest.approx(1, abs=1e-6)


def test_tfp_may_draw_from_it_too():
    distribution = started("Glow").density.distribution()
    x = distribution.sample((2, 3), seed=1)
    assert (x.shape, distribution.event_shape, distribution.batch_shape) == ((2, 3, *tiny.SHAPE), tiny.SHAPE, ())
    at_hand = distribution.log_prob(x)
    anew = distribution.log_prob(tf.identity(x))
    np.testing.assert_allclose(at_hand, anew, rtol=1e-5, atol=1e-3)


def test_a_flow_that_moves_nothing_is_the_standard_normal(float64):
    flow = flows.Flow((5,), bijectors.vector_flow(2, (4,)))
    z = np.random.default_rng(0).normal(size=(4, 2, 5))
    np.testing.assert_allclose(
        flow.distribution().log_prob(z), StandardNormal((5,)).distribution(None).log_prob(z), rtol=1e-13
    )
    np.testing.assert_array_equal(flow.draw(None, Noise(0), 4), StandardNormal((5,)).draw(None, Noise(0), 4))


@pytest.mark.parametrize("kind", [slow("Glow"), long("RealNVP"), "MAF"])
def test_it_learns_its_exact_likelihood(kind):
    model = started(kind, keras.optimizers.Adam(3e-3))
    history = model.fit(RAW, batch_size=20, epochs=4, validation_data=RAW, verbose=0).history
    assert set(history) == {"loss", "val_loss", "skipped"}
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert model.skipped_steps == 0
    x = tfvae.evaluation.fix(RAW, model.preprocess).x
    exact = np.float64(model.density.distribution().log_prob(x))
    assert -exact.mean() == pytest.approx(history["val_loss"][-1], rel=1e-5)
    np.testing.assert_allclose(model.log_likelihood(RAW), exact, rtol=1e-5)
    assert model.unit.bits_per_dim(exact.mean(), 64) == pytest.approx(8 - exact.mean() / 64 / np.log(2))


@pytest.mark.slow
@pytest.mark.parametrize("seed", first(1, [0, 1, 2]))
@pytest.mark.parametrize("make", [tfvae.realnvp, tfvae.glow, tfvae.maf])
def test_whatever_the_seed_a_constant_border_harms_nothing(make, seed):
    images = tfvae.datasets.load("mnist").train.first(600).images
    assert np.all(images[:, 0] == 0)
    keras.utils.set_random_seed(seed)
    model = tiny.compiled(make(depth=1, seed=seed), keras.optimizers.Adam(1e-3))
    model.density.start_at(np.asarray(model.representative(images)))
    history = model.fit(images[:500], validation_data=images[500:], batch_size=50, epochs=3, verbose=0).history
    assert model.skipped_steps == 0
    assert np.all(np.diff(history["loss"]) < 0)
    assert np.all(np.isfinite(history["val_loss"]))


@pytest.mark.parametrize("kind", [long(kind) if kind == "RealNVP" else slow(kind) for kind in KINDS])
def test_saved_it_is_the_same_and_goes_on_as_if_nothing_had_happened(kind, tmp_path):
    model = started(kind)
    tiny.train(model, 2)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    np.testing.assert_array_equal(loaded.sample(4)[1], model.sample(4)[1])
    for each in (model, loaded):
        tiny.train(each, 2)
    tiny.assert_same_bits(tiny.values(loaded.weights), tiny.values(model.weights))


@pytest.mark.slow
def test_two_replicas_start_and_train_like_one_device(two):
    """Batches that split unevenly, and one of a single example."""
    data = tf.data.Dataset.from_generator(
        lambda: (RAW[start:end] for start, end in ((0, 20), (20, 47), (47, 48))),
        output_signature=tf.TensorSpec((None, *tiny.SHAPE), tf.uint8),
    )
    one = started("Glow", keras.optimizers.SGD(1e-4))
    with two.scope():
        other = started("Glow", keras.optimizers.SGD(1e-4))
    tiny.assert_same_bits(tiny.values(other.trainable_variables), tiny.values(one.trainable_variables))
    for variable in other.density.trainable_variables:
        tiny.assert_same_bits(*[[np.array(copy)] for copy in variable.value.values])
    start = tiny.values(one.trainable_variables)
    losses = [model.fit(data, epochs=2, verbose=0).history["loss"] for model in (one, other)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    moved, expected = (
        [after - before for after, before in zip(tiny.values(model.trainable_variables), start, strict=True)]
        for model in (other, one)
    )
    tiny.assert_all_close(moved, expected, 1e-4)


def test_the_way_between_two_images_begins_and_ends_with_them():
    model = started("Glow")
    rows = model.interpolate(RAW[:3], RAW[3:6], 5)
    assert rows.shape == (3, 5, *tiny.SHAPE)
    np.testing.assert_allclose(rows[:, 0], model.representative(RAW[:3]), atol=1e-5)
    np.testing.assert_allclose(rows[:, -1], model.representative(RAW[3:6]), atol=1e-5)
    z, other = (model.density.bijector.forward(model.representative(each))[0] for each in (RAW[:3], RAW[3:6]))
    np.testing.assert_allclose(model.density.bijector.forward(rows[:, 1])[0], 0.75 * z + 0.25 * other, atol=1e-3)


def test_numbers_may_be_numpys():
    model = tfvae.glow(tiny.SHAPE, depth=1, filters=(2,))
    cool = model.sample(np.int64(2), temperature=np.float32(0.5))[1]
    np.testing.assert_array_equal(cool, model.sample(2, temperature=0.5)[1])
    assert model.interpolate(RAW[:1], RAW[1:2], np.int64(3)).shape == (1, 3, *tiny.SHAPE)


def test_pictures_of_temperature_and_interpolation(tmp_path):
    model = started("Glow")
    for grid in (SampleGrid(tmp_path, n=4, temperature=0.7), InterpolationGrid(tmp_path, RAW[:4], steps=3)):
        grid.set_model(model)
        grid.check()
        assert grid.figure().get_size_inches().min() > 0
    assert model.sample_title(mean=True) == "draws from p(x)"


def test_what_is_no_flow_has_neither_temperature_nor_interpolation(tmp_path):
    model = Density(MixtureOfNormals(tiny.SHAPE, 2), preprocessing.Dequantize())
    for attempt in (lambda: model.sample(2, temperature=0.5), lambda: model.interpolate(RAW[:1], RAW[1:2])):
        with pytest.raises(ValueError, match="is of flows only; this density is a `MixtureOfNormals`"):
            attempt()
    for grid in (SampleGrid(tmp_path, temperature=0.7), InterpolationGrid(tmp_path, RAW[:4])):
        grid.set_model(tiny.vae())
        with pytest.raises(ValueError, match="model is a `VAE`"):
            grid.check()


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: flows.Flow((4,), 3), TypeError, "`bijector` must be a `Bijector`; received int."),
        (lambda: affine().draw(None, Noise(0), 2, -1.0), ValueError, "`temperature` must be at least 0"),
        (lambda: affine().interpolate(np.zeros((1, 3)), np.ones((1, 3)), 1), ValueError, "`steps` must be at least 2"),
        (
            lambda: InterpolationGrid("x", RAW[:3]),
            ValueError,
            "`images` must be pairs, at least one; received 3 images",
        ),
        (lambda: tfvae.glow((28, 28)), ValueError, "`image_shape` must be (height, width, channels)"),
        (
            lambda: tfvae.glow((27, 28, 1)),
            ValueError,
            "Glow of 2 levels halves height and width 2 times; 27 x 28 images would get odd sides.",
        ),
        *(
            (lambda n=n: KINDS["Glow"]().sample(n), ValueError, f"`n` must be {wrong}; received {n!r}.")
            for wrong, values in (("at least 1", (0, -1)), ("an integer", (2.5, True, "3")))
            for n in values
        ),
        *(
            (
                lambda value=value: KINDS["Glow"]().sample(2, temperature=value),
                ValueError,
                f"`temperature` must be {wrong}; received ",
            )
            for wrong, values in (("a number", (True, None, np.array([0.5, 0.6]))), ("a finite number", (math.inf,)))
            for value in values
        ),
        *(
            (
                lambda start=start, end=end: KINDS["Glow"]().interpolate(start, end),
                ValueError,
                message,
            )
            for start, end, message in (
                (RAW[:3], RAW[:2], "`start` and `end` must be equally many examples, at least one; received 3 and 2."),
                (RAW[:0], RAW[:0], "`start` and `end` must be equally many examples, at least one; received 0 and 0."),
                (RAW[:2] + np.float32(0), RAW[:2], "`start` holds floats, which must be in [0, 1]; "),
            )
        ),
    ],
)
def test_mistakes_are_refused_in_a_sentence(attempt, error, message):
    with pytest.raises(error) as caught:
        attempt()
    assert str(caught.value).startswith(message)


@fault("huge")
@pytest.mark.parametrize("levels", [10**6, 2**31 - 1])
@pytest.mark.parametrize("flow", [tfvae.glow, tfvae.realnvp])
def test_more_levels_than_an_image_has_are_refused_before_they_are_made(flow, levels):
    with pytest.raises(ValueError, match=r"8 x 8 images would get odd sides\. Use fewer levels\.$"):
        flow((8, 8, 1), levels=levels)


def test_there_is_no_closed_form_of_a_divergence_from_it():
    posterior = tfvae.families.Normal((5,)).distribution(tf.zeros((2, 5)), tf.zeros((2, 5)))
    found = tfvae.trace.latent(
        tf.zeros((1, 2, 5)), posterior, flows.Flow((5,), bijectors.vector_flow(2)).distribution()
    )
    assert found.kl is None
    assert isinstance(posterior, tfp.distributions.Independent)
