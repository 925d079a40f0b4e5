"""docs/defaults.md shows what benchmarks/defaults.json holds, and the row that is marked keeps its promises."""

import importlib.util
import math
import re
import shutil
import sys
from pathlib import Path

import pytest

from places import ROOT


@pytest.fixture(scope="module")
def defaults():
    spec = importlib.util.spec_from_file_location("benchmarks_defaults", ROOT / "benchmarks/defaults.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_json(defaults, monkeypatch, tmp_path):
    printed = (ROOT / "docs/defaults.md").read_text(encoding="utf-8")
    copy = Path(shutil.copy(ROOT / "docs/defaults.md", tmp_path))
    monkeypatch.setattr(defaults, "TABLE", copy)
    defaults.write_tables()
    assert copy.read_text(encoding="utf-8") == printed
    assert len(re.findall(r"^\| \*\*", printed, re.MULTILINE)) == 1


def test_every_row_of_the_table_was_measured(defaults):
    assert all(defaults.find(row) is not None for row in defaults.ROWS)
    assert len(set(defaults.ROWS)) == len(defaults.ROWS)


def test_the_chosen_row_keeps_its_promises(defaults):
    """On validation images, and on test images with each of the three seeds."""
    assert defaults.CHOSEN in defaults.ROWS
    on_test = [defaults.find(defaults.CHOSEN, seed, "test") for seed in defaults.SEEDS]
    for figures in [defaults.find(defaults.CHOSEN), *on_test]:
        assert figures["recognised"] - 4 * figures["standard_error"] > 0.5
        assert 2.2 <= figures["class_entropy"] <= math.log(10)
        assert figures["reconstruction_accuracy"] >= 0.95
        assert figures["active_units"] >= 0.75 * defaults.CHOSEN.latent_size
