"""`tfvae evaluate`: what it writes, and that it writes all of it or leaves what was there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image

import tfvae
from command_lines import command
from faults import fault
from small_runs import contents, data, few_draws, make, save, without_pictures  # noqa: F401
from tfvae._support.folders import remove_leftovers
from tfvae.app.run import evaluation
from tfvae.app.settings import settings_of
from tfvae.datasets import Dataset, Split

pytestmark = pytest.mark.usefixtures("eagerly")
FILES = {"report.json", "table.txt", "examples.npz", "weights.png", "least_likely.png", "samples.npz", "samples.png"}
FILES |= {f"{name}.{kind}" for name in ("latents", "naive") for kind in ("png", "svg")}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return data(tmp_path_factory.mktemp("data") / "discs.npz")


@pytest.fixture(scope="module")
def assessments():
    """What was measured by the evaluation of `run`."""
    return []


@pytest.fixture(scope="module")
def run(tmp_path_factory, source, few_draws, assessments):  # noqa: F811
    folder, assess = make(tmp_path_factory.mktemp("runs") / "first", source, steps=8), evaluation.assess

    def kept(*arguments, **options):
        assessments.append(assess(*arguments, **options))
        return assessments[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "assess", kept)
        assert command("evaluate", folder, "--sample-size", 30) == 0
    return folder


@pytest.fixture
def copied(run, tmp_path):
    return shutil.copytree(run, tmp_path / "run")


@pytest.fixture
def measured(run, assessments, monkeypatch):
    """An evaluation measures nothing, and has the figures of `run`."""
    monkeypatch.setattr(evaluation, "assess", lambda *_, **__: assessments[0])


def report_of(folder):
    return json.loads((folder / "evaluation/report.json").read_text())


def test_the_folder_holds_everything_and_nothing_half_done(run):
    files = set(contents(run / "evaluation"))
    unreliable = report_of(run)["reliability"]["unreliable"]
    assert files == FILES | ({"unreliable.png"} if unreliable else set())
    assert files <= evaluation._OWN
    assert {path.name for path in run.iterdir()} == {"config.yaml", "model.keras", "evaluation"}
    for path in run.rglob("*.png"):
        assert np.asarray(Image.open(path).convert("L"), float).std() > 5, path


def test_the_report_is_of_the_fixed_array_and_tells_what_made_it(run, source):
    report, model = report_of(run), tfvae.load(run / "model.keras")
    x = tfvae.evaluation.fix(np.load(source)["test_images"], model.preprocess)
    assert report["data"]["digest"] == x.digest
    assert report["likelihood"]["bound"] == tfvae.evaluation.likelihood_estimate(model, x.x, 30).mean
    assert report["settings"] == json.loads(json.dumps(settings_of(run).plain()))
    assert report["versions"]["tfvae"] == report["version"] == tfvae.__version__
    assert report["steps"] == 8
    assert report["data"]["origin"] == "`test_images` in the file"
    assert (run / "evaluation/table.txt").read_text() == tfvae.evaluation.table(report)


@pytest.mark.slow
def test_evaluated_again_it_is_the_same_to_the_byte(run, copied, capsys):
    shutil.rmtree(copied / "evaluation")
    (copied / "evaluation").mkdir()
    (copied / "evaluation/naive.png").write_text("of an older evaluation")
    assert command("evaluate", copied, "--sample-size", 30, "--images", 1000) == 0  # all there are
    printed = capsys.readouterr().out
    assert (run / "evaluation/table.txt").read_text() in printed
    assert printed.endswith(f"Wrote {copied}/evaluation\n")
    assert contents(copied) == contents(run)


def test_read_gives_what_was_written(run):
    report, arrays = evaluation.read(run)
    assert report == report_of(run)
    assert np.mean(arrays["bound"]) == report["likelihood"]["bound"]
    assert {array.shape for array in arrays.values()} == {(60,)}


@pytest.mark.slow
def test_the_first_images_have_the_figures_that_they_have_among_all(run, copied, monkeypatch):
    without_pictures(monkeypatch)
    assert command("evaluate", copied, "--sample-size", 30, "--images", 7) == 0
    report, arrays = evaluation.read(copied)
    assert report["data"]["examples"] == 7
    assert report["data"]["digest"] != report_of(run)["data"]["digest"]
    whole = evaluation.read(run)[1]
    for name in ("bound", "elbo", "pareto_shape"):
        np.testing.assert_allclose(arrays[name], whole[name][:7], rtol=1e-6, err_msg=name)


@pytest.mark.slow
def test_one_image_and_one_sample_are_measured(copied, capsys):
    assert command("evaluate", copied, "--sample-size", 1, "--images", 1) == 0
    assert "Monte Carlo error                    unknown" in capsys.readouterr().out


@pytest.mark.slow
def test_a_cross_entropy_gets_the_rest(tmp_path, source, capsys):
    folder = make(
        tmp_path / "run", source, model="vae(latent_size=2, network=mlp(8), likelihood=bernoulli, preprocess=rescale)"
    )
    assert command("evaluate", folder, "--sample-size", 30) == 0
    assert set(contents(folder / "evaluation")) == {
        "report.json",
        "table.txt",
        "examples.npz",
        "latents.png",
        "latents.svg",
        "samples.npz",
        "samples.png",
    }
    printed = " ".join(capsys.readouterr().out.split())
    assert "likelihood: There is no log p(x), nor an ELBO: this model scores the cross entropy on grey" in printed
    assert "linear probe" in printed
    report, arrays = evaluation.read(folder)
    assert "likelihood" not in report
    assert not arrays


@pytest.mark.slow
def test_digits_have_samples_judged(tmp_path):
    folder = make(tmp_path / "run", "mnist")
    assert command("evaluate", folder, "--sample-size", 30, "--images", 50) == 0
    samples = report_of(folder)["samples"]
    assert samples["kernel_distance"]["images"] == 20
    assert (
        samples["kernel_distance"]["of_draws"]["distance"]
        > samples["kernel_distance"]["of_training_images"]["distance"]
    )
    assert 0 <= samples["recognised_share"] <= 1
    model = tfvae.load(folder / "model.keras")
    missing = {}
    x = np.zeros((1, 28, 28, 1), np.float32)
    assert tfvae.evaluation.sections.samples(model, x, x, 0, missing).kernel_distance is None
    assert missing == {"kernel_distance": "It takes at least two test images and two training images."}


def test_training_images_are_a_fair_sample_of_sorted_data():
    labels = np.arange(1000) // 500
    images = np.zeros((1000, 2, 2, 1), np.uint8) + labels[:, np.newaxis, np.newaxis, np.newaxis].astype(np.uint8)
    sample = evaluation._training_images(Dataset("sorted", Split(images, labels), Split(images, labels)))
    assert len(sample) == 100
    assert 30 < sample.labels.sum() < 70
    np.testing.assert_array_equal(sample.images[:, 0, 0, 0], sample.labels)


def no_model(folder):
    (folder / "model.keras").unlink()


def damaged_model(folder):
    (folder / "model.keras").write_bytes(b"no model")


def newer_model(folder):
    import zipfile

    with zipfile.ZipFile(folder / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        for name, content in (members | {"tfvae.json": b'{"version": "99.0.0"}'}).items():
            archive.writestr(name, content)


def no_settings(folder):
    (folder / "config.yaml").unlink()


def settings_of_another_version(folder):
    with (folder / "config.yaml").open("a") as file:
        file.write("telepathy: true\n")


def nan_weights(folder):
    model = tfvae.load(folder / "model.keras")
    bias = model.encoder.trainable_variables[-1]
    bias.assign(np.full(bias.shape, np.nan))
    save(model, folder)


def another_source(change):
    def make_it(folder):
        with np.load(settings_of(folder).data) as archive:
            arrays = {name: change(name, archive[name]) for name in archive.files}
        np.savez(folder.parent / "other.npz", **arrays)
        text = (folder / "config.yaml").read_text().replace(settings_of(folder).data, str(folder.parent / "other.npz"))
        (folder / "config.yaml").write_text(text)

    return make_it


def no_data(folder):
    text = (folder / "config.yaml").read_text().replace("discs.npz", "gone.npz")
    (folder / "config.yaml").write_text(text)


FAILURES = {
    "no model": (no_model, "holds neither model.keras nor a checkpoint"),
    "damaged model": (damaged_model, "model.keras is damaged or no .keras file"),
    "newer model": (newer_model, "was saved by tfvae 99.0.0 and this is tfvae"),
    "no settings": (no_settings, "is no run folder: it has no config.yaml"),
    "settings of another version": (settings_of_another_version, "there is no setting 'telepathy'"),
    "NaN weights": (nan_weights, "The model's weights are not finite: its training has failed."),
    "data of another shape": (
        another_source(lambda name, array: array[:, 1:] if "images" in name else array),
        "holds other training images, validation images, test images than those of ",
    ),
    "data that are gone": (no_data, "there is no file or folder"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_ends_in_one_sentence_and_leaves_the_older_evaluation(copied, capfd, failure):
    spoil, sentence = FAILURES[failure]
    spoil(copied)
    before = contents(copied)
    capfd.readouterr()
    assert command("evaluate", copied, "--sample-size", 30) == 1
    message = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("... ")]
    assert len(message) == 1
    assert message[0].startswith("Error: ")
    assert sentence in message[0]
    assert contents(copied) == before
    assert {path.name for path in copied.iterdir()} <= {"config.yaml", "model.keras", "evaluation"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--sample-size", 0), "`sample_size` must be at least 1; received '0'."),
        (("--images", 0), "`images` must be at least 1; received '0'."),
        (("--seed", -1), "`seed` must be at least 0; received '-1'."),
        (("--seed", 2**70), "`seed` must be below 4294967296; received '1180591620717411303424'."),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_refused_in_a_sentence(run, capfd, options, sentence):
    before = contents(run)
    assert command("evaluate", run, *options) == 1
    assert capfd.readouterr().err == f"Error: {sentence}\n"
    assert contents(run) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0,), "`sample_size` must be at least 1; received 0"),
        ((30, 0), "`n` must be at least 1; received 0"),
    ],
)
def test_numbers_out_of_range_are_refused_in_python(run, arguments, words):
    with pytest.raises(ValueError, match=words):
        evaluation.evaluate(run, *arguments)


def failing(*arguments, **options):
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_older_evaluation(copied, measured, monkeypatch, capfd):
    before = contents(copied)
    with monkeypatch.context() as patch:
        patch.setattr(evaluation.Path, "write_text", failing)
        assert command("evaluate", copied, "--sample-size", 30) == 1
    assert (
        capfd.readouterr().err.splitlines()[-1]
        == f"Error: {copied}/evaluation cannot be written: No space left on device."
    )
    assert contents(copied) == before


@fault("pictures")
def test_a_picture_that_cannot_be_drawn_costs_nothing_else(copied, run, measured, monkeypatch, capfd):
    def fail(*arguments, **options):
        raise RuntimeError("latex was not found")

    monkeypatch.setattr(tfvae.plots, "latent_report", fail)
    assert command("evaluate", copied, "--sample-size", 30) == 0
    assert (
        "Warning: the picture latents could not be drawn (RuntimeError: latex was not found); the rest of the "
        "evaluation is written.\n"
    ) in capfd.readouterr().err
    before, after = contents(run / "evaluation"), contents(copied / "evaluation")
    assert before == after | {name: before[name] for name in ("latents.png", "latents.svg")}


def test_the_older_evaluation_comes_back_if_the_new_one_cannot_take_its_place(copied, measured, monkeypatch):
    without_pictures(monkeypatch)
    before, rename = contents(copied), evaluation.Path.rename

    def rename_but_not_the_new_one(self, target):
        return failing() if self.name == "new" else rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(evaluation.Path, "rename", rename_but_not_the_new_one)
        assert command("evaluate", copied, "--sample-size", 30) == 1
    assert contents(copied) == before


@fault("refused-command")
def test_the_older_evaluation_comes_back_after_a_kill_between_the_two_renames(copied):
    before, rename = contents(copied / "evaluation"), evaluation.Path.rename

    def killed(self, target):
        if self.name == "new":
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    child = os.fork()  # which does nothing but this, so it needs none of TensorFlow's threads
    if not child:
        try:
            evaluation.Path.rename = killed
            with evaluation.unfinished_folder(copied) as new:
                evaluation._replace(copied / "evaluation", new)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (copied / "evaluation").exists()
    remove_leftovers(copied)
    assert contents(copied / "evaluation") == before
    assert not list(copied.glob(".tfvae-*"))


@pytest.mark.slow
def test_so_it_does_after_ctrl_c_at_that_moment(copied, measured, monkeypatch):
    without_pictures(monkeypatch)
    before, rename = contents(copied), evaluation.Path.rename

    def rename_but_not_the_new_one(self, target):
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(evaluation.Path, "rename", rename_but_not_the_new_one)
        evaluation.evaluate(copied, 30)
    assert contents(copied) == before


def test_a_file_of_the_folders_name_is_left_alone(copied, capfd):
    shutil.rmtree(copied / "evaluation")
    (copied / "evaluation").write_text("of somebody")
    assert command("evaluate", copied, "--sample-size", 30) == 1
    assert "evaluation is a file; the evaluation would be a folder" in capfd.readouterr().err
    assert (copied / "evaluation").read_text() == "of somebody"


@pytest.mark.parametrize("content", ["{}", "no json", "[1]", '{"training_seconds": 1, "loss": 2}'])
def test_a_damaged_report_of_the_training_is_said_before_anything_is_measured(copied, capfd, content):
    (copied / "report.json").write_text(content)
    before = contents(copied)
    assert command("evaluate", copied, "--sample-size", 30) == 1
    said = capfd.readouterr().err
    assert f"Error: {copied}/report.json is damaged or of another version; move it away" in said
    assert "..." not in said  # which begins what is measured
    assert contents(copied) == before


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_measured(copied, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "TemporaryDirectory", failing)
    assert command("evaluate", copied, "--sample-size", 30) == 1
    said = capfd.readouterr().err
    assert f"Error: {copied}/evaluation cannot be written: No space left on device." in said
    assert "..." not in said


def test_ctrl_c_is_answered(copied, monkeypatch, capfd):
    before = contents(copied)

    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "assess", stopped)
    assert command("evaluate", copied, "--sample-size", 30) == 130
    assert capfd.readouterr().err.endswith("\nInterrupted.\n")
    assert contents(copied) == before


def test_figures_that_are_not_finite_are_not_written(copied, measured, monkeypatch, capfd):
    before = contents(copied)
    monkeypatch.setattr(evaluation, "hardware", lambda: {"cores": float("nan")})
    assert command("evaluate", copied, "--sample-size", 30) == 1
    assert capfd.readouterr().err.splitlines()[-1] == "Error: Some figures are not finite, so no report was written."
    assert contents(copied) == before


def spoilt(folder, name, content):
    path = folder / "evaluation" / name
    path.unlink() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("report.json", b"{"),
        ("report.json", b"[]"),
        ("report.json", b"{}"),
        ("report.json", b'{"data": {"examples": 60}, "settings": {"seed": 0}}'),
        ("report.json", b"\xff"),
        ("examples.npz", b""),
        ("examples.npz", b"PK and no more"),
        ("examples.npz", None),
    ],
)
def test_a_damaged_evaluation_is_named(copied, name, content):
    spoilt(copied, name, content)
    with pytest.raises(ValueError, match=r"evaluation is damaged or of another version; run `tfvae evaluate .*` again"):
        evaluation.read(copied)


def test_arrays_of_another_evaluation_are_noticed(copied):
    with np.load(copied / "evaluation/examples.npz") as archive:
        arrays = {name: archive[name][:3] for name in archive.files}
    np.savez(copied / "evaluation/examples.npz", **arrays)
    with pytest.raises(ValueError, match="is damaged or of another version"):
        evaluation.read(copied)


def test_a_run_that_was_not_evaluated_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no evaluation/report\.json; run `tfvae evaluate"):
        evaluation.read(tmp_path)


def test_what_is_no_run_is_said_without_tensorflow(tmp_path):
    code = (
        "import sys; from tfvae.app import cli\n"
        "sys.argv = ['tfvae', 'evaluate', 'nowhere']\n"
        "try: cli.main()\n"
        "except SystemExit as end: print(end.code, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["1", "False"]
    assert done.stderr.strip() == "Error: nowhere is no run folder: it has no config.yaml."
