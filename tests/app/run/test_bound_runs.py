"""A run folder is believed as a whole or not at all: settings, report, history, evaluation, model and images."""

import dataclasses
import json
import random
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import tfvae
import tiny
from command_lines import command
from faults import fault
from small_runs import contents, few_draws, save, without_pictures  # noqa: F401
from tfvae.app import run as training_run
from tfvae.app.run import MODEL, evaluation, identity
from tfvae.app.run.folder import REPORT, history_of, report_of, run_of
from tfvae.app.run.recorder import HISTORY
from tfvae.app.settings import CONFIG, Settings, as_yaml, settings_of
from tfvae.app.settings.settings import fields
from tiers import slow

pytestmark = pytest.mark.usefixtures("eagerly")
REFUSALS = (ValueError, OSError)  # what the command line turns into one sentence
WHOLE = Settings(
    model="vae(latent_size=1, network=mlp(4), likelihood=bernoulli)", epochs=1, batch_size=20, test_size=10, seed=0,
    xla=False, steps_per_execution=1, learning_rate=0.01,
)  # fmt: skip


def write_images(path, change=lambda name, array: array):
    images = tiny.images(80)
    arrays = {"images": images, "labels": np.arange(80) % 2}
    np.savez(path, **{name: change(name, array) for name, array in arrays.items()})
    return path


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    with pytest.MonkeyPatch.context() as patch:
        without_pictures(patch)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory, few_draws, no_pictures):  # noqa: F811
    """A folder with the images, a run on them that was evaluated, and its settings with the path of the images."""
    folder = tmp_path_factory.mktemp("home")
    settings = dataclasses.replace(WHOLE, data=str(write_images(folder / "images.npz")))
    training_run.train(settings, folder / "run", verbose=0)
    evaluation.evaluate(folder / "run", 20)
    return folder


@pytest.fixture
def run(home, tmp_path):
    """A copy that a test may spoil; its images are where they were."""
    return shutil.copytree(home / "run", tmp_path / "run")


def flips(content, number, seed=0):
    """So many copies of a file's content with one bit changed, from all over it."""
    for place in sorted(random.Random(seed).sample(range(8 * len(content)), number)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        yield place, bytes(changed)


def outcome(action):
    """What an action gives, or None if it refuses in a sentence."""
    try:
        return action()
    except REFUSALS as error:
        assert str(error) and "\n" not in str(error).strip()
        return None


@fault("bound-run")
def test_a_file_of_settings_that_lacks_a_line_is_damaged(run):
    lines = (run / CONFIG).read_text().splitlines(keepends=True)
    assert len(lines) == len(fields()) + 1 + len(WHOLE.model.options)  # a line for the recipe's name, one an option
    for index, line in enumerate(lines):
        (run / CONFIG).write_text("".join(lines[:index] + lines[index + 1 :]))
        with pytest.raises(ValueError):
            run_of(run)
            raise AssertionError(line)
    (run / CONFIG).write_text("")
    with pytest.raises(ValueError, match=r"is damaged: it lacks `data`, `data_dir`, `bad_records` and \d+ more, and"):
        run_of(run)


@fault("bound-run")
def test_one_bit_of_the_settings_is_noticed_or_changes_nothing(run):
    before, content = run_of(run), (run / CONFIG).read_text()
    bare = re.sub("  # .*", "", content)  # most of the file are comments
    assert 3 * len(bare) < len(content)
    refused = 0
    for place, changed in flips(bare.encode(), 400):
        (run / CONFIG).write_bytes(changed)
        found = outcome(lambda: run_of(run))
        if found is not None and found.settings != before.settings:
            assert found.settings.differences(before.settings).keys() <= {"data", "data_dir"}, place
            found = outcome(lambda: run_of(run).data)  # no images are there
            assert found is None, place
        refused += found is None
    assert refused > 390


@fault("bound-run")
def test_layout_and_comments_of_the_settings_do_not_count(run):
    before, text = run_of(run).settings, (run / CONFIG).read_text()
    text = text.replace("{mlp: {units: [4], activation: gelu}}", "mlp(4)  # small")
    model = re.search(r"^model:\n(  .*\n)+", text, re.M)[0]
    start, name, *options = model.splitlines()
    lines = [*reversed(text.replace(model, "").splitlines()), "", start, name, *reversed(options)]
    assert "    network: mlp(4)  # small  # bodies of encoder and decoder" in lines
    (run / CONFIG).write_text("# mine\n\n" + "\n".join(lines) + "\n")
    assert run_of(run).settings == before


@fault("bound-run")
@pytest.mark.parametrize("name", [REPORT, HISTORY, f"evaluation/{REPORT}", "evaluation/examples.npz"])
def test_one_bit_of_other_files_is_noticed_or_changes_nothing(run, name):
    def everything():
        report, arrays = evaluation.read(run)
        return repr(
            (
                run_of(run).settings,
                report_of(run),
                history_of(run),
                report,
                {key: arrays[key].tolist() for key in arrays},
            )
        )

    before, content = everything(), (run / name).read_bytes()
    refused = 0
    for place, changed in flips(content, 40):
        (run / name).write_bytes(changed)
        found = outcome(everything)
        assert found in (None, before), place
        refused += found is None
    assert refused >= 38


@fault("bound-run")
@pytest.mark.parametrize("name", [REPORT, f"evaluation/{REPORT}"])
def test_a_report_that_lacks_an_entry_is_damaged(run, name):
    report = json.loads((run / name).read_text())
    for entry in report:
        (run / name).write_text(json.dumps({key: report[key] for key in report if key != entry}))
        with pytest.raises(ValueError, match="is damaged or of another version"):
            evaluation.read(run)
            raise AssertionError(entry)
    (run / name).write_text(json.dumps(report, sort_keys=True))  # the layout does not count
    evaluation.read(run)


@fault("bound-run")
@pytest.mark.parametrize("number", [10, slow(150)])
def test_one_bit_of_the_model_is_noticed_or_changes_nothing(run, number):
    before, content = run_of(run).model, (run / MODEL).read_bytes()
    for place, changed in flips(content, number, seed=number):
        (run / MODEL).write_bytes(changed)
        found = outcome(lambda: run_of(run).model)
        if found is not None:
            assert found.get_config() == before.get_config(), place
            for one, other in zip(found.state(), before.state(), strict=True):
                np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)), err_msg=str(place))


@fault("bound-run")
def test_one_bit_of_what_binds_the_model_is_noticed(run):
    """In the member itself, in both of its headers, and in the index of the file."""
    before, content = run_of(run).identity, (run / MODEL).read_bytes()
    start = content.index(b"training.json") - 30
    for index in (*range(start, start + 300, 7), *range(content.rindex(b"training.json") - 46, len(content), 3)):
        changed = bytearray(content)
        changed[index] ^= 1 << index % 8
        (run / MODEL).write_bytes(changed)
        found = outcome(lambda: run_of(run).identity)
        assert found is None or found == before, index


DOORS = {
    "evaluate": ["evaluate", "RUN", "--sample-size", "20"],
    "encode": ["encode", "RUN", "DATA", "--out", "OUT.npz"],
    "encode others": ["encode", "RUN", "OTHERS", "--out", "OUT.npz"],
    "export": ["export", "RUN", "EXPORTED"],
    "export with other images": ["export", "RUN", "EXPORTED", "--reference", "OTHERS"],
    "sample": ["sample", "RUN"],
    "reconstruct": ["reconstruct", "RUN"],
    "interpolate": ["interpolate", "RUN"],
    "traverse": ["traverse", "RUN"],
    "compare": ["compare", "RUN", "HOME/run"],
    "resume": ["train", "--out", "RUN", "--resume"],
    "another's first weights": [
        *("train", "--out", "NEW", "--data", "DATA", "--network", "mlp(4)", "--batch-size", "20", "--weights", "RUN"),
    ],
}


def through(door, run, home, *options):
    """The exit code of a command about a run."""
    places = {"RUN": run, "DATA": home / "images.npz", "OTHERS": home / "others.npy", "HOME": home}
    places |= {"EXPORTED": run.parent / "exported", "OUT": run.parent / "out", "NEW": run.parent / "new"}
    arguments = []
    for word in DOORS[door]:
        for name, path in places.items():
            word = word.replace(name, str(path))
        arguments.append(word)
    return command(*arguments, *options)


@fault("bound-run")
@pytest.mark.parametrize(
    ("door", "spoil"),
    [(door, spoil) for door in DOORS for spoil in ("seed", "empty", "report") if (door, spoil) != ("resume", "report")],
)  # a run that goes on writes its report anew
def test_no_command_believes_a_spoilt_run(home, run, capfd, door, spoil):
    np.save(home / "others.npy", tiny.images(40, seed=5))
    text = (run / CONFIG).read_text()
    if spoil == "report":
        report = json.loads((run / REPORT).read_text())
        (run / REPORT).write_text(json.dumps(report | {"loss": report["loss"] - 1}))
    else:
        (run / CONFIG).write_text("" if spoil == "empty" else text.replace("seed: 0", "seed: 1"))
    before = contents(run.parent)
    assert through(door, run, home) == 1
    said = capfd.readouterr().err.strip().splitlines()
    sentence = {
        "seed": "are not those that its model was trained with: `seed` is 1, not 0.",
        "empty": "is damaged: it lacks `data`,",
        "report": "report.json is damaged or of another version",
    }[spoil]
    assert sentence in said[-1] and said[-1].startswith("Error: ")
    assert contents(run.parent) == before


@fault("bound-run")
def test_a_model_of_another_run_is_refused(home, run, tmp_path):
    """Of the same settings, too: the report knows which images its run was about."""
    other = dataclasses.replace(WHOLE, data=str(write_images(tmp_path / "others.npz", lambda _, array: array[::-1])))
    training_run.train(other, tmp_path / "other", verbose=0)
    shutil.copy(tmp_path / "other" / MODEL, run / MODEL)
    with pytest.raises(ValueError, match=r"report\.json and .*model\.keras are of two runs; restore"):
        training_run.model_of(run)
    shutil.copy(tmp_path / "other" / REPORT, run / REPORT)
    with pytest.raises(ValueError, match="holds other training images, validation images, test images, "):
        run_of(run).data  # noqa: B018
    with pytest.raises(ValueError, match=r"The model of .* is another one than was measured"):
        evaluation.read(run)


@fault("bound-run")
def test_a_model_of_this_run_with_other_steps_is_not_that_of_the_report(run):
    model = tfvae.load(run / MODEL)
    model.fit(tiny.images(20), batch_size=20, verbose=0)
    save(model, run)
    with pytest.raises(ValueError, match="is about a model of 3 training steps, and the one of this folder has 4; "):
        evaluation.evaluate(run, 20)


@fault("bound-run")
def test_arrays_of_another_evaluation_of_as_many_images_are_refused(run):
    path = run / "evaluation/examples.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name] + 1 for name in archive.files}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"evaluation is damaged or of another version"):
        evaluation.read(run)


@fault("bound-run")
def test_a_model_without_what_binds_it_is_not_that_of_a_bound_report(run):
    tfvae.load(run / MODEL).save(run / MODEL)
    with pytest.raises(ValueError, match=r"are of two runs; restore the one that is not of this run"):
        run_of(run)


def as_before(run):
    """The folder as it was written before models were bound."""
    tfvae.load(run / MODEL).save(run / MODEL)
    report = json.loads((run / REPORT).read_text())
    names = report.keys() - {"run_digest", "history_digest", "content_digest"}
    (run / REPORT).write_text(json.dumps({name: report[name] for name in names}))


@fault("bound-run")
def test_a_run_of_before_is_read_and_that_nothing_binds_it_is_said(run, capfd):
    as_before(run)
    assert run_of(run).identity is None
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "was written before models were bound to their settings and images: nothing shows that these " in said
    assert len(history_of(run)) == 1
    assert command("reconstruct", run) == 0
    assert evaluation.evaluate(run, 20)["training"]["test_loss"] > 0


@fault("bound-run")
def test_a_checkpoint_of_before_is_bound_by_its_images(run):
    """Its settings are in a form of that time."""
    kept = {"settings": "hidden:\n- 4\nlatent_size: 3\n", "data": "abc", "replicas": "1"}
    bound = identity.from_json(kept)
    bound.require_settings(settings_of(run), run)
    assert (bound.settings, bound.images) == ({}, {"training images": "abc"})
    with pytest.raises(ValueError, match="holds other training images than those of"):
        bound.require_images({"training images": "def"}, run, "here")
    assert identity.from_json({**kept, "data": "(70, (8, 8, 1))"}).images == {}


@fault("bound-run")
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda name, array: array[::-1], "training images, validation images, test images, training labels, "),
        (
            lambda name, array: 1 - array if name == "labels" else array,
            "training labels, validation labels, test labels",
        ),
        (lambda name, array: np.delete(array, 3, axis=0), "training images, "),
    ],
    ids=["another order", "labels", "one less"],
)
def test_other_images_in_the_same_place_are_refused(run, tmp_path, change, what):
    others = write_images(tmp_path / "others.npz", change)
    with pytest.raises(ValueError, match=f"others.npz holds other {what}.*, by their fingerprints"):
        run_of(run, str(others)).data  # noqa: B018


def test_a_setting_that_is_added_is_one_that_the_files_of_older_runs_lack():
    """They are refused then, so `settings_of` must know what they mean."""
    assert len(fields()) == 28


def elsewhere(home, tmp_path):
    return Path(shutil.copy(home / "images.npz", tmp_path / "elsewhere.npz"))


@fault("moved-data")
@pytest.mark.parametrize("door", ["evaluate", slow("export"), "reconstruct", "traverse"])
def test_moved_images_are_missed_by_name_and_found_by_data(home, run, tmp_path, capfd, door):
    new, text = elsewhere(home, tmp_path), (run / CONFIG).read_text()
    (run / CONFIG).write_text(text.replace("/images.npz", "/gone.npz"))
    assert through(door, run, home) == 1
    said = capfd.readouterr().err.strip().splitlines()[-1]
    assert "there is no file or folder" in said and said.endswith("If they were moved, name their place with `--data`.")
    assert through(door, run, home, "--data", new) == 0


@fault("moved-data")
def test_an_edited_path_is_a_moved_one(home, run, tmp_path):
    new, text = elsewhere(home, tmp_path), (run / CONFIG).read_text()
    (run / CONFIG).write_text(text.replace(str(home / "images.npz"), str(new)))
    assert len(run_of(run).data.test) == 10
    assert through("reconstruct", run, home) == 0


@fault("moved-data")
def test_codes_of_moved_images_are_divided_as_the_run_divided_them(home, run, tmp_path):
    """Known by fingerprint: the run held out ten images for its test, and a tenth of others are eight."""
    others = write_images(tmp_path / "others.npz", lambda _, array: array[::-1])
    for data, size in ((home / "images.npz", 10), (elsewhere(home, tmp_path), 10), (others, 8)):
        assert command("encode", run, data, "--out", tmp_path / "codes.npz") == 0
        with np.load(tmp_path / "codes.npz") as codes:
            assert len(codes["test_mean"]) == size
        (tmp_path / "codes.npz").unlink()


@fault("moved-data")
def test_a_run_whose_images_were_moved_goes_on(home, tmp_path):
    """As `--data` says, or the edited settings, and to the same weights."""
    new, folder = elsewhere(home, tmp_path), tmp_path / "run"
    shutil.copytree(home / "run", folder)
    for path in (folder / MODEL, folder / REPORT):
        path.unlink()
    (folder / CONFIG).write_text((folder / CONFIG).read_text().replace("/images.npz", "/gone.npz"))
    assert command("train", "--out", folder, "--resume") == 1
    assert command("train", "--out", folder, "--resume", "--data", new) == 0
    assert settings_of(folder).data == str(new)
    assert report_of(folder).run_digest == report_of(home / "run").run_digest
    one, other = (tfvae.load(each / MODEL).get_weights() for each in (folder, home / "run"))
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


@fault("moved-data")
@pytest.mark.parametrize("change", [{}, {"data_dir": "/nowhere"}], ids=["at the usual place", "in a folder"])
def test_moved_tensorflow_datasets_are_missed_by_name(tmp_path, monkeypatch, change):
    def missing(*_, **__):
        raise OSError("tfds:mnist is not prepared.")

    monkeypatch.setattr(tfvae.datasets, "load", missing)
    (tmp_path / CONFIG).write_text(as_yaml(Settings(data="tfds:mnist", **change)))
    with pytest.raises(OSError, match=r"cannot be read from here: .* name their place with `--data-dir`\.$"):
        run_of(tmp_path).data  # noqa: B018


@fault("moved-data")
def test_a_place_of_data_is_replaced_as_a_whole():
    prepared = Settings(data="tfds:mnist", data_dir="here")
    for given, expected in [
        ((None, None), ("tfds:mnist", "here")),
        ((None, "there"), ("tfds:mnist", "there")),
        (("tfds:mnist", None), ("tfds:mnist", "here")),
        (("images.npz", None), ("images.npz", None)),
        (("tfds:mnist/x", "there"), ("tfds:mnist/x", "there")),
    ]:
        found = prepared.with_data_at(*given)
        assert (found.data, found.data_dir) == expected


@fault("moved-data")
def test_data_of_a_file_or_of_others_is_refused(home, run, tmp_path, capfd):
    assert command("export", run / MODEL, tmp_path / "out", "--data", home / "images.npz") == 1
    assert "of a `.keras` file or others give `reference`" in capfd.readouterr().err


@fault("bound-run")
@pytest.mark.parametrize("spoilt", ["no checkpoints", "no checkpoints, other images", "another run's model"])
def test_going_on_replaces_no_model_but_the_runs_own(home, run, tmp_path, spoilt):
    settings = settings_of(run)
    if spoilt == "another run's model":
        training_run.train(dataclasses.replace(settings, seed=1), tmp_path / "other", verbose=0)
        shutil.copy(tmp_path / "other" / MODEL, run / MODEL)
    else:
        shutil.rmtree(run / training_run.CHECKPOINTS)
    if "other images" in spoilt:
        other = write_images(tmp_path / "other.npz", lambda name, array: array[::-1])
        settings = dataclasses.replace(settings, data=str(other))
    before = contents(run)
    with pytest.raises(ValueError, match=r"model\.keras is (there and no checkpoint|of another run)"):
        training_run.train(settings, run, resume=True, verbose=0)
    assert contents(run) == before


@fault("bound-run")
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"PK")])
def test_going_on_writes_a_lost_model_again(run, spoil):
    spoil(run / MODEL)
    training_run.train(settings_of(run), run, resume=True, verbose=0)
    assert identity.read(run / MODEL) is not None
