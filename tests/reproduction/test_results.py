"""Means with their standard errors, the ELBO of each image, and results as files."""

import numpy as np
import pytest

from reproduction import results
from tfvae import recipes
from tfvae._support import files
from tfvae.objectives import ELBO, ImportanceWeighted


def test_the_standard_error_is_that_of_the_textbook():
    found = results.mean_and_error([1.0, 2.0, 6.0])  # s^2 = (4 + 1 + 9) / 2
    assert found == {"mean": 3.0, "standard_error": pytest.approx(np.sqrt(7 / 3), rel=1e-15)}


def test_four_times_the_figures_have_half_the_standard_error():
    draws = np.random.default_rng(0).normal(size=40_000)
    few, many = (results.mean_and_error(draws[:count]) for count in (10_000, 40_000))
    assert few["standard_error"] == pytest.approx(1 / 100, rel=0.03)
    assert many["standard_error"] == pytest.approx(1 / 200, rel=0.03)


@pytest.mark.parametrize("values", [[], [1.0], 1.0, [[1.0, 2.0]]], ids=str)
def test_one_figure_has_no_standard_error(values):
    with pytest.raises(ValueError, match=r"^`values` must be \[N\] with N >= 2; received shape \("):
        results.mean_and_error(values)


@pytest.mark.parametrize("objective", [ELBO(), ELBO(beta=0.5, sample_size=3), ImportanceWeighted(2)], ids=repr)
def test_the_mean_of_the_elbos_is_what_evaluate_reports(objective, monkeypatch):
    monkeypatch.setattr(results, "_ROWS", 7)
    images = np.random.default_rng(0).integers(0, 256, (17, 4, 3, 1), np.uint8)
    model = recipes.vae((4, 3, 1), latent_size=2, network="mlp(5)", objective=objective)
    model.compile()
    found = results.elbos(model, images)
    assert found.shape == (17,)
    reported = model.evaluate(images, batch_size=5, verbose=0, return_dict=True)["elbo"]
    assert found.mean() == pytest.approx(reported, rel=1e-5)
    assert found.std() > 0.1


def test_results_are_read_as_they_were_written(tmp_path):
    path, result = tmp_path / "new" / "result.json", {"mean": 0.1 + 0.2, "of": [1, None]}
    assert files.read_json(path) is None
    files.write_json(path, result)
    assert files.read_json(path) == result
    assert [each.name for each in path.parent.iterdir()] == ["result.json"]


def test_a_damaged_result_is_named(tmp_path):
    for content in ("{", "3"):
        (tmp_path / "result.json").write_text(content)
        with pytest.raises(ValueError, match=r"result\.json is no result .* delete it to have it made again\.$"):
            files.read_json(tmp_path / "result.json")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file/result\.json cannot be written: "):
        files.write_json(tmp_path / "file" / "result.json", {})
