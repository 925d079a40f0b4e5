"""The commands in the documents are ones that the command line knows, with values that its options may have.

Nothing is trained: a command is parsed, and the values of its options are checked. docs/models.md has the models and
parts that there are.
"""

import contextlib
import re
import shlex
import sys

import click
import pytest

import models_document
from places import ROOT
from reproduction.cli import reproduce
from tfvae.app.cli import app
from tfvae.app.cli.command import Command, command
from tfvae.app.settings import Settings, read_yaml
from tfvae.app.settings.settings import fields
from tfvae.recipes import RECIPES
from tfvae.recipes.options import options

DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "saved_models/*.md", "deploy/*.sh", "tools/*.py", "notebooks/*.ipynb")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"  # which names options of its day
)
PROGRAMS = {"tfvae": app, "python -m reproduction": command(reproduce)}
_START = r"(?:tfvae|python -m reproduction)(?=[\s`]|\\n)"
STRANGER = '''
from tfvae.recipes.parts import Objective

class NearCapacity:
    """An objective of a stranger."""
    def __init__(self, capacity: float = 10.0, weight: float = 10.0): ...

def my_recipe(image_shape, own_option: int = 2, objective: Objective = "elbo"):
    """A recipe of a stranger."""
'''


def commands(text):
    """The commands of a document: lines that begin with one, and spans of code; the second value says which."""
    text = re.sub(r"\\\n\s*", " ", text)
    for line in re.findall(rf"^[ $]*(?:srun [^\n]*?|for [^\n]*?do )?({_START}[^\n]*)$", text, re.MULTILINE):
        if "`" not in line:
            yield re.split(r"\s#\s|; done|\s\|\s", line)[0].strip(), True
    for span in re.findall(rf"`({_START}[^`]*)`", text):
        yield " ".join(span.split()), False


ALL = [(name, *found) for name in DOCUMENTS for found in commands((ROOT / name).read_text(encoding="utf-8"))]


def parse(line):
    """Checks names and values of a command's options; nothing is run."""
    name = next(each for each in PROGRAMS if line.startswith(each))
    words = shlex.split(line[len(name) :])
    words = [
        {"MODEL": "glow", "RECIPE": "glow"}.get(word, word) for word in words if not word.startswith(("...", "$@"))
    ]

    def invoke(self, context):
        own = options(RECIPES.function(self.name), ()) if context.parent and context.parent.info_name == "train" else {}
        for key, value in context.params.items():
            if value is not None and key in own | fields():
                (own | fields())[key].checked(value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Command, "invoke", invoke)
        with contextlib.suppress(click.exceptions.Exit):  # of --help
            PROGRAMS[name].main(words, "tfvae", standalone_mode=False)


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    (tmp_path / "my_module.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_module", None)


@pytest.mark.parametrize(("document", "line", "is_whole"), ALL)
def test_the_command_line_knows_it(document, line, is_whole, stranger):
    try:
        parse(line)
    except click.exceptions.NoArgsIsHelpError:
        assert not is_whole
    except click.MissingParameter as error:  # a command that prose speaks of by its name
        assert not is_whole and error.param.param_type_name == "argument"


YAML = [
    (name, block)
    for name in DOCUMENTS
    for block in re.findall(r"^```yaml\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(("document", "block"), YAML, ids=[f"{name}-{number}" for number, (name, _) in enumerate(YAML)])
def test_settings_are_read(document, block, tmp_path, stranger):
    path = tmp_path / "settings.yaml"
    path.write_text(block)
    assert Settings(**read_yaml(path)).model.name in block


def test_many_were_found_of_each_kind():
    assert len([line for _, line, is_whole in ALL if is_whole]) > 40
    assert len({line for _, line, is_whole in ALL if not is_whole}) > 40


@pytest.mark.parametrize(
    "line",
    ["tfvae train --model glow", "tfvae train glow --levels 0", "tfvae train glow --prior flow", "tfvae sing runs/001"],
)
def test_a_wrong_one_would_be_noticed(line):
    with pytest.raises((click.UsageError, ValueError)):
        parse(line)


def test_the_tables_of_models_are_made_of_the_recipes():
    text = models_document.DOCUMENT.read_text(encoding="utf-8")
    assert models_document.filled(text) == text, "run `python tools/models_document.py`"
    for name in RECIPES.names():
        assert f"| `{name.replace('_', '-')}` |" in text
