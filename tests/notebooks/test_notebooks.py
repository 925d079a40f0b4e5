"""The committed notebooks are whole, and each still runs: quickly, on few images, with figures in the right order.

A notebook's last code cell prints one line of JSON with its figures; `CHECKS` says what must hold of them. With the
environment variable TFVAE_FAST=1 a notebook takes few images and epochs.
"""

import copy
import importlib.util
import json
import math
import os
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

_spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks/build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)


def figures(notebook):
    """What the last code cell printed."""
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    return json.loads("".join(output.text for output in last.outputs if output.get("name") == "stdout"))


def check_first_vae(printed, committed):
    elbo = printed["elbo"]
    assert all(math.isfinite(value) for value in elbo)
    assert elbo[-1] > elbo[0] + 20 and printed["val_elbo"][-1] > printed["val_elbo"][0] + 20
    margin = 1000 if committed else 50  # nats; a few epochs leave sigma wide, and then all images are much alike
    assert printed["log_p"]["digit"] > printed["log_p"]["noise"] + margin
    assert printed["log_p"]["digit"] > printed["log_p"]["shuffled"] + margin / 5
    test = printed["test"]
    assert test == printed["test_again"]
    assert test["elbo"] == pytest.approx(-(test["distortion"] + test["rate"]), rel=1e-5)
    if committed:
        assert abs(test["elbo"] - printed["val_elbo"][-1]) < 30
        assert printed["log_p"]["digit"] > 0 > printed["log_p"]["noise"]  # better and worse than eight bits a pixel


CHECKS = {"01_first_vae": check_first_vae}


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


@pytest.mark.slow
@every_notebook
def test_notebook_runs(path, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # of measured times
    monkeypatch.setenv(build.FAST, "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)  # for the notebook's own process
    notebook = nbformat.read(path, as_version=4)
    build.run(notebook)
    CHECKS[path.stem](figures(notebook), committed=False)
