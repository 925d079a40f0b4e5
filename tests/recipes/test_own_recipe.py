"""A stranger's recipe and part, defined in this file: every command works with them, and nothing is registered."""

import json
from typing import Annotated

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
import yaml
from annotated_types import Gt

import tfvae
from command_lines import command
from tfvae import networks
from tfvae.app.cli import training


@keras.saving.register_keras_serializable("own")
class Wide(tfvae.priors.Prior):
    """N(0, width^2 I)."""

    def __init__(self, event_shape, width: Annotated[float, Gt(0)] = 2.0, name=None):
        super().__init__(event_shape, name=name)
        self.width = width

    def distribution(self, encoder=None):
        zeros = tf.zeros(self.event_shape, self.compute_dtype)
        return tfp.distributions.Independent(tfp.distributions.Normal(zeros, self.width + zeros), len(self.event_shape))

    def draw(self, encoder, noise, rows):
        return self.width * tf.cast(noise.normal("prior", rows, self.event_shape), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def own(image_shape, units: Annotated[int, Gt(0)] = 4, word: str = "gelu", seed: int = 0):
    """A small VAE of a stranger.

    Args:
        units: units of the one hidden layer.
        word: function between the layers.
    """
    likelihood = tfvae.families.Bernoulli(image_shape)
    return tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(
            networks.mlp((units,), word), tfvae.families.Normal((2,)), name="encoder"
        ),
        decoder=tfvae.ConditionalDistribution(networks.mlp((units,), word), likelihood, name="decoder"),
        prior=Wide((2,)),
        preprocess=tfvae.preprocessing.Binarize(),
        objective=tfvae.ELBO(analytic_kl=False),
        seed=seed,
    )


def no_model(image_shape):
    """Returns no model."""
    return "no model"


RECIPE = f"{__name__}:own"
RUN = ("--epochs", 2, "--batch-size", 10, "--validation-size", 10, "--no-xla")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "levels.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8))
    return path


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "own"
    assert command("train", RECIPE, "--units", 5, "--data", data, *RUN, "--out", folder) == 0
    return folder


def test_its_options_and_their_help_are_shown(capsys):
    assert command("train", RECIPE, "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "A small VAE of a stranger." in shown
    assert "--units" in shown and "Units of the one hidden layer. [default: 4]" in shown
    assert "--seed" in shown and "--latent-size" not in shown


def test_its_settings_are_kept_and_its_pictures_drawn(run):
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"] == {RECIPE: {"units": 5, "word": "gelu"}}
    assert {path.name for path in run.iterdir() if path.is_dir()} >= {"samples", "reconstructions", "latent_map"}
    assert isinstance(tfvae.load(run / "model.keras").prior, Wide)


@pytest.mark.slow
def test_its_settings_train_again_from_yaml_and_it_resumes(run, data, tmp_path):
    assert command("train", "--config", run / "config.yaml", "--epochs", 1, "--out", tmp_path / "again") == 0
    assert yaml.safe_load((tmp_path / "again/config.yaml").read_text())["model"] == {
        RECIPE: {"units": 5, "word": "gelu"}
    }
    before = (run / "history.csv").read_bytes()
    assert command("train", "--out", run, "--resume") == 0
    assert (run / "history.csv").read_bytes() == before


def test_the_command_that_goes_on_names_it(tmp_path):
    assert training._going_on(RECIPE, tmp_path) == f"tfvae train {RECIPE} --out {tmp_path} --resume"
    assert training._going_on("vae", tmp_path, "--seeds", "1") == f"tfvae train --out {tmp_path} --resume --seeds 1"


@pytest.mark.slow
def test_it_is_measured_compared_encoded_drawn_and_exported(run, data, tmp_path, capsys):
    assert command("evaluate", run, "--sample-size", 20) == 0
    assert command("compare", run, run) in (0, 1)
    assert command("encode", run, data, "--out", tmp_path / "codes.npz") == 0
    assert np.load(tmp_path / "codes.npz")["train_mean"].shape[1] == 2
    for picture in ("sample", "reconstruct", "traverse"):
        assert command(picture, run, "--out", tmp_path / f"{picture}.png") == 0
    assert command("interpolate", run, "--n", 1) == 1
    assert "Ways between images are drawn of flows; this model is a `VAE`." in capsys.readouterr().err
    assert command("export", run, tmp_path / "served") == 0
    assert command("card", tmp_path / "served") == 0
    assert "encode" in capsys.readouterr().out
    assert json.loads((run / "evaluation/report.json").read_text())["settings"]["model"] == {
        RECIPE: {"units": 5, "word": "gelu"}
    }


@pytest.mark.long
@pytest.mark.slow
def test_two_replicas_make_the_run_of_one_device(run, data, tmp_path, capfd):
    mirrored = tmp_path / "run"
    settings = ("--units", 5, "--data", data, *RUN, "--strategy", "mirrored")
    assert command("train", RECIPE, *settings, "--out", mirrored) == 0
    one, two = (json.loads((folder / "report.json").read_text()) for folder in (run, mirrored))
    for figure in ("loss", "elbo", "distortion", "rate"):
        assert two[figure] == pytest.approx(one[figure], rel=1e-5)
    capfd.readouterr()
    assert command("train", "--out", mirrored, "--resume", "--strategy", "one") == 0
    assert "The checkpoint was written on 2 replicas; this run goes on with 1" in capfd.readouterr().err


@pytest.mark.slow
def test_a_part_is_named_with_its_options(data, tmp_path):
    prior = f"{__name__}:Wide(3)"
    small = ("--network", "mlp(4)", "--objective", "elbo", "--likelihood", "bernoulli")
    assert command("train", "vae", "--prior", prior, *small, "--data", data, *RUN, "--out", tmp_path / "run") == 0
    assert tfvae.load(tmp_path / "run/model.keras").prior.width == 3.0
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["model"]["vae"]["prior"] == {
        f"{__name__}:Wide": {"width": 3.0, "name": None}
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", RECIPE, "--units", "0"], "`units` must be above 0; received '0'."),
        (["train", RECIPE, "--units", "few"], "`units` must be an integer; received 'few'."),
        (["train", f"{__name__}:nothing"], "has no attribute 'nothing'."),
        (["train", f"{__name__}:no_model"], "must return a model of tfvae, such as `tfvae.VAE`; it returned a `str`."),
        (["train", "vae", "--prior", f"{__name__}:Wide(-1)"], "`width` must be above 0; received -1."),
    ],
)
def test_bad_values_are_refused_in_one_sentence(arguments, sentence, data, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(*arguments, *(("--data", data, *RUN) if len(arguments) < 3 else ())) == 1
    message = capfd.readouterr().err.strip()
    assert message.endswith(sentence)
    assert "\n" not in message
    assert not list(tmp_path.iterdir())
