"""The recipe and the part of docs/extending.md train by the commands that the page prints, as a stranger's module."""

import json
import re
import shlex
import sys

import numpy as np
import pytest
import yaml

import tfvae
from command_lines import exit_code
from places import ROOT
from tfvae.app.cli import main
from tfvae.app.settings import Settings, as_yaml, read_yaml

SECTION = (ROOT / "docs/extending.md").read_text(encoding="utf-8").split("\n## A recipe for the command line\n")[1]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


CODE = "\n\n".join(blocks("python"))
LINES = blocks("sh")[0].splitlines()
COMMANDS = [line for line in LINES if line.startswith("tfvae")]
VARIABLES = dict(line.removeprefix("export ").split("=") for line in LINES if line.startswith("export"))
YAML = blocks("yaml")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the module and few images; commands run in it."""
    here = tmp_path_factory.mktemp("stranger")
    (here / "my_module.py").write_text(CODE, encoding="utf-8")
    np.save(here / "levels.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        patch.setattr(sys, "path", [*sys.path])
        yield here
    sys.modules.pop("my_module", None)


FEW = {
    "train": ["--data", "levels.npy", "--epochs", "1", "--validation-size", "10", "--no-xla", "--batch-size", "10"],
    "evaluate": ["--sample-size", "10"],
}


def run(line):
    """The exit code of a command line, which is made small unless it shows help or resumes."""
    words = shlex.split(line)[1:]
    words += FEW[words[0]] if not {"--help", "--resume"} & {*words} else []
    return exit_code(main, "tfvae", *words)


@pytest.fixture(scope="module")
def trained(folder):
    """The folder, in which all commands of the page have run."""
    assert [run(line) for line in COMMANDS] == [0] * len(COMMANDS)
    return folder


def test_recipe_and_part_are_short():
    _, *code = blocks("python")  # the first one has the imports
    assert sum(bool(line.strip()) for block in code for line in block.splitlines()) <= 25


@pytest.mark.slow
def test_every_printed_command_trains_what_it_says(trained):
    models = {
        run: yaml.safe_load((trained / f"runs/{run}/config.yaml").read_text())["model"] for run in ("own", "near")
    }
    assert models["own"]["my_module:my_recipe"]["own_option"] == 3
    assert models["near"]["my_module:my_recipe"]["objective"]["my_module:NearCapacity"]["capacity"] == 15.0
    objective = tfvae.load(trained / "runs/ours/model.keras").objective
    assert (type(objective).__name__, objective.capacity, objective.weight) == ("NearCapacity", 15.0, 2.0)
    assert json.loads((trained / "runs/near/evaluation/report.json").read_text())["settings"]["model"] == models["near"]


def test_help_is_the_docstring_and_the_options(folder, capsys):
    assert run(COMMANDS[0]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "VAE with `own_option` latent dimensions" in shown
    assert "--own-option INTEGER [default: 2]" in shown
    assert "--image-shape" not in shown


def test_yaml_means_what_the_command_line_means(folder, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text(YAML)
    expected = Settings(model="my_module:my_recipe(own_option=3, objective=my_module:NearCapacity(15))")
    assert Settings(**read_yaml(path)) == expected
    path.write_text(as_yaml(expected))
    assert Settings(**read_yaml(path)) == expected


@pytest.mark.slow
def test_it_resumes(trained):
    before = (trained / "runs/near/history.csv").read_bytes()
    assert run("tfvae train --out runs/near --resume") == 0
    assert (trained / "runs/near/history.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("tfvae train my_module:my_recipe --own-option 0", "`own_option` must be at least 1; received '0'."),
        ('tfvae train vae --objective "my_module:NearCapacity(-1)"', "`capacity` must be at least 0; received -1."),
    ],
)
def test_what_its_options_may_not_be_is_said(folder, line, sentence, capfd):
    assert run(line) == 1
    assert capfd.readouterr().err.strip().endswith(sentence)
