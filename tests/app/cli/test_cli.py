"""The command line: one small run, what it leaves behind, and mistakes that end in one sentence."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import tfvae
import tfvae.app.run
from command_lines import SMALL, command
from small_runs import data
from tfvae.app.cli import training
from tfvae.app.run.training_report import TrainingReport
from tfvae.recipes.parts import networks
from tiers import long

QUICK = ["--no-xla", "--steps-per-execution", 1]  # to its first step


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return data(tmp_path_factory.mktemp("data") / "discs.npz")


@pytest.fixture(scope="module")
def run(tmp_path_factory, source):
    folder = tmp_path_factory.mktemp("runs") / "first"
    sizes = ["--train-size", 150, "--validation-size", 50, "--batch-size", 25]
    assert command("train", "--data", source, *SMALL, *sizes, *QUICK, "--seed", 3, "--out", folder) == 0
    return folder


def test_a_run_folder_holds_everything(run):
    files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    names = ("samples", "reconstructions", "latent_map", "latent_rates", "manifold")
    pictures = {f"{name}/{name}-epoch-00{epoch}.png" for name in names for epoch in (1, 2)}
    checkpoints = {name for name in files if name.startswith("checkpoints/step-0000000")}
    assert files == pictures | checkpoints | {"config.yaml", "history.csv", "model.keras", "report.json"}
    assert len(checkpoints) == 2


def test_pictures_are_not_blank(run):
    for path in run.rglob("*.png"):
        pixels = np.asarray(Image.open(path).convert("L"), dtype=float)
        assert pixels.std() > 5, path


def test_config_holds_every_setting(run):
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["epochs"], config["seed"]) == (2, 3)
    assert config["model"] == {
        "vae": {
            "latent_size": 2,
            "network": {"mlp": {"units": [16, 8], "activation": "gelu"}},
            "likelihood": {"normal": {"scale": "shared"}},
            "preprocess": None,
            "prior": "normal",
            "posterior": "normal",
            "objective": {"elbo": {"samples": 1, "beta": 1.0, "warm_up": 0.0, "free_bits": 0.0}},
        }
    }


def test_each_network_has_sizes_of_its_own():
    assert networks.mlp().sizes == 4 * (300,)
    assert networks.conv().sizes == (32, 64)
    assert networks.conv(8).sizes == (8,)


@pytest.mark.slow
def test_a_convolutional_run_on_mnist(tmp_path):
    small = [*("--network", "conv(2,4)", "--epochs", 1, "--train-size", 100, "--batch-size", 50)]
    assert command("train", *small, "--validation-size", 50, "--out", tmp_path / "conv") == 0
    assert yaml.safe_load((tmp_path / "conv/config.yaml").read_text())["model"]["vae"]["network"] == {
        "conv": {"channels": [2, 4], "activation": "gelu"}
    }
    report, model = json.loads((tmp_path / "conv/report.json").read_text()), tfvae.load(tmp_path / "conv/model.keras")
    images = tfvae.datasets.load("mnist").test.images
    assert report["test_images"] == 10_000
    assert report["data_digest"] == tfvae.evaluation.fix(images, model.preprocess).digest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--likelihood", "normal(scale=pixel)"], "density of the dequantised image"),
        long(["--likelihood", "bernoulli", "--objective", "iwae(samples=2)"], "log probability of the binarised"),
        long(
            ["--likelihood", "continuous-bernoulli", "--objective", "elbo(free_bits=0.1)"],
            "density of the dequantised image",
        ),
        (["--likelihood", "discretized-logistic", "--precision", "bfloat16"], "log probability of the 8-bit image"),
        long(["--likelihood", "categorical", "--precision", "float16"], "log probability of the 8-bit image"),
        long(
            ["--likelihood", "bernoulli", "--preprocess", "rescale", "--objective", "elbo(beta=2)"],
            "which is not a likelihood",
        ),
    ],
)
def test_every_likelihood_trains_draws_and_reloads(tmp_path, capsys, options, what):
    levels = np.random.default_rng(0).integers(0, 256, (60, 6, 8), dtype=np.uint8)
    np.save(tmp_path / "levels.npy", levels)
    small = ["--network", "conv(2,3)", "--epochs", 1, "--batch-size", 10, "--validation-size", 10, "--latent-size", 1]
    assert command("train", "--data", tmp_path / "levels.npy", *small, *options, "--out", tmp_path / "run") == 0
    assert what in capsys.readouterr().out.splitlines()[-1]
    assert command("sample", tmp_path / "run", "-n", 4, "--draw") == 0
    assert command("reconstruct", tmp_path / "run", "-n", 4) == 0
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["model"]["vae"]["network"] == {
        "conv": {"channels": [2, 3], "activation": "gelu"}
    }
    report = json.loads((tmp_path / "run/report.json").read_text())
    model = tfvae.load(tmp_path / "run/model.keras")
    test = tfvae.datasets.load(str(tmp_path / "levels.npy")).test
    assert report["test_images"] == len(test) == 6
    assert report["loss"] == pytest.approx(model.evaluate(test.images, verbose=0, return_dict=True)["loss"], rel=1e-5)
    assert report["data_digest"] == tfvae.evaluation.fix(test.images, model.preprocess).digest


def test_history_has_a_row_an_epoch_with_training_and_validation_figures(run):
    rows = list(csv.DictReader((run / "history.csv").open()))
    names = {"loss", "elbo", "distortion", "rate"}
    assert set(rows[0]) == {"epoch", *names, *(f"val_{name}" for name in names), "skipped"}
    assert [row["skipped"] for row in rows] == ["0.0", "0.0"]
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["val_elbo"]) > float(rows[0]["val_elbo"])


def test_the_report_is_what_the_saved_model_scores_on_the_fixed_test_array(run, source):
    report = json.loads((run / "report.json").read_text())
    model = tfvae.load(run / "model.keras")
    images = np.load(source)["test_images"]
    figures = model.evaluate(images, batch_size=20, verbose=0, return_dict=True)
    assert report["elbo"] == pytest.approx(figures["elbo"], rel=1e-6)
    assert report["bits_per_dim"] == pytest.approx(-figures["elbo"] / (64 * np.log(2)) + 8, rel=1e-6)
    assert report["test_images"] == 60
    assert report["data_digest"] == tfvae.evaluation.fix(images, model.preprocess).digest
    assert report["steps"] == model.steps == 2 * (150 // 25)


def test_the_checkpoint_of_the_last_epoch_is_the_model(run):
    newest = sorted((run / "checkpoints").iterdir())[-1]
    checkpoint, model = tfvae.load(newest), tfvae.load(run / "model.keras")
    for one, other in zip(checkpoint.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_last_line_states_the_figure_with_its_convention(capsys):
    report = {"elbo": 512.25, "bits_per_dim": 7.0574, "test_images": 10_000, "data_digest": "abc", "convention": "C"}
    assert tfvae.app.run.summary(TrainingReport.of({**report, "samples_per_image": 1})) == (
        "Test ELBO 512.25 nats = 7.057 bits/dim on 10,000 images, array abc, 1 sample an image (C)."
    )


def test_sample_and_reconstruct_write_pictures(run, tmp_path):
    assert command("sample", run, "-n", 9, "--out", tmp_path / "s.png") == 0
    assert command("sample", run, "-n", 9, "--draw", "--out", tmp_path / "d.png") == 0
    assert command("reconstruct", run, "-n", 5, "--out", tmp_path / "r.png") == 0
    pictures = [np.asarray(Image.open(tmp_path / name).convert("L")) for name in ("s.png", "d.png", "r.png")]
    assert all(picture.std() > 5 for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[1])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--latent-size", "0"], "`latent_size` must be at least 1; received '0'."),
        (["train", "--seed", "-1"], "`seed` must be at least 0; received '-1'."),
        (["train", "--network", "mlp(500,many)"], "`units` must be an integer; received 'many'."),
        (["train", "--likelihood", "normal(scale=huge)"], "`scale` must be"),
        (["train", "--likelihood", "normal(scale=-1)"], "`scale` must be"),
        (["train", "--network", "resnet"], "`network` must be"),
        (["train", "--learning-rate", "0"], "`learning_rate` must be above 0; received '0'."),
        (["train", "--train-size", "50", "--batch-size", "100"], "`batch_size` must be at most the number"),
        (["train", "--validation-size", "60000"], "`validation_size` must leave training images"),
        (["sample", "nowhere"], "There is no run folder nowhere"),
        (["sample", "."], "holds neither model.keras nor a checkpoint"),
        (["reconstruct", "."], ". is no run folder: it has no config.yaml."),
    ],
)
def test_mistakes_end_in_one_sentence_and_leave_nothing(arguments, sentence, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert command(*arguments) == 1
    message = capfd.readouterr().err.strip()
    assert message.startswith("Error: ")
    assert sentence in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_a_run_folder_is_never_overwritten(run, capfd):
    before = (run / "model.keras").read_bytes()
    assert command("train", *SMALL, "--out", run) == 1
    assert "exists already" in capfd.readouterr().err
    assert (run / "model.keras").read_bytes() == before


def test_run_folders_are_numbered_and_made_at_once(tmp_path):
    with training._next_free(tmp_path / "runs") as one, training._next_free(tmp_path / "runs") as two:
        assert (one, two) == (tmp_path / "runs/001", tmp_path / "runs/002")
    for name in ("007", "notes"):
        (tmp_path / "runs" / name).mkdir()
    with training._next_free(tmp_path / "runs") as free:
        assert free == tmp_path / "runs/008"


@pytest.mark.slow
def test_validation_images_are_a_tenth_of_few_images(tmp_path):
    np.save(tmp_path / "few.npy", np.random.default_rng(0).integers(0, 256, (50, 6, 8), np.uint8))
    small = ["--network", "mlp(3)", "--latent-size", 1, "--epochs", 1, "--batch-size", 10, *QUICK]
    assert command("train", "--data", tmp_path / "few.npy", *small, "--out", tmp_path / "run") == 0
    report = json.loads((tmp_path / "run/report.json").read_text())
    assert (report["test_images"], report["steps"]) == (5, 4)  # 41 of 45 images to train on


def test_help_and_version_import_no_tensorflow():
    code = (
        "import sys; from tfvae.app import cli\n"
        "for arguments in (['--help'], ['train', '--help'], ['train', 'vae', '--help'], ['--version']):\n"
        "    try: cli.app(arguments)\n"
        "    except SystemExit: pass\n"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert tfvae.__version__ in done.stdout
    shown = " ".join(done.stdout.split())
    assert "E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x)" in shown
    assert "[default: runs/001 or the next free number]" in shown


def test_a_run_that_did_not_end_shows_its_last_epoch(run, tmp_path, capfd):
    shutil.copytree(run / "checkpoints", tmp_path / "checkpoints")
    assert command("sample", tmp_path, "-n", 4) == 0
    assert "which training writes last; this is its checkpoint of step" in capfd.readouterr().err
    assert (tmp_path / "samples.png").exists()


@pytest.mark.parametrize("damage", [lambda b: b[:1000], lambda b: b[: len(b) // 2] + b"x" + b[len(b) // 2 + 1 :]])
def test_a_damaged_model_is_named(run, tmp_path, capfd, damage):
    (tmp_path / "model.keras").write_bytes(damage((run / "model.keras").read_bytes()))
    assert command("sample", tmp_path) == 1
    message = capfd.readouterr().err.strip()
    assert "model.keras is damaged or no .keras file" in message
    assert "\n" not in message


@pytest.mark.long
@pytest.mark.slow
def test_the_module_runs_as_a_program_in_less_than_two_gigabytes(tmp_path):
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'tfvae', 'train', '--epochs', '1', '--out', 'run'], check=True)\n"
        "print('kilobytes', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    *_, last, memory = done.stdout.strip().splitlines()
    assert last.startswith("Test ELBO ")
    assert "bits/dim" in last
    assert int(memory.split()[1]) < 2 * 1024**2
    assert (Path(tmp_path) / "run/model.keras").exists()
