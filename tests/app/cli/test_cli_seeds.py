"""One run for each of several seeds."""

import json

import pytest

from command_lines import SMALL, command
from small_runs import data
from tfvae.app.settings import settings_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("eagerly")]  # four trainings


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "several"
    few = ["--epochs", 1, "--train-size", 50, "--validation-size", 50, "--batch-size", 25, "--latent-size", 1]
    source = data(folder.with_name("discs.npz"))
    assert command("train", "--data", source, *SMALL, *few, "--out", folder, "--seeds", 0, 4) == 0
    return folder


def test_each_seed_has_a_run(seeds):
    assert sorted(path.name for path in seeds.iterdir()) == ["seed-0", "seed-4"]
    assert [settings_of(seeds / name).seed for name in ("seed-0", "seed-4")] == [0, 4]
    elbos = {json.loads((path / "report.json").read_text())["elbo"] for path in seeds.iterdir()}
    assert len(elbos) == 2


def test_resuming_trains_the_seeds_that_are_missing_with_the_settings_of_the_others(seeds):
    before = json.loads((seeds / "seed-4/report.json").read_text())
    assert command("train", "--out", seeds, "--resume", "--seeds", "4,7") == 0
    assert settings_of(seeds / "seed-7").differences(settings_of(seeds / "seed-4")).keys() == {"seed"}
    after = json.loads((seeds / "seed-4/report.json").read_text())
    assert {name: after[name] for name in ("elbo", "steps")} == {name: before[name] for name in ("elbo", "steps")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seeds", "0", "x"), "`--seeds` must be different integers, such as 0 1 2; received 0 x."),
        (("--seeds", "1", "1"), "`--seeds` must be different integers, such as 0 1 2; received 1 1."),
        (("--seeds", "1", "--seed", "2"), "`--seed` and `--seeds` cannot be given both."),
        (("--epochs", "1", "2", "3"), "`tfvae train` takes options only; received 2 3."),
        (("vae", "1", "2"), "`tfvae train` takes options only; received 1 2."),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert command("train", *arguments) == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
