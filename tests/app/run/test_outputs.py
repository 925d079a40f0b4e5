"""What commands write where their user says: never in place of an input, of another kind of file, or unasked."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from command_lines import command
from faults import fault
from small_runs import contents, data, make, written
from tfvae.app import outputs
from tfvae.app.run import comparison, evaluation
from tfvae.app.run import folder as reading
from tfvae.app.run.recorder import HISTORY
from tfvae.app.settings import CONFIG

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of a file of data beside it."""
    folder = tmp_path_factory.mktemp("made")
    make(folder / "run", data(folder / "data.npz"))
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made, tmp_path / "place")
    (folder / "run" / CONFIG).write_text((made / "run" / CONFIG).read_text().replace(str(made), str(folder)))
    monkeypatch.chdir(folder)
    return folder


def refused(capfd, sentence, *arguments):
    """A command that says so and changes nothing."""
    before = contents(Path())
    capfd.readouterr()
    assert command(*arguments) == 1
    assert sentence in capfd.readouterr().err
    assert contents(Path()) == before


@fault("outputs")
@pytest.mark.parametrize("option", ["--csv", "--latex", "--picture"])
def test_tables_and_pictures_replace_nothing_that_they_are_not(tmp_path, monkeypatch, capfd, option):
    monkeypatch.chdir(tmp_path)
    runs = [written(Path(name)) for name in ("one", "two")]
    for run in runs:
        np.savez(run / "evaluation/samples.npz", images=np.zeros((64, 4, 6, 1), np.uint8), title="draws")
    Path("one/model.keras").write_bytes(b"PK\x03\x04model")
    Path(".table").write_text("precious")
    Path("notes").write_text("mine")
    (tmp_path / "link").symlink_to("notes")
    for path, sentence in {
        "one/model.keras": f"`{option}` must not be a file that the command reads; received one/model.keras.",
        "two/evaluation/examples.npz": f"`{option}` must not be a file that the command reads;",
        "notes": "and is not replaced; choose another",
        "link": f"`{option}` must not be a link",
        "one": f"`{option}` must be a file; received one, a folder or a device.",
        os.devnull: f"`{option}` must be a file; received {os.devnull}, a folder or a device.",
    }.items():
        refused(capfd, sentence, "compare", *runs, option, path, "--overwrite")
    refused(capfd, "notes exists already; `--overwrite` replaces it.", "compare", *runs, option, "notes")
    Path("one/model.keras").unlink()
    assert command("compare", *runs, option, "table") == 0
    table = Path("table").read_bytes()
    assert Path(".table").read_text() == "precious"
    refused(capfd, "table exists already; `--overwrite` replaces it.", "compare", *runs, option, "table")
    Path("empty").touch()
    for path in ("table", "empty"):
        assert command("compare", *runs, option, path, "--overwrite") == 0
        assert Path(path).read_bytes() == table


@fault("outputs")
def test_codes_replace_neither_data_nor_models(place, capfd):
    shutil.copy("run/model.keras", "model.npz")
    os.link("data.npz", "same.npz")
    reads = "`--out` must not be a file that the command reads"
    for path, sentence in {"data.npz": reads, "same.npz": reads, place / "data.npz": reads}.items():
        refused(capfd, sentence, "encode", "run", "data.npz", "--out", path, "--overwrite")
    np.save("others.npy", np.zeros((20, 8, 8), np.uint8))
    refused(capfd, reads, "encode", "run", "others.npy", "--out", "data.npz", "--overwrite")
    Path("text.npz").write_text("mine")
    refused(capfd, "text.npz is no .npz file", "encode", "run", "others.npy", "--out", "text.npz", "--overwrite")
    shutil.copy("data.npz", "other-data.npz")
    arguments = ["encode", "run", "others.npy", "--out", "other-data.npz", "--overwrite"]
    refused(capfd, "other-data.npz is no .npz file of `tfvae encode` and is not replaced", *arguments)
    assert command("encode", "run", "others.npy", "--out", "codes.npz") == 0
    refused(capfd, "codes.npz exists already", "encode", "run", "others.npy", "--out", "codes.npz")
    assert command("encode", "run", "data.npz", "--out", "codes.npz", "--overwrite") == 0
    assert len(np.load("codes.npz")["train_mean"]) == 200


@fault("outputs")
@pytest.mark.parametrize("drawn", ["sample", "reconstruct", "traverse"])
def test_pictures_replace_what_the_command_itself_wrote(place, capfd, drawn):
    """A file of the default name in the run is of this command; any other one may be anybody's."""
    assert command(drawn, "run") == 0
    (own,) = Path("run").glob("*.png")
    picture = own.read_bytes()
    assert command(drawn, "run") == 0
    own.write_text("mine")
    refused(capfd, f"{own} is no PNG picture and is not replaced", drawn, "run")
    Path("mine.png").write_bytes(picture)
    refused(capfd, "mine.png exists already; `--overwrite` replaces it.", drawn, "run", "--out", "mine.png")
    assert command(drawn, "run", "--out", "mine.png", "--overwrite") == 0


@fault("outputs")
def test_pictures_replace_none_of_the_images_that_a_run_is_of(place, capfd):
    """Nor the evaluation's pictures."""
    Path("images").mkdir()
    Path("run/evaluation").mkdir()
    config = Path("run", CONFIG).read_text().replace(f"{place}/data.npz", f"{place}/images")
    Path("run", CONFIG).write_text(config)
    for path in ("images/cat.png", "run/evaluation/samples.png"):
        Path(path).write_bytes(b"\x89PNG\r\n\x1a\n")
        refused(capfd, "must not be a file that the command reads", "sample", "run", "--out", path, "--overwrite")
    for path in ("images/new.png", "run/evaluation/new.png"):
        refused(capfd, "must not add a picture to a folder that is read", "sample", "run", "--out", path)


@fault("outputs")
@pytest.mark.parametrize("drawn", ["reconstruct", "traverse", "interpolate"])
def test_pictures_replace_none_of_the_images_that_were_moved(place, capfd, drawn):
    Path("moved/a").mkdir(parents=True)
    Path("moved/a/cat.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    arguments = [drawn, "run", "--data", "moved", "--out"]
    refused(capfd, "a file that the command reads", *arguments, "moved/a/cat.png", "--overwrite")
    refused(capfd, "must not add a picture", *arguments, "moved/a/new.png")


@fault("outputs")
def test_a_run_is_not_put_among_the_images_that_it_is_of(place, capfd):
    Path("images").mkdir()
    sentence = "The run folder must not lie in the folder of the images, images,"
    for out in ("images", "images/a/run"):
        refused(capfd, sentence, "train", "--data", "images", "--out", out)
    refused(capfd, sentence.replace("images, images", "images, ."), "train", "--data", ".")  # in runs/001


@fault("outputs")
def test_of_several_seeds_the_last_one_is_looked_at_before_the_first_one_is_trained(place, capfd):
    shutil.copytree("run", "all/seed-0")
    arguments = ["train", "--data", "data.npz", "--out", "all", "--seeds"]
    refused(capfd, "all/seed-0 has a run already; choose another --out", *arguments, 1, 0)
    refused(capfd, "`seed` must be below 4294967296; received 4294967296.", *arguments, 1, 2**32)


@fault("outputs")
def test_an_evaluation_replaces_no_files_of_others(place, capfd):
    Path("run/evaluation").mkdir()
    Path("run/evaluation/naive.png").write_text("of an older one")
    Path("run/evaluation/notes.txt").write_text("mine")
    sentence = "run/evaluation cannot be written: it holds notes.txt, which no evaluation writes; move it away."
    refused(capfd, sentence, "evaluate", "run", "--sample-size", 10)


@fault("links")
@pytest.mark.parametrize("name", ["evaluation", "samples.png"])
def test_a_link_in_a_run_leads_no_command_out_of_it(place, capfd, name):
    target = place / ("mine" if name == "evaluation" else "mine.png")
    target.mkdir() if name == "evaluation" else shutil.copy("run/model.keras", target)
    Path("run", name).symlink_to(target)
    arguments = ("evaluate", "run", "--sample-size", 10) if name == "evaluation" else ("sample", "run")
    refused(capfd, "link", *arguments)
    assert Path("run", name).is_symlink()


def test_the_names_of_a_run_are_those_that_training_and_evaluation_write():
    names = {CONFIG, HISTORY, reading.MODEL, reading.REPORT, reading.CHECKPOINTS, evaluation.EVALUATION}
    assert set(outputs._OF_A_RUN) == names


@fault("outputs")
@pytest.mark.parametrize("option", ["--csv", "--latex", "--picture"])
def test_a_file_that_appears_while_runs_are_compared_is_not_replaced(tmp_path, monkeypatch, capfd, option):
    monkeypatch.chdir(tmp_path)
    runs = [written(Path(name)) for name in ("one", "two")]
    compare = comparison.compare

    def meanwhile(folders):
        Path("mine").write_text("precious")
        return compare(folders)

    monkeypatch.setattr(comparison, "compare", meanwhile)
    assert command("compare", *runs, option, "mine") == 1
    assert "mine exists already; `--overwrite` replaces it." in capfd.readouterr().err
    assert Path("mine").read_text() == "precious"
