"""Tables of rows, with two small rows on made-up images."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from interruptions import After
from reproduction import tables
from reproduction.tables import Row, Table
from tfvae import evaluation
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.app.run import evaluation as run_evaluation
from tfvae.app.settings import Settings, settings_of

SETTINGS = Settings(
    model="vae(likelihood=bernoulli, network=mlp(4, activation=tanh), latent_size=2)", batch_size=20, epochs=2,
    passes=2, validation_size=10, test_size=30, xla=False, steps_per_execution=1, seed=5,
)  # fmt: skip


TABLE_FILE = "some.json"


def table(rows):
    return Table("some", "The paper", tuple(rows))


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (100, 8, 6), np.uint8))
    settings = dataclasses.replace(SETTINGS, data=str(path))
    weighted = dataclasses.replace(settings, passes=3).with_options(objective="iwae(samples=2, gradient=dreg)")
    return (
        Row("first", "The first", settings, 40.5, (("somebody", 41.25),)),
        Row("second", "The second", weighted, None, start="first", against="first"),
        Row("third", "The third", settings, None),
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory, rows):
    """Folder of the second row, and so of the first; nothing here changes it."""
    folder = tmp_path_factory.mktemp("runs") / "some"
    tables.run(table(rows), folder, ["second"], 30, command="the command", verbose=0)
    return folder


@pytest.fixture
def folder(done, tmp_path):
    """A copy, elsewhere."""
    return shutil.copytree(done, tmp_path / "moved")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuse(*_, **__):
    raise AssertionError("this was done before")


@pytest.mark.slow
def test_the_rows_that_a_row_starts_from_come_with_it(done, rows):
    result = json.loads((done / TABLE_FILE).read_text())
    assert list(result["rows"]) == ["first", "second"]
    assert not (done / "third").exists()
    first, second = result["rows"].values()
    assert (first["title"], first["published"], first["reruns"]) == ("The first", 40.5, {"somebody": 41.25})
    assert (second["published"], second["reruns"], second["start"]) == (None, {}, "first")
    assert (result["command"], first["start"]) == ("the command", None)
    assert result["paper"] == "The paper"


@pytest.mark.slow
def test_a_row_starts_from_the_weights_of_the_other(done):
    assert settings_of(done / "first").weights is None
    assert settings_of(done / "second").weights == str(done / "first")


@pytest.mark.slow
def test_the_figures_are_those_of_the_models_on_the_test_images(done):
    for name, row in json.loads((done / TABLE_FILE).read_text())["rows"].items():
        model, images = run.model_of(done / name), run.load_data(settings_of(done / name)).test.images
        log_p = evaluation.log_likelihood(model, images, 30)
        assert row["likelihood"]["sample_size"] == 30
        assert row["likelihood"]["bound"] == pytest.approx(log_p.mean(), rel=1e-6)
        assert row["data"]["digest"] == evaluation.fix(images, model.preprocess).digest
        assert row["active_units"] == evaluation.latent_statistics(model, images).active_units
        assert (row["data"]["examples"], row["seed"], row["settings"]["validation_size"]) == (30, 5, 10)
        elbo = {"elbo": {"samples": 1, "beta": 1.0, "warm_up": 0.0, "free_bits": 0.0}}
        weighted = {"iwae": {"samples": 2, "gradient": "dreg"}}
        assert row["settings"]["model"]["vae"]["objective"] == (elbo if name == "first" else weighted)
        assert "weights" not in row["settings"]


@pytest.mark.slow
def test_a_row_is_set_against_another_image_by_image(done):
    first, second = json.loads((done / TABLE_FILE).read_text())["rows"].values()
    assert "against" not in first
    bounds = [run_evaluation.read(done / name)[1]["bound"] for name in ("first", "second")]
    gaps = bounds[1] - bounds[0]
    assert second["against"]["row"] == "first"
    assert second["against"]["nats"] == pytest.approx(gaps.mean(), rel=1e-9)
    assert second["against"]["paired_error"] == pytest.approx(gaps.std(ddof=1) / 30**0.5, rel=1e-9)
    assert second["against"]["recognised_shares"] == []  # they are no digits


@pytest.mark.slow
def test_a_row_whose_weights_alone_are_here_is_not_set_against_it(folder, rows):
    shutil.rmtree(folder / "first/evaluation")
    (folder / "first/config.yaml").unlink()
    found = tables.run(table(rows), folder, ["second"], 30, verbose=0)["rows"]["second"]
    assert found["against"] == {"row": "first", "reason": "only the weights of that row are here"}


@pytest.mark.slow
def test_the_minutes_of_a_row_include_those_of_its_start(done):
    rows = json.loads((done / TABLE_FILE).read_text())["rows"]
    reports = [json.loads((done / name / "report.json").read_text()) for name in ("first", "second")]
    for minutes, seconds in (("minutes", "training_seconds"), ("processor_minutes", "training_processor_seconds")):
        first, second = (report[seconds] / 60 for report in reports)
        assert first > 0 and second > 0
        assert rows["first"][minutes] == pytest.approx(first, rel=1e-12)
        assert rows["second"][minutes] == pytest.approx(first + second, rel=1e-12)


@pytest.mark.slow
def test_the_curve_is_the_held_out_loss_by_passes(done):
    curve = json.loads((done / TABLE_FILE).read_text())["rows"]["second"]["curve"]
    history = list(csv.DictReader((done / "second/history.csv").open()))
    assert curve["passes"] == [3.0, 6.0]
    assert curve["held_out_loss"] == pytest.approx([float(row["val_loss"]) for row in history], abs=5.1e-4)
    assert np.asarray(Image.open(done / tables.CURVES).convert("L")).std() > 5


@pytest.mark.slow
def test_what_is_there_is_neither_trained_nor_measured_again(folder, rows, monkeypatch):
    """Nor where the folder has been moved, and the paths in its settings lead elsewhere."""
    before = contents(folder)
    monkeypatch.setattr(run, "train", refuse)
    monkeypatch.setattr(run_evaluation, "evaluate", refuse)
    tables.run(table(rows), folder, ["second", "first"], 30, command="the command", verbose=0)
    assert contents(folder) == before


@pytest.mark.long
@pytest.mark.slow
def test_another_number_of_samples_measures_again_and_trains_nothing(folder, rows, monkeypatch):
    monkeypatch.setattr(run, "train", refuse)
    found = tables.run(table(rows), folder, ["first"], 40, verbose=0)["rows"]
    assert [found[name]["likelihood"]["sample_size"] for name in ("first", "second")] == [40, 30]


@pytest.mark.slow
def test_a_quick_look_at_some_images_is_no_figure_of_the_table(folder, rows):
    path = folder / "first" / run_evaluation.EVALUATION / run_evaluation.REPORT
    report = json.loads(path.read_text())
    report["data"]["examples"] = 10  # as of `tfvae evaluate --images 10`
    path.write_text(json.dumps(report))
    found = tables.run(table(rows), folder, ["first"], 30, verbose=0)["rows"]["first"]
    assert found["data"]["examples"] == 30


@pytest.mark.long
@pytest.mark.slow
def test_an_interrupted_row_goes_on_and_the_rows_before_it_are_kept(folder, done, rows):
    shutil.rmtree(folder / "second")
    (folder / TABLE_FILE).unlink()
    with pytest.raises(Interrupted):
        tables.run(table(rows), folder, ["second"], 30, interruption=After(0), verbose=0)
    assert list(json.loads((folder / TABLE_FILE).read_text())["rows"]) == ["first"]
    assert list((folder / "second/checkpoints").iterdir())
    found = tables.run(table(rows), folder, ["second"], 30, verbose=0)["rows"]["second"]
    whole = json.loads((done / TABLE_FILE).read_text())["rows"]["second"]
    assert found["curve"] == whole["curve"]
    assert found["likelihood"]["bound"] == pytest.approx(whole["likelihood"]["bound"], rel=1e-9)


def elsewhere(folder, name):
    """Leaves of a row what is published: its model and its figures."""
    shutil.copy(folder / name / "model.keras", folder / "model.keras")
    shutil.rmtree(folder / name)
    (folder / name).mkdir()
    (folder / "model.keras").rename(folder / name / "model.keras")


@pytest.mark.long
@pytest.mark.slow
def test_a_row_that_was_trained_elsewhere_is_kept_and_another_starts_from_it(folder, done, rows):
    elsewhere(folder, "first")
    shutil.rmtree(folder / "second")
    before = json.loads((folder / TABLE_FILE).read_text())["rows"]
    tables.run(table(rows), folder, ["second"], 30, verbose=0)
    after = json.loads((folder / TABLE_FILE).read_text())["rows"]
    assert [path.name for path in (folder / "first").iterdir()] == ["model.keras"]
    assert after["first"] == before["first"]
    assert after["second"]["curve"] == before["second"]["curve"]
    own = json.loads((folder / "second/report.json").read_text())["training_seconds"] / 60
    assert after["second"]["minutes"] == pytest.approx(before["first"]["minutes"] + own, rel=1e-12)


@pytest.mark.slow
def test_a_row_of_other_settings_that_was_trained_elsewhere_is_not_taken(folder, rows):
    elsewhere(folder, "first")
    first, second, _ = rows
    changed = dataclasses.replace(first, settings=dataclasses.replace(first.settings, learning_rate=0.5))
    with pytest.raises(FileExistsError, match="first"):
        tables.run(table((changed, second)), folder, ["first"], 30, verbose=0)


def test_an_unknown_row_is_named(tmp_path, rows):
    with pytest.raises(ValueError, match=r"^`rows` must be 'first', 'second' or 'third'; received 'fourth'\.$"):
        tables.run(table(rows), tmp_path / "new", ["first", "fourth"], 30)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda settings: settings.with_options(latent_size=3), "first has latent_size 2, not 3"),
        (lambda settings: dataclasses.replace(settings, passes=1), "first has passes 2, not 1"),
    ],
    ids=["of the model", "of the training"],
)
def test_a_run_with_other_settings_is_not_taken(folder, rows, change, words):
    changed = dataclasses.replace(rows[0], settings=change(rows[0].settings))
    with pytest.raises(ValueError, match=rf"{words}; choose another folder\.$"):
        tables.run(table((changed,)), folder, ["first"], 30, verbose=0)


@pytest.mark.slow
def test_a_run_that_started_from_another_row_is_not_taken(folder, rows):
    first, second, third = rows
    changed = (first, dataclasses.replace(second, start="third"), dataclasses.replace(third, settings=first.settings))
    shutil.copytree(folder / "first", folder / "third")
    with pytest.raises(ValueError, match=r"second has weights .*first, not .*third; choose another folder\.$"):
        tables.run(table(changed), folder, ["second"], 30, verbose=0)
