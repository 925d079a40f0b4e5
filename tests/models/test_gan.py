"""The GAN: both losses and their gradients by hand, two optimisers, and what there is not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from tfvae import families, preprocessing
from tfvae.models import GAN
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.priors import StandardNormal
from tiers import long, slow

RAW = tiny.images()


def gan(penalty=1.0, family=None, seed=5):
    keras.utils.set_random_seed(0)
    generator = tfvae.ConditionalDistribution(tiny.network(), family or families.Delta(tiny.SHAPE))
    return GAN(generator, tiny.network(), StandardNormal((tiny.LATENT,)), preprocessing.Rescale(), penalty, seed)


def compiled(model=None, **options):
    model = model or gan()
    model.compile(keras.optimizers.Adam(1e-2), **({"jit_compile": False} | options))
    return model


def losses(model, noise, raw=RAW):
    """The two losses, averaged, in float64 but for the networks."""
    x = tf.constant(raw.astype(np.float32) / 255)
    with tf.GradientTape() as tape:
        tape.watch(x)
        of_data = model(x)
    slope = np.float64(tape.gradient(of_data, x)).reshape(len(raw), -1)
    images = model.generated(model.prior.draw(None, noise, len(raw)))
    of_draws = np.float64(model(images))
    penalty = model.penalty / 2 * np.sum(slope**2, axis=1)
    return np.mean(np.logaddexp(0, -np.float64(of_data)) + np.logaddexp(0, of_draws) + penalty), np.mean(
        np.logaddexp(0, -of_draws)
    )


@pytest.mark.parametrize("penalty", [0, 3.0])
def test_the_reported_losses_are_those_of_the_formulas(penalty, eager):
    model = compiled(gan(penalty))
    found = model.evaluate(RAW, batch_size=24, verbose=0, return_dict=True)
    loss, generator_loss = losses(model, Noise(EVALUATION_SEED))
    assert found == {"loss": pytest.approx(loss, rel=1e-5), "generator_loss": pytest.approx(generator_loss, rel=1e-5)}


def test_each_network_goes_down_its_own_loss_at_once(eager):
    """One step of plain descent moves each weight by its loss's slope, which differences give."""
    model = gan()
    model.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    before = [np.array(variable) for variable in model.trainable_variables]
    generator = {id(variable) for variable in model.generator.trainable_variables}
    noise = Noise(5, 0)
    model.train_on_batch(RAW)
    moved = [old - np.array(variable) for old, variable in zip(before, model.trainable_variables, strict=True)]
    for variable, value in zip(model.trainable_variables, before, strict=True):
        variable.assign(value)
    rng, step = np.random.default_rng(0), 1e-2
    for variable, value, slope in zip(model.trainable_variables, before, moved, strict=True):
        direction = rng.normal(size=value.shape)
        which = 1 if id(variable) in generator else 0
        ends = []
        for sign in (1, -1):
            variable.assign(value + sign * step * direction)
            ends.append(losses(model, noise)[which])
        variable.assign(value)
        expected = (ends[0] - ends[1]) / (2 * step)
        assert np.sum(slope * direction) == pytest.approx(expected, rel=0.02, abs=1e-4)


@pytest.mark.parametrize("mode", ["eager", long("XLA"), slow("one program")])
def test_all_ways_of_running_steps_agree(mode):
    weights = []
    for options in ({}, tiny.MODES[mode]):
        model = compiled(**options)
        model.fit(RAW, batch_size=6, epochs=1, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_saved_in_mid_training_it_goes_on_as_if_nothing_had_happened(tmp_path, eager):
    """With both optimisers' moments."""
    model = compiled()
    model.fit(RAW, batch_size=12, epochs=1, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    for each in (model, loaded):
        each.fit(RAW, batch_size=12, epochs=1, shuffle=False, verbose=0)
    for one, other in zip(model.state(), loaded.state(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_that_is_not_finite_changes_nothing_in_either_network(eager):
    model = compiled()
    model.fit(RAW, batch_size=24, epochs=1, verbose=0)
    model.head.trainable_variables[0].assign(np.full(model.head.trainable_variables[0].shape, np.inf))
    before = [np.array(variable) for variable in [*model.trainable_variables, *model.discriminator_optimizer.variables]]
    model.train_on_batch(RAW)
    assert model.skipped_steps == 1
    after = [np.array(variable) for variable in [*model.trainable_variables, *model.discriminator_optimizer.variables]]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_discriminator_may_have_an_optimiser_of_its_own(tmp_path, eager):
    model = gan()
    model.compile(keras.optimizers.Adam(1e-3), discriminator_optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    discriminator = [np.array(each) for each in model.discriminator.trainable_variables]
    generator = [np.array(each) for each in model.generator.trainable_variables]
    model.fit(RAW, batch_size=24, verbose=0)
    for one, other in zip(discriminator, model.discriminator.trainable_variables, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(
        np.any(one != np.array(two)) for one, two in zip(generator, model.generator.trainable_variables, strict=True)
    )
    model.save(tmp_path / "model.keras")
    assert isinstance(tfvae.load(tmp_path / "model.keras").discriminator_optimizer, keras.optimizers.SGD)


def test_images_are_between_black_and_white_and_those_of_a_seed_the_same():
    model = gan()
    z, x = model.sample(9, seed=3)
    assert (z.shape, x.shape) == ((9, tiny.LATENT), (9, *tiny.SHAPE))
    assert np.min(x) > 0 and np.max(x) < 1
    np.testing.assert_allclose(model.sample(4, seed=3)[1], x[:4], rtol=1e-6)


def test_it_has_neither_a_likelihood_nor_an_encoder_and_says_so():
    model = compiled()
    for ability, words in (("likelihood", "no log p(x)"), ("latents", "no encoder"), ("reconstructions", "no encoder")):
        assert words in model.lacks[ability]
    with pytest.raises(ValueError, match=r"^A GAN has no log p\(x\)"):
        model.log_likelihood(RAW)
    with pytest.raises(ValueError, match=r"^A GAN has no encoder"):
        tfvae.evaluation.aggregate_posterior(model, np.float32(RAW))
    examples = tfvae.evaluation.Examples(RAW, np.arange(24) % 2)
    report = tfvae.evaluation.assess(model, examples, examples).report
    assert set(report["missing"]) == {
        "likelihood", "latents", "representation", "reconstructions", "samples", "clusters",
    }  # fmt: skip


def test_float16_is_refused():
    with pytest.raises(ValueError, match="A GAN cannot be trained in float16"):
        gan().compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()))


@pytest.mark.parametrize(("penalty", "wrong"), [(-1, "at least 0"), (float("nan"), "a number"), ("much", "a number")])
def test_what_is_no_penalty_is_refused(penalty, wrong):
    with pytest.raises(ValueError, match=rf"^`penalty` must be {wrong}; received {penalty!r}\.$"):
        gan(penalty)


def test_a_distribution_is_no_generator():
    with pytest.raises(ValueError, match="`generator` must have the family `Delta`: a point; received `Bernoulli`"):
        gan(family=families.Bernoulli(tiny.SHAPE))
