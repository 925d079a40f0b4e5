"""docs/neighbours.md shows what benchmarks/neighbours.json holds."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from places import ROOT
from tfvae.recipes import RECIPES


@pytest.fixture(scope="module")
def neighbours():
    spec = importlib.util.spec_from_file_location("benchmarks_neighbours", ROOT / "benchmarks/neighbours.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_that_of_the_json(neighbours, monkeypatch, tmp_path):
    printed = neighbours.TABLE.read_text(encoding="utf-8")
    monkeypatch.setattr(neighbours, "TABLE", Path(shutil.copy(neighbours.TABLE, tmp_path)))
    neighbours.write_table()
    assert neighbours.TABLE.read_text(encoding="utf-8") == printed


def test_no_neighbour_was_measured_twice_with_a_seed(neighbours):
    rows = [(row["model"], row["seed"]) for row in neighbours.read()]
    assert len(rows) == len(set(rows))
    assert {model for model, _ in rows} == set(neighbours.MODELS) <= set(RECIPES.names())


def test_every_digit_comes_up_in_three_per_cent_of_a_gans_samples(neighbours):
    shares = [row["figures"]["rarest digit"] for row in neighbours.read() if row["model"] == "gan"]
    assert len(shares) >= 3 and min(shares) >= 0.03


def test_gradients_find_as_good_a_mixture_as_expectation_maximisation():
    rows = json.loads((ROOT / "benchmarks/results/mixture.json").read_text())["rows"]
    assert [row["seed"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert row["scikit-learn"]["converged"]
        for part in ("train", "test"):
            assert row["tfvae"][part] >= 0.995 * row["scikit-learn"][part] > 0
