"""What benchmarks/precision.py makes of its rows; the training itself is `tfvae train`."""

import sys

import pytest
from scipy import stats

import precision

HALF, SINGLE = [-490.3, -491.2, -489.6], [-490.0, -490.9, -489.9]


def rows(name, elbos, **changes):
    made = {"epochs": 5, "train_size": None, "network": None, "data_digest": "a", "convention": "c"}
    figures = [made | {"elbo": elbo, "bits_per_dim": 8.0, "seconds": 1.0} | changes for elbo in elbos]
    return [row | {"precision": name, "seed": seed} for seed, row in enumerate(figures)]


def test_the_standard_errors_are_those_of_students_tests():
    found = precision.compared(HALF, SINGLE)
    assert found["difference"] / found["standard_error"] == pytest.approx(stats.ttest_ind(HALF, SINGLE).statistic)
    paired = stats.ttest_rel(HALF, SINGLE).statistic
    assert found["difference"] / found["standard_error_of_pairs"] == pytest.approx(paired)
    assert found["within_two_standard_errors"]
    assert not precision.compared([elbo - 5 for elbo in HALF], SINGLE)["within_two_standard_errors"]


def test_only_runs_under_the_same_conditions_are_compared():
    alike = [*rows("float32", SINGLE), *rows("bfloat16", HALF)]
    (found,) = precision.comparisons([*alike, *rows("float16", HALF, epochs=1)])
    assert (found["precision"], found["seeds"], found["epochs"]) == ("bfloat16", [0, 1, 2], 5)
    assert "bfloat16, 5 epochs, 3 seeds: ELBO -490.37 nats" in precision.sentence(found)
    with pytest.raises(SystemExit, match="different arrays"):
        precision.comparisons([*rows("float32", SINGLE), *rows("bfloat16", HALF, data_digest="b")])


def test_what_is_in_the_file_is_not_trained_again(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(precision, "train", lambda key: trained.append(key) or rows("float32", [-1.0])[0] | key)
    command = ["precision.py", "--out", str(tmp_path / "new/found.json"), "--precisions", "float32", "bfloat16"]
    for times, more in ((4, []), (0, []), (4, ["--again"]), (0, ["--table"])):
        monkeypatch.setattr(sys, "argv", [*command, "--seeds", "0", "1", *more])
        trained.clear()
        precision.main()
        assert len(trained) == times
