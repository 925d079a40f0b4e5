"""Help of `tfvae train`: what applies, in groups, on 80 columns, at once; and the near word for a mistake."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest

from command_lines import command
from tfvae.app.cli.command import option
from tfvae.recipes import RECIPES
from tfvae.recipes.options import Count, Option, Positive, Sizes, options, summary

GROUPS = ["Run:", "Data:", "Model:", "Training:", "Machine:"]


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys, *arguments):
    assert command(*arguments, "--help") == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", RECIPES.names())
def test_a_recipe_shows_its_options_in_groups(name, capsys):
    lines = shown(capsys, "train", name.replace("_", "-")).splitlines()
    assert [line for line in lines if line and line[0] != " " and line.endswith(":")] == GROUPS
    assert max(map(len, lines)) <= 80
    model = lines[lines.index("Model:") : lines.index("Training:")]
    known = options(RECIPES.function(name))
    flags = [line.split()[0] for line in model if line.startswith("  --")]
    assert flags == [f"--{option.replace('_', '-')}" for option in known]


def test_every_command_and_model_has_a_line_of_its_own(capsys):
    lines = shown(capsys, "train").splitlines()
    listed = lines[lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in listed] == [name.replace("_", "-") for name in RECIPES.names()]
    assert command("models") == 0
    *models, _ = capsys.readouterr().out.splitlines()
    assert models == [line.strip() for line in listed]
    assert max(map(len, models)) <= 80
    assert all(summary(RECIPES.function(name)) in line for name, line in zip(RECIPES.names(), models, strict=True))


@pytest.mark.parametrize(
    ("recipe", "hidden"),
    [("vae", []), ("glow", ["--start-at-mean"]), ("gan", ["--start-at-mean", "--patience"])],
)
def test_settings_of_no_use_to_a_model_are_left_out(recipe, hidden, capsys):
    text = shown(capsys, "train", recipe)
    assert [flag for flag in ("--start-at-mean", "--patience") if flag not in text] == hidden


def test_forms_and_defaults_are_shown(capsys):
    text = " ".join(shown(capsys, "train", "vae").split())
    for part in (
        "--precision float32|bfloat16|float16 Type",
        "--image-size HEIGHTxWIDTH Height",
        "--prior NAME(...) Family",
        "the same seed gives the same run. [default: 0]",
        "--xla / --no-xla",
        "flow(depth=4, hidden=(128,128))",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (Literal["a", "b"], "a|b"),
        (Literal["float"] | None, "float"),
        (Literal["a", "b"] | Positive, "a|b|NUMBER"),
        (Count | None, "INTEGER"),
        (Sizes, "NUMBERS"),
        (Path, "FILE"),
        (str, "TEXT"),
        (Annotated[str, "PLACE"], "PLACE"),
    ],
)
def test_what_stands_for_a_value(annotation, shown):
    assert option(Option("x_y", None, "help", annotation)).metavar == shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["train", "vae", "--latent-sise", "3"],
            "No such option '--latent-sise'. (Did you mean one of: '--latent-size'",
        ),
        (["train", "--epoch", "3"], "No such option '--epoch'. (Did you mean one of: '--epochs'"),
        (["sample", "x", "--sed", "3"], "No such option '--sed'. Did you mean '--seed'?"),
        (["trian"], "No such command 'trian'. Did you mean 'train'?"),
        (["train", "glw"], "received 'glw'. Did you mean 'glow'?"),
        (
            ["train", "vae", "--depth", "3"],
            "No such option '--depth'. Models with it: glow, maf, realnvp. Parts with it: ",
        ),
        (
            ["train", "--free-bits", "3"],
            "No such option '--free-bits'. Parts with it: --objective \"elbo(free_bits=...)\".",
        ),
        (["train", "--epochs", "3", "glow"], "The model comes first, its options after it: `tfvae train glow ...`."),
    ],
)
def test_a_mistake_in_a_name(arguments, said, capsys):
    assert command(*arguments) in (1, 2)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["models"], ["train", "glow", "--help"]])
def test_help_imports_neither_tensorflow_nor_numpy(arguments):
    code = (
        f"import sys; sys.argv = ['tfvae', *{arguments!r}]\n"
        "from tfvae.app.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'tensorflow_probability') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
