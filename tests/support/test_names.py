"""Names of files and classes, whatever they hold, are shown as text: on a terminal, in tables and in pictures."""

import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image

from faults import fault
from tfvae import plots
from tfvae._support.printing import printable, say
from tfvae.app import cli
from tfvae.plots.style import as_written, own_style

SHOWN = {
    "plain name, é 猫": "plain name, é 猫",
    "a\nb\tc\rd": r"a\nb\tc\rd",
    "\x1b[31mred\x07\x9b": r"\x1b[31mred\x07\x9b",
    "photo\u202egnp.exe": r"photo\u202egnp.exe",
    "a\u200bb\ufeffc\u2028d\u2066": r"a\u200bb\ufeffc\u2028d\u2066",
    os.fsdecode(b"caf\xe9"): r"caf\xe9",
    "\ud800": r"\ud800",
}
IN_PICTURES = {
    r"$\frac{$": r"$\frac{$",
    "$5 to $10": "$5 to $10",
    "a$_$b": "a$_$b",
    r"\$x$": r"\$x$",
    "_a": "_a",
    "": "",
    "猫": r"\u732b",
    "🐈": r"\U0001f408",
    os.fsdecode(b"caf\xe9"): r"caf\xe9",
    "a\nb": r"a\nb",
    "\x1b[31m": r"\x1b[31m",
}
MEANS = np.random.default_rng(0).normal(size=(20, 2))
GREY = np.zeros((1, 2, 2, 1), np.float32)
WITH_NAMES = {
    "latent_map": lambda name: plots.latent_map(MEANS, np.zeros(20, int), [name]),
    "latent_maps": lambda name: plots.latent_maps({name: MEANS}, np.zeros(20, int), [name]),
    "image_grid": lambda name: plots.image_grid(GREY, title=name),
    "image_grids": lambda name: plots.image_grids([GREY], [name]),
    "view_grid": lambda name: plots.view_grid({name: GREY}),
    "lines": lambda name: plots.lines({name: ([1, 2], [1, 2])}, "x", "y", {name: 1.5}),
    "naive_estimates": lambda name: plots.naive_estimates(np.arange(1, 3), np.arange(2.0), {name: 1.0}),
    "pareto": lambda name: plots.pareto({name: (1.0, 2.0)}),
}


def texts(figure):
    """All text of a figure as it is drawn, of which none may be a formula but numbers at axes."""
    drawn = []
    for text in figure.findobj(matplotlib.text.Text):
        shown, is_formula = text._preprocess_math(text.get_text())
        assert is_formula is False or r"\mathdefault" in shown, shown
        drawn.append(shown)
    return drawn


@fault("names")
@pytest.mark.parametrize("name", SHOWN, ids=ascii)
def test_what_a_terminal_would_obey_or_hide_is_escaped(name, capsys):
    assert printable(name) == SHOWN[name]
    say(f"Wrote {name}", err=True)
    assert capsys.readouterr().err == f"Wrote {SHOWN[name]}\n"


@fault("names")
def test_what_a_terminal_cannot_write_is_escaped_too(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    say("a 猫", "b")
    assert stream.buffer.getvalue() == b"a \\u732b\nb\n"


@fault("names")
@pytest.mark.parametrize("command", ["evaluate", "sample", "card"])
def test_an_error_about_a_name_is_one_line_without_escape_codes(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tfvae", command, f"{tmp_path}/\x1b[2Jno\nsuch{os.fsdecode(b'%c' % 0xE9)}"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr().err
    assert end.value.code == 1
    assert r"/\x1b[2Jno\nsuch\xe9" in said
    assert said.count("\n") == 1 and "\x1b" not in said


@fault("names")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in WITH_NAMES
        for name in IN_PICTURES
        if "\n" not in name or kind not in ("image_grid", "image_grids")  # their titles may have several lines
    ],
    ids=ascii,
)
def test_a_picture_shows_a_name_as_it_is_written(kind, name):
    figure = WITH_NAMES[kind](name)
    assert IN_PICTURES[name] in texts(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.png(figure)


@fault("names")
@pytest.mark.parametrize("kind", ["latent_map", "latent_maps", "lines", "naive_estimates", "pareto"])
def test_a_legend_has_names_that_matplotlib_would_hide(kind):
    figure = WITH_NAMES[kind]("_a")
    (legend,) = figure.findobj(matplotlib.legend.Legend)
    assert "_a" in [text.get_text() for text in legend.get_texts()]


@fault("names")
def test_a_long_name_leaves_room_for_the_picture():
    figure = plots.latent_map(MEANS, np.arange(20) % 2, ["x" * 250, "y"])
    plots.png(figure)
    assert figure.axes[0].get_position().width > 0.3
    assert "x" * 16 + "…" + "x" * 8 in texts(figure)


@fault("names")
def test_a_font_of_the_user_draws_what_the_usual_one_lacks(tmp_path):
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 700))
    pen.lineTo((900, 0))
    pen.closePath()
    font = FontBuilder(1000)
    font.setupGlyphOrder([".notdef", "cat"])
    font.setupCharacterMap({ord("猫"): "cat"})
    font.setupGlyf({".notdef": pen.glyph(), "cat": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (1000, 0), "cat": (1000, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Cats", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "cats.ttf")
    before = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "cats.ttf")
    try:
        with matplotlib.rc_context({"font.sans-serif": ["Cats"]}), own_style():
            assert as_written("猫 🐈 a") == r"猫 \U0001f408 a"
            plots.png(plots.latent_map(MEANS, np.zeros(20, int), ["猫"]))
    finally:
        font_manager.fontManager.ttflist = before


@pytest.mark.slow
@fault("names")
def test_classes_of_any_name_train_and_bad_files_of_any_name_are_skipped(tmp_path, monkeypatch, capfd):
    """All pictures of the epoch are there, and what is said has no escape codes."""
    names = [name for name in IN_PICTURES if name] + ["tea"]
    rng = np.random.default_rng(0)
    for name in names:
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 256, (8, 8), np.uint8)
            with open(tmp_path / "data" / name / f"{number}.png", "wb") as file:
                Image.fromarray(pixels).save(file, "PNG")
    Path(tmp_path, "data", "tea", os.fsdecode(b"\x1b[2J\xe9.png")).write_bytes(b"no image")
    arguments = [
        "--epochs",
        "1",
        "--network",
        "mlp(8)",
        "--batch-size",
        "20",
        "--latent-size",
        "2",
        "--bad-records",
        "skip",
        "--no-xla",
    ]
    monkeypatch.setattr(
        sys, "argv", ["tfvae", "train", "--data", f"{tmp_path}/data", "--out", f"{tmp_path}/run", *arguments]
    )
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    said = capfd.readouterr()
    assert r"tea/\x1b[2J\xe9.png: is damaged" in said.out
    assert "\x1b" not in said.out + said.err and "Warning" not in said.err
    assert len(list((tmp_path / "run").rglob("*-epoch-001.png"))) == 5


@fault("pictures")
@pytest.mark.parametrize("settings", ["MPLBACKEND", "MATPLOTLIBRC"])
def test_what_ends_matplotlibs_import_is_taken_away_or_named(settings, tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"font.family: caf\xe9\n")
    value = {"MPLBACKEND": "no-such-backend", "MATPLOTLIBRC": str(tmp_path)}[settings]
    code = "from tfvae.app.cli.common import quiet_import\nwith quiet_import():\n    import tfvae.plots"
    ended = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {settings: value}, capture_output=True, text=True
    )
    if settings == "MPLBACKEND":
        assert (ended.returncode, ended.stderr) == (0, "")
    else:
        assert "ValueError: matplotlib cannot read its settings: its file `matplotlibrc` is not UTF-8" in ended.stderr
