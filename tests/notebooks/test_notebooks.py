"""The committed notebooks are whole, and each still runs: quickly, on few images, with figures in the right order.

A notebook's last code cell prints one line of JSON with its figures; `notebook_checks` says what must hold of them.
With the environment variable TFVAE_FAST=1 a notebook takes few images and epochs.
"""

import copy
import importlib.util
import json
import os

import nbformat
import numpy as np
import pytest

from notebook_checks import CHECKS
from places import ROOT
from tiers import first

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WITH_EXERCISES = ("01_first_vae", "02_objective", "03_naive_monte_carlo")
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

_spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks/build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)


def figures(notebook):
    """What the last code cell printed."""
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    return json.loads("".join(output.text for output in last.outputs if output.get("name") == "stdout"))


def test_every_notebook_is_checked():
    assert [path.stem for path in NOTEBOOKS] == sorted(CHECKS)


@every_notebook
def test_committed_notebook_is_whole(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run `make notebooks`"
    assert all(cell.outputs for cell in code[1:])  # all but the imports show something
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)
    assert path.stat().st_size < 1_000_000
    CHECKS[path.stem](figures(notebook), committed=True)


@every_notebook
def test_committed_notebook_is_as_build_leaves_it(path):
    """So it names no absolute path, no machine and no warning."""
    notebook = nbformat.read(path, as_version=4)
    cleaned = copy.deepcopy(notebook)
    build.clean(cleaned)
    assert cleaned == notebook


def test_absolute_paths_are_refused():
    output = nbformat.v4.new_output("stream", name="stdout", text="wrote /somewhere/else.png")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    with pytest.raises(ValueError, match=r"/somewhere/else\.png"):
        build.clean(notebook)


def cell(source, outputs=(), name="a"):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=1, id=name)


ANSWERED = """a = 1
if a:
    # Exercise: twice a.
    b, c = (
        2 * a, 0
    )
    print(b)
    # End.
# Exercise: say so.
print("so")
# End.
d = b"""
BLANKED = """a = 1
if a:
    # Exercise: twice a.
    b, c = ...
    # End.
# Exercise: say so.
# End.
d = b"""


def test_answers_are_left_out_and_their_names_stay():
    assert build.without_answers(ANSWERED) == (BLANKED, 2)
    assert build.without_answers("a = 1  # Exercise: none") == ("a = 1  # Exercise: none", 0)
    with pytest.raises(ValueError, match="has no line '# End\\.'"):
        build.without_answers("# Exercise: one\na = 1")


def test_a_notebook_without_answers_has_no_exercises():
    assert build.exercises(nbformat.v4.new_notebook(cells=[cell("a = 1")])) is None


@every_notebook
def test_exercises_are_up_to_date(path):
    """Made by `python notebooks/build.py --copies` of a notebook that has changed."""
    blank = build.exercises(nbformat.read(path, as_version=4))
    assert (blank is not None) == (path.stem in WITH_EXERCISES)
    kept = build.EXERCISES / path.name
    assert kept.exists() == (blank is not None)
    if blank is not None:
        assert nbformat.read(kept, as_version=4) == blank
        code = [each for each in blank.cells if each.cell_type == "code"]
        assert not any(each.outputs for each in code)
        assert sum(each.source.count(" = ...") for each in code) >= 3


def test_pictures_of_the_document_are_those_of_the_notebooks():
    made = {}
    for path in NOTEBOOKS:
        made |= build.pictures(nbformat.read(path, as_version=4))
    assert {path.name: path.read_bytes() for path in build.PICTURES.iterdir()} == made


def test_line_art_keeps_its_svg_without_a_date_and_images_lose_theirs():
    line_art = "<svg><metadata>today</metadata><path/></svg>"
    outputs = [
        nbformat.v4.new_output("display_data", {build.SVG: svg}, metadata={build.SVG: {"width": 1}})
        for svg in (line_art, "<svg><image/></svg>")
    ]
    notebook = nbformat.v4.new_notebook(cells=[cell("", outputs)])
    build.clean(notebook)
    first, second = notebook.cells[0].outputs
    assert first.data == {build.SVG: "<svg><path/></svg>"} and second.data == {}
    assert first.metadata == second.metadata == {}


@pytest.mark.slow
@pytest.mark.parametrize("path", first(1, NOTEBOOKS), ids=lambda path: path.stem)
def test_notebook_runs(path, monkeypatch, tmp_path):
    faces = tmp_path / "faces.npz"  # what stands in for Frey Face, which cannot be passed on
    np.savez(faces, images=np.random.default_rng(0).integers(0, 256, (100, 28, 20, 1), "uint8"))
    monkeypatch.setenv("TFVAE_FREY_FACE", str(faces))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # of measured times
    monkeypatch.setenv(build.FAST, "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)  # for the notebook's own process
    notebook = nbformat.read(path, as_version=4)
    build.run(notebook)
    CHECKS[path.stem](figures(notebook), committed=False)
