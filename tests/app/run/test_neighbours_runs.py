"""The VAE's neighbours through `tfvae train`, `evaluate` and `compare`: resumed bit for bit, finite for every seed."""

import json
import math

import numpy as np
import pytest

import tfvae
from command_lines import command
from interruptions import After
from small_runs import data, few_draws, small, tiny  # noqa: F401
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.app.run import MODEL
from tfvae.app.settings import Settings
from tiers import first, only

LATENTS = {"network": "mlp(8)", "latent_size": 2}
MODELS = {
    "naive_monte_carlo": {"draws": 16, **LATENTS},
    "autoencoder": LATENTS,
    "denoising_autoencoder": {"corruption": "masking", **LATENTS},
    "masked_autoencoder": {"patch_size": 4},
    "mixture": {"components": 3, "rank": 1},
    "gan": LATENTS,
    "vae": {"prior": "mixture(components=3)", **LATENTS},
}
LACKS = {
    "naive_monte_carlo": {"latents", "representation"},
    "autoencoder": {"likelihood", "latents", "samples"},
    "denoising_autoencoder": {"likelihood", "latents", "samples"},
    "masked_autoencoder": {"likelihood", "latents", "samples"},
    "mixture": {"latents", "representation"},
    "gan": {"likelihood", "latents", "representation"},
    "vae": set(),
}
"""Sections that the report has not, but the model's reason for it."""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return data(tmp_path_factory.mktemp("data") / "discs.npz")


def settings(source, model, **changes):
    """Two epochs of two steps."""
    given = {"data": str(source), "epochs": 2, "train_size": 40, "batch_size": 20, "validation_size": 20, "xla": False}
    return Settings(**(given | {"model": {model: MODELS[model]}} | changes))


@pytest.mark.slow
@pytest.mark.parametrize("model", first(2, MODELS))
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(source, tmp_path, model):
    wanted = settings(source, model)
    run.train(wanted, tmp_path / "whole", verbose=0)
    with pytest.raises(Interrupted):
        run.train(wanted, tmp_path / "cut", After(2), verbose=0)
    assert not (tmp_path / "cut" / MODEL).exists()
    run.train(wanted, tmp_path / "cut", resume=True, verbose=0)
    whole, cut = (tfvae.load(tmp_path / name / MODEL) for name in ("whole", "cut"))
    tiny.assert_same_bits(tiny.values(cut.weights), tiny.values(whole.weights))
    figures = [json.loads((tmp_path / name / "report.json").read_text())["loss"] for name in ("whole", "cut")]
    assert figures[0] == figures[1]


@pytest.mark.slow
@pytest.mark.parametrize("model", first(2, MODELS))
def test_a_run_is_measured_and_compared_as_far_as_the_model_can(source, tmp_path, monkeypatch, capsys, model):
    small.few_draws(monkeypatch)
    folder = tmp_path / model
    run.train(settings(source, model), folder, verbose=0)
    assert command("evaluate", folder, "--sample-size", 30) == 0
    report = json.loads((folder / "evaluation/report.json").read_text())
    for section in ("likelihood", "latents", "representation"):
        assert (section in report) == (section not in LACKS[model]), section
    assert (folder / "evaluation/samples.npz").exists() == ("samples" not in LACKS[model])
    assert ("clusters" in report) == (model in ("mixture", "vae"))
    trained = tfvae.load(folder / MODEL)
    assert report["model"]["parameters"] == sum(np.prod(weight.shape) for weight in trained.trainable_weights)
    assert report["training"]["test_loss"] == json.loads((folder / "report.json").read_text())["loss"]
    other = run.train(settings(source, "autoencoder"), tmp_path / "other", verbose=0)
    assert math.isfinite(other["loss"])
    assert command("evaluate", tmp_path / "other") == 0
    capsys.readouterr()
    assert command("compare", folder, tmp_path / "other") == 0
    printed = capsys.readouterr().out
    for section in LACKS[model]:
        assert f"  {section}: {trained.lacks[section]} (" in printed


@pytest.mark.slow
@pytest.mark.parametrize("model", only(["mixture"], MODELS))
def test_figures_stay_finite_for_three_seeds(source, tmp_path, model):
    losses = [run.train(settings(source, model, seed=seed, epochs=20), tmp_path / f"{seed}", verbose=0)["loss"]
              for seed in range(3)]  # fmt: skip
    assert np.all(np.isfinite(losses))
    assert len(set(losses)) == 3
