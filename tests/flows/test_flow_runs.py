"""Flows through the command line: trained, resumed, evaluated, compared, drawn."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

import small
import small_runs
import tfvae
import tiny
from command_lines import command
from interruptions import After
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.app.run import MODEL, build, evaluation
from tfvae.app.settings import Settings
from tfvae.flows import Flow, InverseAutoregressive
from tiers import long, only, slow

_FLOW = "flow(depth=1, hidden=(4,))"
MODELS = {
    "glow": "glow(depth=1, filters=(4,))",
    "realnvp": "realnvp(depth=1, filters=(4,))",
    "maf": "maf(depth=1, hidden=(4,))",
    "vae": f"vae(latent_size=3, network=mlp(8), prior={_FLOW}, posterior={_FLOW})",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return small_runs.data(tmp_path_factory.mktemp("data") / "discs.npz")


def settings(source, which, **changes):
    """Two epochs of two steps."""
    given = {"data": str(source), "epochs": 2, "train_size": 40, "batch_size": 20, "validation_size": 20, "xla": False}
    return Settings(model=MODELS[which], **(given | changes))


@pytest.mark.slow
@pytest.mark.parametrize("which", only(["glow", "vae"], ["glow", "vae", "realnvp", "maf"]))
def test_a_flow_trains_is_measured_and_drawn(source, tmp_path, monkeypatch, capsys, which):
    small.few_draws(monkeypatch)
    monkeypatch.setattr(evaluation, "_TRAINING", 100)
    folder = tmp_path / which
    report = run.train(settings(source, which), folder, verbose=0)
    assert np.isfinite(report["bits_per_dim"])
    assert command("evaluate", folder, "--sample-size", 50) == 0
    printed = capsys.readouterr().out
    assert ("log p(x), exact" in printed) == (which != "vae")
    assert command("sample", folder, "-n", 4) == 0
    drawn = {path.name for path in folder.rglob("*-epoch-002.png")}
    if which in ("glow", "realnvp"):
        assert drawn == {"samples-epoch-002.png", "interpolations-epoch-002.png"}
        assert command("sample", folder, "-n", 4, "--temperature", 0.5, "--out", tmp_path / "cool.png") == 0
        assert command("interpolate", folder, "-n", 2, "--steps", 3) == 0
        assert (tmp_path / "cool.png").exists()
        assert (folder / "interpolations.png").exists()
    if which == "vae":
        assert "reconstructions-epoch-002.png" in drawn
        assert "latent_rates-epoch-002.png" in drawn
        assert command("sample", folder, "--temperature", 0.5) == 1
        assert "A temperature is of flows only" in capsys.readouterr().err
        shutil.copytree(folder, tmp_path / "other")
        assert command("compare", folder, tmp_path / "other") == 0
        assert "mutual information" not in capsys.readouterr().out


@pytest.mark.parametrize("which", [long("vae"), slow("glow")])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(source, tmp_path, which):
    wanted = settings(source, which)
    run.train(wanted, tmp_path / "whole", verbose=0)
    with pytest.raises(Interrupted):
        run.train(wanted, tmp_path / "cut", After(2), verbose=0)
    run.train(wanted, tmp_path / "cut", resume=True, verbose=0)
    whole, cut = (tfvae.load(tmp_path / name / MODEL) for name in ("whole", "cut"))
    tiny.assert_same_bits(tiny.values(cut.weights), tiny.values(whole.weights))
    figures = [json.loads((tmp_path / name / "report.json").read_text())["loss"] for name in ("whole", "cut")]
    assert figures[0] == figures[1]


def test_a_run_of_a_flow_starts_from_the_data(source):
    wanted = settings(source, "glow")
    images = run.load_data(wanted).train
    model = build.model(wanted, images.image_shape, 1)
    before = np.mean(model.density.distribution().log_prob(model.representative(images.first(100).images)))
    build.start(model, wanted, images)
    after = np.mean(model.density.distribution().log_prob(model.representative(images.first(100).images)))
    assert after > before


@pytest.mark.parametrize(
    ("parts", "prior", "posterior", "closed_form"),
    [
        ("", tfvae.priors.StandardNormal, tfvae.families.Normal, True),
        (", prior=flow", Flow, tfvae.families.Normal, False),
        (", posterior=flow", tfvae.priors.StandardNormal, InverseAutoregressive, False),
        (", prior=mixture(components=3)", tfvae.priors.MixtureOfNormals, tfvae.families.Normal, False),
    ],
    ids=["plain", "prior", "posterior", "mixture"],
)
def test_the_settings_choose_the_parts_and_say_how_the_rate_is_measured(parts, prior, posterior, closed_form):
    model = build.model(Settings(model=f"vae(latent_size=3, network=mlp(8){parts})"), tiny.SHAPE, 1)
    assert isinstance(model.prior, prior)
    assert isinstance(model.encoder.family, posterior)
    assert model.objective.analytic_kl is closed_form


def test_an_image_that_cannot_be_halved_is_refused_before_anything_is_trained(tmp_path, capsys):
    np.save(tmp_path / "odd.npy", np.zeros((50, 7, 8, 1), np.uint8))
    settings_given = ("--batch-size", 10, "--out", tmp_path / "run")
    assert command("train", "glow", "--data", tmp_path / "odd.npy", *settings_given) == 1
    assert "7 x 8 images would get odd sides." in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["glow", long("vae")])
def test_networks_in_half_precision_leave_the_flow_in_float32(source, which):
    model = build.model(settings(source, which, precision="bfloat16"), tiny.SHAPE, 1)
    assert all(variable.dtype == "float32" for variable in model.trainable_variables)
    raw = tiny.images(4)
    tiny.compiled(model, keras.optimizers.Adam(1e-3)).fit(raw, batch_size=4, verbose=0)
    assert dataclasses.asdict(model.objective) and model.skipped_steps == 0
