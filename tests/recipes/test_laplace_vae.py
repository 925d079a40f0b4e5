"""The VAE with a Laplace likelihood: its density and draws, and a run by the command line."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from test_own_recipe import RUN

import tfvae
from command_lines import command
from tfvae.families.laplace import Laplace

SHAPE = (2, 3, 1)


@pytest.mark.parametrize("scale", ["shared", "image", "pixel", 0.3])
def test_the_density_is_scipys_summed_over_an_image(scale, float64):
    rng = np.random.default_rng(0)
    location, x = rng.normal(size=(2, 4, *SHAPE))
    raw = {"shared": rng.normal(size=1), "image": rng.normal(size=(4, 1)), "pixel": rng.normal(size=(4, *SHAPE))}
    raw_scale = raw.get(scale)
    found = Laplace(SHAPE, scale).distribution(location, None if raw_scale is None else tf.constant(raw_scale))
    b = 0.3 if raw_scale is None else 1 / 256 + np.log1p(np.exp(raw_scale))
    b = b[:, :, None, None] if scale == "image" else b
    expected = stats.laplace.logpdf(x, location, b).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found.log_prob(x), expected, rtol=1e-10)


@pytest.mark.slow
def test_draws_have_the_distribution():
    family = Laplace(SHAPE, 0.5)
    location = np.arange(6.0, dtype=np.float32).reshape(1, *SHAPE)
    draws = np.asarray(family.draw(family.distribution(location), tfvae.Noise(0), "x", 5000))[:, 0].reshape(-1, 6)
    for element in range(6):
        assert stats.kstest(draws[:, element], stats.laplace(element, 0.5).cdf).pvalue > 1e-3


def test_gradients_flow_through_draws():
    family, raw_scale = Laplace(SHAPE, "shared"), tf.constant([0.1])
    with tf.GradientTape() as tape:
        tape.watch(raw_scale)
        draw = family.draw(family.distribution(tf.zeros((2, *SHAPE)), raw_scale), tfvae.Noise(0), "x")
    assert np.abs(tape.gradient(draw, raw_scale)).sum() > 0


@pytest.mark.long
@pytest.mark.slow
def test_the_recipe_trains_resumes_and_is_loaded(tmp_path):
    np.save(tmp_path / "levels.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8))
    run, model = tmp_path / "run", ("laplace-vae", "--network", "mlp(8)", "--latent-size", 2, "--scale", "pixel")
    assert command("train", *model, "--data", tmp_path / "levels.npy", *RUN, "--out", run) == 0
    assert command("train", "--out", run, "--resume") == 0
    assert command("evaluate", run, "--sample-size", 2) == 0
    assert json.loads((run / "evaluation/report.json").read_text())["likelihood"]["bits_per_dim"] > 0
    loaded = keras.saving.load_model(run / "model.keras")
    assert isinstance(loaded.decoder.family, Laplace) and loaded.decoder.family.scale == "pixel"


def test_it_learns():
    model, images = tfvae.laplace_vae((8, 8, 1), network="mlp(8)"), np.full((50, 8, 8), 200, np.uint8)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = model.fit(images, batch_size=10, epochs=10, verbose=0).history["loss"]
    assert history[-1] < history[0]
