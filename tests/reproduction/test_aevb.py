"""Kingma and Welling's pictures, on a few made-up images through the same functions."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from interruptions import After
from reproduction import aevb
from tfvae import evaluation
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.app.settings import Settings
from tfvae.datasets import load
from tfvae.recipes import Specification

SETTINGS = Settings(
    model="vae(likelihood=bernoulli, network=mlp(4, activation=tanh))", batch_size=20, epochs=1, validation_size=10,
    test_size=30, xla=False, seed=5,
)  # fmt: skip
SIZES = (2, 3)


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """Draws from the prior; a million take their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aevb, "_NAIVE_DRAWS", 64)
        yield


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (100, 8, 6), np.uint8))
    return dataclasses.replace(SETTINGS, data=str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, settings):
    """Of a reproduction that ended."""
    folder = tmp_path_factory.mktemp("runs") / "aevb"
    aevb.run(folder, 7, settings, SIZES, command="the command", verbose=0)
    return folder


def refuse(*_, **__):
    raise AssertionError("this was done before")


@pytest.mark.slow
def test_the_figures_are_those_of_the_models_on_the_test_images(folder, settings):
    result = json.loads((folder / aevb.RESULT).read_text())
    images = load(settings.data, test_size=30, seed=5).test.images
    assert (result["samples"], result["command"]) == (7, "the command")
    assert "binarised" in result["convention"]
    assert list(result["latent_sizes"]) == ["2", "3"]
    for size, found in result["latent_sizes"].items():
        model = run.model_of(folder / f"latent-{size}")
        assert model.prior.event_shape == (int(size),)
        log_p = evaluation.log_likelihood(model, images, 7)
        error = log_p.std(ddof=1) / np.sqrt(30)
        assert found["log_likelihood"] == {
            "mean": pytest.approx(log_p.mean(), rel=1e-6),
            "standard_error": pytest.approx(error, rel=1e-5),
        }
        naive = evaluation.naive_estimate(model, evaluation.fix(images, model.preprocess).x, 64)
        assert found["naive"]["log_p"] == pytest.approx(naive.log_p.tolist(), rel=1e-6)
        assert found["naive"]["draws_within_a_nat"] == naive.draws_within_a_nat(log_p.mean())
        assert (found["naive"]["images"], found["naive"]["draws"]) == (30, [1, 2, 4, 8, 16, 32, 64])
        assert found["naive"]["bound"] == pytest.approx(log_p.mean(), rel=1e-6)
        assert found["elbo"]["mean"] < found["log_likelihood"]["mean"]
        assert found["data_digest"] == evaluation.fix(images, model.preprocess).digest
        assert (found["test_images"], found["settings"]["model"]["vae"]["latent_size"]) == (30, int(size))
        assert found["training_seconds"] > 0


@pytest.mark.slow
def test_the_pictures_are_there(folder):
    """None of them blank."""
    samples, manifold = (np.asarray(Image.open(folder / name).convert("L")) for name in (aevb.SAMPLES, aevb.MANIFOLD))
    assert samples.shape[1] > samples.shape[0]  # two grids that are higher than wide, side by side
    assert samples.std() > 5
    assert manifold.std() > 5


@pytest.mark.slow
def test_what_is_there_is_neither_trained_nor_measured_again(folder, settings, monkeypatch):
    before = (folder / aevb.RESULT).read_bytes()
    monkeypatch.setattr(run, "train", refuse)
    monkeypatch.setattr(evaluation, "log_likelihood", refuse)
    aevb.run(folder, 7, settings, SIZES, command="the command", verbose=0)
    assert (folder / aevb.RESULT).read_bytes() == before
    with pytest.raises(AssertionError, match="done before"):
        aevb.run(folder, 8, settings, SIZES, verbose=0)


@pytest.mark.slow
def test_an_interrupted_run_goes_on(folder, settings, tmp_path):
    with pytest.raises(Interrupted):
        aevb.run(tmp_path, 7, settings, (2,), interruption=After(1), verbose=0)
    assert list((tmp_path / "latent-2" / "checkpoints").iterdir())
    found = aevb.run(tmp_path, 7, settings, (2,), verbose=0)["latent_sizes"]["2"]
    whole = json.loads((folder / aevb.RESULT).read_text())["latent_sizes"]["2"]
    assert found["log_likelihood"] == whole["log_likelihood"]


@pytest.mark.slow
def test_a_run_with_other_settings_is_not_taken(folder, settings):
    with pytest.raises(ValueError, match=r"latent-2 has epochs 1, not 2; choose another folder\.$"):
        aevb.run(folder, 7, dataclasses.replace(settings, epochs=2), SIZES, verbose=0)


def test_the_settings_are_the_papers():
    assert aevb.LATENT_SIZES == (2, 5, 10, 20)
    assert (aevb.SETTINGS.data, aevb.SETTINGS.batch_size) == ("mnist", 100)
    options = aevb.SETTINGS.model.options
    assert (aevb.SETTINGS.model.name, options["likelihood"].name) == ("vae", "bernoulli")
    assert options["network"] == Specification("mlp", {"units": (500,), "activation": "tanh"})
