"""NumPy's numbers are numbers, and what is of another kind is no number: in every constructor and function."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from faults import fault
from tfvae import bijectors, callbacks, corruption, datasets, evaluation, families, networks, priors
from tfvae._support.checks import integer, real
from tfvae.app.settings import Settings
from tfvae.datasets import batches as training

SHAPE = (4, 4, 1)
RAW = np.random.default_rng(0).integers(0, 256, (6, *SHAPE), np.uint8)
INTEGERS = [np.int64(2), np.uint8(2), np.array(2), tf.constant(2)]
NO_INTEGERS = [2.0, np.float64(2), "2", True, np.True_, None, np.array([2]), 2 + 0j]
NUMBERS = [np.float32(0.25), np.float64(0.25), np.array(0.25), np.array(0.25, np.float32), 0.25]
NO_NUMBERS = ["0.25", True, np.True_, np.array([0.25]), 0.25 + 0j]


def model():
    return tfvae.vae(SHAPE, latent_size=2, network="mlp(3)")


@pytest.fixture(scope="module")
def trained():
    return model()


TAKE_INTEGERS = {
    "latent_size": lambda n: tfvae.vae(SHAPE, latent_size=n, network="mlp(3)"),
    "seed": lambda n: tfvae.vae(SHAPE, latent_size=2, network="mlp(3)", seed=n),
    "hidden": lambda n: networks.mlp((n,)),
    "image_shape": lambda n: networks.deconvnet((n, 4, 1), (3,)),
    "event_shape": lambda n: families.Normal((n,)),
    "filters": lambda n: networks.convnet((n,)),
    "levels": lambda n: tfvae.ladder_vae(SHAPE, n, 4, "mlp(4)"),
    "patch_size": lambda n: tfvae.masked_autoencoder(SHAPE, n, width=8),
    "components": lambda n: priors.MixtureOfNormals((3,), n),
    "rank": lambda n: priors.MixtureOfNormals((3,), 2, n),
    "pseudo_inputs": lambda n: priors.VampPrior((2,), SHAPE, n),
    "depth": lambda n: bijectors.vector_flow(n, (3,)),
    "context_size": lambda n: bijectors.MaskedAutoregressive((3,), n),
    "sample_size": lambda n: tfvae.ELBO(sample_size=n),
    "steps": lambda n: tfvae.WarmUp(n),
    "draws": lambda n: tfvae.NaiveMonteCarlo(
        model().decoder, priors.StandardNormal((2,)), tfvae.preprocessing.Dequantize(), n
    ),
    "steps_per_execution": lambda n: model().compile("sgd", steps_per_execution=n),
    "n": lambda n: model().sample(n),
    "batch_size": lambda n: training.batches(RAW, n, 0),
    "start": lambda n: training.batches(RAW, 2, 0, n),
    "every": lambda n: callbacks.SampleGrid("pictures", every=n),
    "directions": lambda n: evaluation.sliced_wasserstein(np.eye(3), n),
    "k": lambda n: evaluation.nearest_neighbours(np.eye(4), [0, 1, 0, 1], np.eye(4), [0, 1, 0, 1], n),
    "size": lambda n: datasets.hold_out(datasets.Split(RAW), n),
    "epochs": lambda n: Settings(epochs=n),
}
SEEDED = {
    "model": lambda seed: tfvae.vae(SHAPE, 2, "mlp(3)", seed=seed),
    "sample": lambda seed: model().sample(1, seed=seed),
    "noise": lambda seed: tfvae.Noise(seed),
    "batches": lambda seed: training.batches(RAW, 2, seed),
    "likelihood": lambda seed: model().log_likelihood(RAW[:1], 1, seed),
    "k-means": lambda seed: priors.MixtureOfNormals((3,), 2).start_at(np.eye(3, dtype="float32"), seed),
    "pseudo-inputs": lambda seed: priors.VampPrior((2,), (3,), 2).start_at(np.eye(3, dtype="float32"), seed),
    "splits": lambda seed: datasets.hold_out(datasets.Split(RAW), 2, seed),
    "data": lambda seed: datasets.load("mnist", seed=seed),
}
TAKE_NUMBERS = {
    "beta": lambda x: tfvae.ELBO(beta=x),
    "free_bits": lambda x: tfvae.ELBO(free_bits=x),
    "final": lambda x: tfvae.WarmUp(2, x),
    "alpha": lambda x: bijectors.Logit(x),
    "log_scale_bound": lambda x: bijectors.HalvesCoupling(networks.mlp((3,)), log_scale_bound=x),
    "scale": lambda x: families.Normal(SHAPE, scale=x),
    "min_scale": lambda x: families.FullNormal((2,), min_scale=x),
    "mask_share": lambda x: tfvae.masked_autoencoder(SHAPE, 2, x, width=8),
    "penalty": lambda x: tfvae.gan(SHAPE, 2, "mlp(3)", penalty=x),
    "stddev": lambda x: corruption.GaussianNoise(x),
    "share": lambda x: corruption.MaskingNoise(x),
    "temperature": lambda x: priors.Flow((2,), bijectors.vector_flow(1, (3,))).draw(None, tfvae.Noise(0), 1, x),
}


@fault("types")
@pytest.mark.parametrize("name", TAKE_INTEGERS)
def test_every_integer_argument_takes_numpy_s_integers(name):
    for two in INTEGERS if name in ("seed", "sample_size") else INTEGERS[:1]:
        TAKE_INTEGERS[name](two)


@fault("types")
@pytest.mark.parametrize("name", TAKE_INTEGERS)
def test_every_integer_argument_refuses_what_is_of_another_kind(name):
    for other in NO_INTEGERS if name == "seed" else (2.0, True):
        with pytest.raises(ValueError, match=rf"^`{name}` must be .*; received"):
            TAKE_INTEGERS[name](other)


@fault("types")
@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_is_an_integer_whoever_takes_it(name):
    SEEDED[name](np.int64(7))
    for other in (7.0, "7", True):
        with pytest.raises(ValueError, match=r"^`seed` must be an integer.*; received"):
            SEEDED[name](other)


@fault("types")
@pytest.mark.parametrize("name", TAKE_NUMBERS)
def test_every_number_is_one_of_numpy_s_too_and_is_kept_as_python_s(name):
    for number in NUMBERS:
        made = TAKE_NUMBERS[name](number)
        if hasattr(made, "get_config"):
            json.dumps(made.get_config())
    for other in NO_NUMBERS:
        with pytest.raises(ValueError, match=f"^`{name}`.* must be .*received"):
            TAKE_NUMBERS[name](other)


@fault("types")
def test_seeds_of_one_value_are_one_seed(trained):
    expected = trained.sample(2, seed=7)[1]
    for seven in (np.int32(7), np.array(7), tf.constant(7)):
        np.testing.assert_array_equal(trained.sample(2, seed=seven)[1], expected)
    by_row = trained.sample(2, seed=tf.constant([7, 8]))[1]
    np.testing.assert_array_equal(trained.sample(2, seed=np.array([7, 8]))[1], by_row)


@fault("types")
def test_any_integer_is_a_seed_of_noise_and_different_ones_differ():
    seeds = [0, -1, 2**31, -(2**31), 2**32, 2**63, -(2**63), 2**64, 2**64 + 1]
    numbers = {tfvae.Noise(seed).uniform("x", 1, ()).numpy()[0] for seed in seeds}
    assert len(numbers) == len(seeds)


@fault("types")
@pytest.mark.parametrize(("seed", "bound"), [(-1, "at least 0"), (2**32, "at most 4294967295")])
def test_a_seed_of_a_generator_that_takes_32_bits_is_refused_beyond_them(seed, bound):
    for name in ("k-means", "pseudo-inputs"):
        with pytest.raises(ValueError, match=rf"^`seed` must be {bound}; received {seed}\.$"):
            SEEDED[name](seed)


@fault("types")
def test_a_seed_of_importance_samples_beyond_64_bits_is_refused(trained):
    trained.log_likelihood(RAW[:1], 1, -(2**63))
    with pytest.raises(
        ValueError, match=r"^`seed` must be at most 9223372036854775807; received 9223372036854775808\.$"
    ):
        trained.log_likelihood(RAW[:1], 1, 2**63)


@fault("types")
def test_a_model_made_of_numpy_s_numbers_comes_back_from_its_file(tmp_path):
    one = np.int64(1)
    model = tfvae.vae(
        (np.int64(4), 4, one), np.int64(2), {"mlp": {"units": (np.int64(3),)}},
        {"normal": {"scale": np.float32(0.5)}}, seed=one, objective=tfvae.ELBO(beta=np.float64(0.5), sample_size=one),
    )  # fmt: skip
    model.compile(keras.optimizers.SGD(1e-2), steps_per_execution=np.int64(2))
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert (loaded.seed, loaded.objective, loaded.steps_per_execution) == (1, model.objective, 2)
    np.testing.assert_array_equal(loaded.predict(RAW, verbose=0), model.predict(RAW, verbose=0))


def test_python_s_numbers_are_kept_as_they_are():
    assert [type(real(number)) for number in (1, 1.0, np.float32(1), np.int64(1))] == [int, float, float, int]
    assert all(type(integer("n", number)) is int for number in (2, *INTEGERS))
    assert tfvae.ELBO(beta=1) == tfvae.ELBO(beta=1.0)
    assert type(Settings(learning_rate=np.float32(0.5)).learning_rate) is float
