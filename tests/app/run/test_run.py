"""`tfvae.Run`: a run folder from its training to its export, and what it refuses before TensorFlow is imported."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import small
import tfvae
import tiny
from small_runs import without_pictures
from tfvae.app.run import evaluation
from tfvae.app.settings import CONFIG, Settings

pytestmark = pytest.mark.usefixtures("eagerly")
MODEL = "vae(latent_size=2, network=mlp(4), likelihood=bernoulli)"
SETTINGS = {"model": MODEL, "batch_size": 20, "test_size": 10, "xla": False, "steps_per_execution": 1}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with images and a run on them."""
    folder = tmp_path_factory.mktemp("home")
    np.savez(folder / "images.npz", images=tiny.images(80), labels=np.arange(80) % 2)
    run = tfvae.Run(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        without_pictures(patch)
        report = run.train(data=str(folder / "images.npz"), epochs=2, verbose=0, **SETTINGS)
    assert report.as_json() == json.loads((folder / "run/report.json").read_text())
    assert report == run.report
    return folder


@pytest.fixture
def folder(home, tmp_path):
    """A copy of the run that a test may change."""
    return shutil.copytree(home / "run", tmp_path / "run")


def test_a_run_says_what_its_folder_holds(home):
    run = tfvae.Run(str(home / "run"))
    assert repr(run) == f"Run('{home}/run')"
    assert run.settings.model.options["latent_size"] == 2 and run.settings.epochs == 2
    assert len(run.data.test) == 10 and run.data is run.data
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert run.history[-1]["val_loss"] > 0
    assert run.model.latent_shape == (2,) and run.model is run.model
    assert run.model.steps == 2 * 3


def test_images_that_were_moved_are_named(home, folder, tmp_path):
    moved = shutil.copy(home / "images.npz", tmp_path / "moved.npz")
    text = (folder / CONFIG).read_text().replace("/images.npz", "/gone.npz")
    (folder / CONFIG).write_text(text)
    with pytest.raises(OSError, match=r"The data of .* cannot be read from here: .*name their place with"):
        tfvae.Run(folder).data.test  # noqa: B018
    run = tfvae.Run(folder, data=str(moved))
    assert len(run.data.test) == 10 and run.settings.data == str(moved)


def test_it_is_evaluated_encoded_and_sampled(folder, monkeypatch):
    small.few_draws(monkeypatch)
    without_pictures(monkeypatch)
    monkeypatch.setattr(evaluation, "_TRAINING", 100)
    run = tfvae.Run(folder)
    with pytest.raises(FileNotFoundError, match=r"has no evaluation/report\.json; run `tfvae evaluate"):
        run.evaluation  # noqa: B018
    said = []
    report = run.evaluate(20, images=5, progress=said.append)
    assert said
    assert run.evaluation.report == report and report.data.examples == 5
    assert run.evaluation.by_example["bound"].mean() == pytest.approx(report.likelihood.bound)
    assert report.as_json() == json.loads((folder / "evaluation/report.json").read_text())
    codes = run.encode()
    assert codes["test_mean"].shape == (10, 2) and codes["train_labels"].shape == (70,)
    np.testing.assert_array_equal(codes["test_mean"], run.encode(run.settings.data)["test_mean"])
    images = run.sample(3, seed=1)
    assert images.shape == (3, 8, 8, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, run.sample(5, seed=1)[:3])
    assert set(np.unique(run.sample(3, draw=True))) <= {0, 255}


@pytest.mark.slow
def test_it_is_exported(home, tmp_path):
    assert tfvae.Run(home / "run").export(tmp_path / "models/mine") == tmp_path / "models/mine/1"


def test_training_goes_on_and_what_was_read_before_is_read_anew(folder, monkeypatch):
    without_pictures(monkeypatch)
    run = tfvae.Run(folder)
    assert len(run.history) == 2
    (folder / "report.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"run has no report\.json, which training writes last\."):
        run.report  # noqa: B018
    run.train(resume=True, verbose=0)
    assert run.report and len(run.history) == 2
    with pytest.raises(ValueError, match="are not those that its model was trained with: `seed` is 1, not 0"):
        run.train(resume=True, seed=1, verbose=0)


def test_a_run_goes_on_without_the_run_that_its_first_weights_were_of(tmp_path):
    run = tfvae.Run(tmp_path / "run")
    wanted = Settings(weights=str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=r"^There is no run folder .*gone; `tfvae train` makes one\.$"):
        run.check_training(wanted)
    run.check_training(wanted, resume=True)


def test_settings_that_are_given_singly_win(tmp_path):
    wanted = tfvae.Run(tmp_path)._wanted(Settings(epochs=3), False, {"batch_size": 7, "model": "autoencoder"})
    assert (wanted.epochs, wanted.batch_size, wanted.model.name) == (3, 7, "autoencoder")
    with pytest.raises(ValueError, match=r"^There is no setting 'epoch'\. Did you mean 'epochs'\?$"):
        tfvae.Run(tmp_path).train(epoch=3)


def test_a_model_file_is_a_run_that_has_a_model_alone(home, tmp_path):
    file = shutil.copy(home / "run/model.keras", tmp_path / "other.keras")
    run = tfvae.Run(file)
    assert run.sample(2).shape == (2, 8, 8, 1)
    with pytest.raises(FileNotFoundError, match=r"other\.keras is no run folder: it has no config\.yaml\."):
        run.data  # noqa: B018


NO_FOLDER = "Error: {}/gone is no run folder: it has no config.yaml."
NO_MODEL = "Error: There is no run folder {}/gone; `tfvae train` makes one."
MISSING = {
    "sample {}/gone": NO_MODEL,
    "sample {}/gone.keras": "Error: There is no model at '{}/gone.keras'.",
    "reconstruct {}/gone": NO_FOLDER,
    "interpolate {}/gone": NO_FOLDER,
    "traverse {}/gone": NO_FOLDER,
    "evaluate {}/gone": NO_FOLDER,
    "compare {}/gone {}/other": "Error: {}/gone has no evaluation/report.json; run `tfvae evaluate {}/gone` first.",
    "encode {}/gone mnist --out {}/codes.npz": NO_FOLDER,
    "export {}/gone {}/exported": NO_FOLDER,
    "card {}/gone": "Error: {}/gone holds no exported model; `tfvae export RUN {}/gone` makes one.",
    "train --out {}/gone --resume": NO_FOLDER,
    "train --out {}/new --weights {}/gone": NO_MODEL,
    "train --out {}/new --data {}/gone.npz": "Error: The data must be 'mnist', 'tfds:NAME', a folder of images or a "
    "file that ends in .npz, .npy, .mat; there is no file or folder '{}/gone.npz'.",
    "train --out {}": "Error: {} exists already and is not an empty folder; choose another with --out, or go on with "
    "--resume.",
}
SPOILT = {
    "settings": (
        lambda run: (run / CONFIG).write_text((run / CONFIG).read_text().replace("seed: 0", "seed: 1")),
        "The settings of {} are not those that its model was trained with: `seed` is 1, not 0. Restore its "
        "config.yaml, or start a new run.",
    ),
    "report": (
        lambda run: (run / "report.json").write_text("{"),
        "{}/report.json is damaged or of another version; move it away to measure without its test loss and minutes.",
    ),
    "model": (
        lambda run: [(run / "model.keras").unlink(), shutil.rmtree(run / "checkpoints")],
        "{} holds neither model.keras nor a checkpoint; `tfvae train` writes them.",
    ),
}
COMMANDS = {"sample": "sample {}", "evaluate": "evaluate {}", "export": "export {} {}-exported"}
USES = ["settings", "model", "data", "report", "history", "evaluate()", "encode()", "sample()"]
REFUSING = """
import contextlib, io, json, sys
import tfvae
from tfvae.app import cli
def command(words):
    sys.argv = ["tfvae", *words.split()]
    try:
        cli.main()
    except SystemExit as end:
        return end.code
def use(run, name):
    try:
        eval(f"tfvae.Run({run!r}).{name}")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
outcomes = []
for function, *arguments in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = {"command": command, "use": use}[function](*arguments)
    outcomes.append((code, said.getvalue().strip(), "tensorflow" in sys.modules))
print(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def refused(home, tmp_path_factory):
    """What a process says that does one thing after another: exit code, sentence, and if it has TensorFlow by then."""
    place = tmp_path_factory.mktemp("refused")
    (place / "something").touch()
    for name, (spoil, _) in SPOILT.items():
        spoil(shutil.copytree(home / "run", place / name))
    asked = [("command", words.replace("{}", str(place))) for words in MISSING]
    asked += [("command", words.replace("{}", str(place / name))) for name in SPOILT for words in COMMANDS.values()]
    asked += [("use", str(place / "gone"), name) for name in USES]
    done = subprocess.run([sys.executable, "-c", REFUSING], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    outcomes = dict(zip(map(tuple, asked), json.loads(done.stdout), strict=True))

    def sentence(*action):
        """What is said to an action with {} for the place."""
        code, said, has_tensorflow = outcomes[tuple(each.replace("{}", str(place)) for each in action)]
        assert code == 1 and not has_tensorflow
        return said.replace(str(place), "{}")

    return sentence


@pytest.mark.parametrize("words", MISSING)
def test_what_is_not_there_is_refused_by_each_command_without_tensorflow(refused, words):
    assert refused("command", words) == MISSING[words]


@pytest.mark.parametrize("part", SPOILT)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_spoilt_run_is_refused_without_tensorflow(refused, name, part):
    run = f"{{}}/{part}"
    said = refused("command", COMMANDS[name].replace("{}", run))
    assert said == "Error: " + SPOILT[part][1].replace("{}", run)


@pytest.mark.parametrize("use", USES)
def test_python_refuses_a_missing_run_in_a_sentence_without_tensorflow(refused, use):
    assert refused("use", "{}/gone", use) in [each.removeprefix("Error: ") for each in (NO_FOLDER, NO_MODEL)]
