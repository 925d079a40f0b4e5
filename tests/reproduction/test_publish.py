"""What tools/publish_reproduction.py takes into the repository, and what it leaves out and names."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import publish_reproduction
from faults import fault
from papers import AEVB, FILES, write
from reproduction import aevb, cards, depth, document, frey_face, iwae, pixels, tables

PICTURES = (
    *(
        Path(table, tables.CURVES).with_suffix(suffix)
        for table in ("iwae", "depth", "pixels")
        for suffix in (".png", ".svg")
    ),
    *(Path("aevb", name) for name in (aevb.SAMPLES, aevb.MANIFOLD)),
    Path("frey-face", frey_face.MANIFOLD),
)


@pytest.fixture
def runs(tmp_path):
    """A folder with all results and pictures, and files that are none."""
    folder = write(tmp_path / "runs", FILES)
    for path in (*PICTURES, Path("aevb/latent-2/config.yaml")):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(bytes(str(path), "utf-8"))
    return folder


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root/docs").mkdir(parents=True)
    return tmp_path / "root"


@pytest.fixture
def published(monkeypatch):
    """The runs that weights were published of, and where to; of the second row there are none."""
    calls = []

    def publish(run, folder):
        if run.name == "weighted":
            raise FileNotFoundError(f"{run} is no run folder.")
        calls.append((run, folder))

    monkeypatch.setattr(cards, "publish", publish)
    return calls


def write_files(folder, contents):
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_results_pictures_page_and_weights_are_published(runs, root, published):
    missing = publish_reproduction.main(runs, root)
    names = {*FILES, *(path.as_posix() for path in PICTURES)}
    found = files(root / "docs")
    pareto = {name: found.pop(f"reproduction/{name}") for name in ("pareto.png", "pareto.svg")}
    write_files(runs, pareto)
    assert found == {
        "reproduction.md": bytes(document.document(runs), "utf-8"),
        **{f"reproduction/{name}": (runs / name).read_bytes() for name in names},
    }
    assert published == [
        (runs / "iwae/plain", root / "saved_models/mnist-plain"),
        (runs / "depth/deep", root / "saved_models/mnist-deep"),
        (runs / "pixels/flow", root / "saved_models/mnist-flow"),
        (runs / "pixels/bound", root / "saved_models/mnist-bound"),
    ]
    assert missing == [f"{runs / 'iwae/weighted'} is no run folder."]


def test_what_is_not_finished_is_left_as_it_was_and_named(runs, root, published):
    publish_reproduction.main(runs, root)
    before = files(root)
    published.clear()
    for table in (iwae.TABLE, depth.TABLE, pixels.TABLE):
        (runs / table.name / table.result).unlink()
    (runs / "aevb" / aevb.MANIFOLD).unlink()
    (runs / "aevb/aevb.json").write_text(json.dumps({**AEVB, "samples": 1}))
    missing = publish_reproduction.main(runs, root)
    left_out = (
        *(Path(table.name, table.result) for table in (iwae.TABLE, depth.TABLE)),
        Path("aevb", aevb.MANIFOLD),
        Path("pixels", pixels.TABLE.result),
    )
    assert missing == [str(runs / name) for name in left_out]
    assert (files(root), published) == (before, [])


def test_what_is_published_comes_back_for_rows_without_a_run(root, tmp_path):
    write(root / "docs/reproduction", FILES)
    tables = {table.name: table.result for table in (iwae.TABLE, depth.TABLE, pixels.TABLE)}
    names = {
        each: list(json.loads((root / "docs/reproduction" / each / tables[each]).read_text())["rows"])
        for each in tables
    }
    for name in itertools.chain(*names.values()):
        write(root / f"saved_models/mnist-{name}", {"model.keras": {"of": name}})
    here, *others = names["iwae"]
    write(tmp_path / "runs/iwae", {f"{here}/config.yaml": {}})
    publish_reproduction.restore(tmp_path / "runs", root)
    found = files(tmp_path / "runs")
    weights = {f"iwae/{name}/model.keras" for name in others} | {
        f"{table}/{name}/model.keras" for table in ("depth", "pixels") for name in names[table]
    }
    assert (
        set(found) == {f"{name}/{result}" for name, result in tables.items()} | {f"iwae/{here}/config.yaml"} | weights
    )
    for each in weights:
        assert json.loads(found[each]) == {"of": each.split("/")[1]}


@fault("outputs")
def test_what_comes_back_replaces_no_rows_and_folds_that_are_there(root, tmp_path):
    published = {"rows": {"a": {"of": "others"}, "b": {"of": "others"}}}
    write(root / "docs/reproduction", {"iwae/iwae.json": published, "frey-face/folds/one-00.json": {"of": "others"}})
    for name in "ab":
        write(root / f"saved_models/mnist-{name}", {"model.keras": {"of": name}})
    own = {"rows": {"b": {"of": "mine"}, "c": {"of": "mine"}}}
    write(tmp_path, {"iwae/iwae.json": own, "frey-face/folds/one-00.json": {"of": "mine"}})
    publish_reproduction.restore(tmp_path, root)
    rows = json.loads((tmp_path / "iwae/iwae.json").read_text())["rows"]
    assert {name: row["of"] for name, row in rows.items()} == {"a": "others", "b": "mine", "c": "mine"}
    assert json.loads((tmp_path / "frey-face/folds/one-00.json").read_text()) == {"of": "mine"}


def test_folds_are_published_before_all_are_done_and_come_back(runs, root, published, tmp_path):
    for name in ("iwae/iwae.json", "frey-face/frey_face.json"):
        (runs / name).unlink()
    write(runs, {f"frey-face/folds/study-0{fold}.json": {"fold": fold} for fold in range(2)})
    publish_reproduction.main(runs, root)
    write(root / "docs/reproduction", {name: {"rows": {}} for name in publish_reproduction.TABLES})
    publish_reproduction.restore(tmp_path / "back", root)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "back/frey-face/folds").iterdir()}
    assert kept == {path.name: path.read_bytes() for path in (runs / "frey-face/folds").iterdir()}
    assert len(kept) == 2


def test_every_picture_of_the_page_is_published(runs, root, published):
    publish_reproduction.main(runs, root)
    page = (root / "docs/reproduction.md").read_text()
    links = [line.split("(")[1].rstrip(")") for line in page.splitlines() if line.startswith("![")]
    assert len(links) == 1 + len([path for path in PICTURES if path.suffix == ".png"])
    for link in links:
        assert (root / "docs" / link).is_file()


def test_nothing_to_publish_is_a_sentence_and_changes_nothing(tmp_path, root, published):
    with pytest.raises(FileNotFoundError, match="holds no results"):
        publish_reproduction.main(tmp_path / "nowhere", root)
    assert files(root) == {}


def test_it_says_how_it_is_used_from_any_folder(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, publish_reproduction.__file__]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr[:44]) == (1, "Usage: python tools/publish_reproduction.py ")
