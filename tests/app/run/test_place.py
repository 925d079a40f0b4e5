"""A run folder that is deleted, emptied, moved or replaced while its run trains, and links in it."""

import csv
import dataclasses
import os
import shutil

import numpy as np
import pytest

from faults import fault
from tfvae._support.folders import claimed
from tfvae.app import run
from tfvae.app.interruption import Interruption
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.place import Place
from tfvae.app.run.recorder import Recorder
from tfvae.app.settings import CONFIG, Settings, as_yaml, settings_of
from tiers import only

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture
def settings(tmp_path):
    np.save(tmp_path / "levels.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8))
    return Settings(
        model="vae(latent_size=1, network=mlp(8))", data=str(tmp_path / "levels.npy"), epochs=3, batch_size=20,
        xla=False, steps_per_execution=1, patience=5,
    )  # fmt: skip


class Calls(Interruption):
    """Does something when it has been looked for so many times: each epoch has two steps, a validation and an end."""

    def __init__(self, looks, action):
        self.looks, self.action = looks, action
        super().__init__()

    @property
    def wanted(self):
        self.looks -= 1
        if self.looks == 0:
            self.action()
        return False

    @wanted.setter
    def wanted(self, value):
        pass


def empty(folder):
    for path in folder.iterdir():
        path.unlink() if path.is_file() else shutil.rmtree(path)


WAYS = {
    "deleted": shutil.rmtree,
    "emptied": empty,
    "moved": lambda folder: folder.rename(folder.with_name("elsewhere")),
}


@fault("vanished-run")
@pytest.mark.parametrize("way", WAYS)
def test_what_is_missing_is_written_again(tmp_path, capfd, way):
    folder = tmp_path / "run"
    with claimed(folder) as claim:
        (folder / CONFIG).write_text("epochs: 3")
        place = Place(claim, CONFIG, "another")
        assert not place.mended()
        WAYS[way](folder)
        assert place.mended() and not place.mended()
        assert {path.name: path.read_text() for path in folder.iterdir()} == {CONFIG: "epochs: 3"}
        with pytest.raises(OSError, match="Another process is training in"), claimed(folder):
            pass
    assert capfd.readouterr().err.count(f"{folder} was deleted, moved or emptied while this run trains in it.") == 1


@fault("vanished-run")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "looks"), [("deleted", 1), ("emptied", 4), *only([("moved", 5)], [(way, 6) for way in WAYS])]
)
def test_a_run_whose_folder_goes_writes_again_what_it_can(settings, tmp_path, capfd, way, looks):
    folder = tmp_path / "run"
    report = run.train(settings, folder, Calls(looks, lambda: WAYS[way](folder)), verbose=0)
    said = capfd.readouterr().err
    assert f"{folder} was deleted, moved or emptied while this run trains in it. The run goes on" in said
    assert settings_of(folder).differences(settings).keys() <= {"xla", "steps_per_execution"}
    assert [row["epoch"] for row in csv.DictReader((folder / "history.csv").open())] == ["1", "2", "3"]
    newest, damaged = Checkpoints(folder / run.CHECKPOINTS).newest()
    assert newest.step == 6 and not damaged
    assert run.model_of(folder).steps in (2, 4, 6) and report["steps"] == run.model_of(folder).steps
    assert run.train(settings, folder, resume=True, verbose=0)["loss"] == report["loss"]


@fault("vanished-run")
@pytest.mark.slow
@pytest.mark.parametrize("patience", [None, 5])
def test_deleted_after_its_last_checkpoint(settings, tmp_path, patience):
    """There is the model, but not that of the best epoch."""
    folder, settings = tmp_path / "run", dataclasses.replace(settings, patience=patience)
    interruption = Calls(12, lambda: shutil.rmtree(folder))
    if patience:
        with pytest.raises(OSError, match="The checkpoint of the best epoch was deleted with the run folder"):
            run.train(settings, folder, interruption, verbose=0)
    else:
        report = run.train(settings, folder, interruption, verbose=0)
        assert run.model_of(folder).steps == report["steps"] == 6
    assert len((folder / "history.csv").read_text().splitlines()) == 4
    assert settings_of(folder).data == settings.data


@fault("vanished-run")
@pytest.mark.slow
def test_deleted_while_a_checkpoint_is_written_it_is_written_again(settings, tmp_path, monkeypatch):
    folder, replace, done = tmp_path / "run", os.replace, []

    def replace_when_it_is_gone(source, target):
        if target.name.startswith("step-000000004") and not done:
            done.append(shutil.rmtree(folder))
        return replace(source, target)

    monkeypatch.setattr(os, "replace", replace_when_it_is_gone)
    run.train(settings, folder, verbose=0)
    assert [each.step for each in Checkpoints(folder / run.CHECKPOINTS).all()] == [4, 6]
    assert len((folder / "history.csv").read_text().splitlines()) == 4


@fault("vanished-run")
def test_another_folder_in_its_place_is_left_alone(settings, tmp_path):
    """Such as that of a new run: two must not be mixed."""
    folder = tmp_path / "run"

    def replace():
        shutil.rmtree(folder)
        (tmp_path / "filler").mkdir()  # so that it is not given the same number
        folder.mkdir()
        (folder / "of another").write_text("precious")

    with pytest.raises(OSError, match="run was replaced by another folder while this run trained in it"):
        run.train(settings, folder, Calls(2, replace), verbose=0)
    assert [path.name for path in folder.iterdir()] == ["of another"]


@fault("vanished-run")
def test_pictures_of_an_epoch_do_not_go_into_a_folder_of_another_run(settings, tmp_path, monkeypatch):
    folder, end = tmp_path / "run", Recorder.on_epoch_end

    def replaced(self, epoch, logs=None):
        end(self, epoch, logs)
        folder.rename(tmp_path / "elsewhere")
        (folder / "samples").mkdir(parents=True)
        (folder / "samples/samples-epoch-001.png").write_text("precious")

    monkeypatch.setattr(Recorder, "on_epoch_end", replaced)
    with pytest.raises(OSError, match="run was replaced by another folder while this run trained in it"):
        run.train(settings, folder, verbose=0)
    assert (folder / "samples/samples-epoch-001.png").read_text() == "precious"
    assert [path.name for path in folder.iterdir()] == ["samples"]


@fault("links")
@pytest.mark.parametrize("name", ["samples", "checkpoints", "tensorboard", "tensorboard/manifold"])
def test_a_run_that_goes_on_is_not_led_out_of_its_folder(settings, tmp_path, name):
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    (folder / name).parent.mkdir(parents=True)
    elsewhere.mkdir()
    (folder / CONFIG).write_text(as_yaml(settings))
    (folder / name).symlink_to(elsewhere)
    chosen = dataclasses.replace(settings.with_options(latent_size=2), tensorboard=True)
    with pytest.raises(OSError, match=f"{name} is a link, and nothing is written through links"):
        run.train(chosen, folder, resume=True, verbose=0)
    assert not list(elsewhere.iterdir())
