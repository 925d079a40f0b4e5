"""Options read from signatures and docstrings, and parts named in text: what is accepted, refused and written back."""

import subprocess
import sys
from typing import Annotated, Literal

import pytest
from annotated_types import Ge
from hypothesis import given
from hypothesis import strategies as st

from faults import fault
from tfvae.app.settings import Settings, as_yaml, read_yaml
from tfvae.recipes import RECIPES, Specification
from tfvae.recipes.options import call, complete, options
from tfvae.recipes.parts import PRIORS


def part(event_shape, width: Annotated[int, Ge(1)] = 3, *more: int, word: Literal["one", "two"] = "one", rate=0.5):
    """A part.

    Args:
        event_shape: shape of an event.
        width: number of units,
            on two lines.
        word, rate: two more.
    """
    return event_shape, width, more, word, rate


def test_options_come_from_the_signature_and_the_docstring():
    known = options(part)
    assert list(known) == ["width", "more", "word", "rate"]  # the shape is given by whoever calls it
    assert known["width"].help == "number of units, on two lines."
    assert (known["word"].help, known["rate"].help) == ("two more.", "two more.")
    assert known["rate"].annotation is float


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (3, (), "one", 0.5)),
        ({"width": "4", "rate": "1e-3", "word": "two"}, (4, (), "two", 1e-3)),
        ({"width": 4, "more": "1,2", "rate": 1}, (4, (1, 2), "one", 1.0)),
        ({"more": [5]}, (3, (5,), "one", 0.5)),
    ],
)
def test_values_are_read_as_text_or_as_what_they_are(given, expected):
    assert call(part, complete(part, "`part`", given), {"event_shape": (7,)}) == ((7,), *expected)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"width": 0}, "`width` must be at least 1; received 0."),
        ({"width": "x"}, "`width` must be an integer; received 'x'."),
        ({"width": True}, "`width` must be an integer; received True."),
        ({"width": 2.5}, "`width` must be an integer; received 2.5."),
        ({"word": "tow"}, "`word` must be 'one' or 'two'; received 'tow'. Did you mean 'two'?"),
        ({"rate": "fast"}, "`rate` must be a number; received 'fast'."),
        ({"widht": 1}, "`part` has no option `widht`. Did you mean 'width'? Its options are width, more, word, rate."),
        ({"event_shape": 1}, "`part` has no option `event_shape`. Its options are width, more, word, rate."),
    ],
)
def test_a_mistake_is_one_sentence_with_the_near_word(given, sentence):
    with pytest.raises(ValueError) as caught:
        complete(part, "`part`", given)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("flow", {"flow": {"depth": 4, "hidden": [128, 128]}}),
        ("flow(depth=2)", {"flow": {"depth": 2, "hidden": [128, 128]}}),
        ("flow(2, (8,))", {"flow": {"depth": 2, "hidden": [8]}}),
        ({"flow": {"depth": 2}}, {"flow": {"depth": 2, "hidden": [128, 128]}}),
        ({"flow": None}, {"flow": {"depth": 4, "hidden": [128, 128]}}),
        ({"normal": {}}, "normal"),
        (" normal ", "normal"),
    ],
)
def test_a_part_is_named_in_text_or_yaml(text, plain):
    assert PRIORS.read(text).plain() == plain
    assert PRIORS.read(plain) == PRIORS.read(text) == PRIORS.read(str(PRIORS.read(text)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("flo", "`prior` must be 'normal', 'mixture', 'vamp' or 'flow'; received 'flo'. Did you mean 'flow'?"),
        ("flow(", "`prior` must be a name, with options in brackets"),
        ("flow(depth=)", "`prior` must be a name, with options in brackets"),
        ("__import__('os').system('true')", "`prior` must be a name, with options in brackets"),
        ("flow(depth=open)", "`depth` must be an integer; received 'open'."),
        ("flow(**x)", "`prior` must be a name, with options in brackets"),
        ("normal(3)", "`normal`: too many positional arguments."),
        ("flow(1, depth=2)", "`flow`: multiple values for argument 'depth'."),
        ({"flow": {"depth": 1}, "vamp": {}}, "`prior` must be one name with its options"),
        ({"flow": 3}, "the options of 'flow' must be names with values"),
        ("nowhere.at_all:Prior", "'nowhere.at_all:Prior' cannot be imported: No module named 'nowhere'."),
        ("math:nothing", "'math:nothing' cannot be imported: module 'math' has no attribute 'nothing'."),
        ("math:pi", "'math:pi' must be a function or a class; it is a float."),
        ("(" * 5000, "`prior` must be a name, with options in brackets"),
    ],
)
def test_what_names_no_part_is_refused(text, sentence):
    with pytest.raises(ValueError) as caught:
        PRIORS.read(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        RECIPES.read(text)
    except ValueError as error:
        assert "\n" not in str(error).replace(repr(text), "")


SPY = """import pathlib

pathlib.Path("imported").touch()


def recipe(image_shape, width: int = 1):
    pass
"""


@fault("trust")
@pytest.mark.parametrize(
    "form", ["{CODE: {width: 2}}", "CODE(2)", "vae(prior=CODE(2))", "{vae: {objective: {CODE: {width: 2}}}}"]
)
def test_a_settings_file_runs_no_code_that_is_not_trusted(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "spy_module.py").write_text(SPY)
    (tmp_path / "config.yaml").write_text(f"model: {form.replace('CODE', 'spy_module:recipe')}\n")
    with pytest.raises(ValueError, match="'spy_module:recipe' would run code of the module spy_module"):
        read_yaml(tmp_path / "config.yaml")
    assert not (tmp_path / "imported").exists()
    monkeypatch.setenv("TFVAE_TRUST_CODE", "another,spy_module")
    assert "model" in read_yaml(tmp_path / "config.yaml")
    assert (tmp_path / "imported").exists()
    del sys.modules["spy_module"]


@fault("trust")
@pytest.mark.parametrize("name", ["os:system", "builtins:eval", "subprocess:getoutput"])
def test_modules_that_are_imported_already_are_not_trusted(name, tmp_path):
    (tmp_path / "config.yaml").write_text(f"model: {{{name}: {{command: 'touch {tmp_path}/run'}}}}\n")
    with pytest.raises(ValueError, match="would run code of the module"):
        read_yaml(tmp_path / "config.yaml")


def test_parts_inside_a_recipe_have_options_of_their_own():
    made = RECIPES.read("vae(latent_size=3, prior=flow(depth=2), network=mlp(8, 4), objective=iwae(gradient=dreg))")
    assert made.options["prior"] == Specification("flow", {"depth": 2, "hidden": (128, 128)})
    assert made.options["network"].options["units"] == (8, 4)
    assert made.plain()["vae"]["objective"] == {"iwae": {"samples": 5, "gradient": "dreg"}}


@pytest.mark.parametrize("name", RECIPES.names())
def test_every_recipe_is_written_to_yaml_with_a_comment_a_line_and_read_back(name, tmp_path):
    settings = Settings(model=name, epochs=3, image_size="28x20")
    path = tmp_path / "config.yaml"
    path.write_text(as_yaml(settings))
    assert Settings(**read_yaml(path)) == settings
    assert all("  # " in line for line in path.read_text().splitlines() if not line.endswith(":"))


@pytest.mark.parametrize("name", RECIPES.names())
def test_every_option_of_every_recipe_has_a_help_text(name):
    for option in options(RECIPES.function(name)).values():
        assert len(option.help) > 5, option.name


def test_naming_and_refusing_import_no_tensorflow():
    code = (
        "import sys; from tfvae.app.settings import Settings\n"
        "Settings(model='vae(prior=flow, likelihood=categorical)')\n"
        "try: Settings(model='glow(depth=0)')\nexcept ValueError: pass\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
