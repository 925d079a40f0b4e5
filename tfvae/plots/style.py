"""What all figures have in common: colours and lines that can be told apart in print, and line art as SVG."""

from __future__ import annotations

import contextlib
import functools
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae._support.printing import escaped, printable

BLUE, VERMILION, GREEN, PINK, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
"""Of Okabe and Ito's palette, "Color Universal Design" 2008, which colour-blind readers can tell apart."""

LINES = (("-", BLUE), ("--", VERMILION), (":", GREEN), ("-.", PINK), ("-", ORANGE), ("--", "#000000"))
"""Style and colour of the first line of a figure, the second, and so on; styles alone differ among neighbours."""

# The palette, a grey and a purple: ten colours that colour-blind readers can tell apart best.
CLASSES = ("#000000", ORANGE, "#56B4E9", GREEN, "#F0E442", BLUE, VERMILION, PINK, "#999999", "#7F3C8D")

SMALL, MEDIUM = 8, 9  # points: ticks and legends; names of axes

_FONT = "DejaVu Sans"  # which matplotlib brings along
_LONGEST = 40  # characters of a name
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)  # the date, and the name of the software


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Draws with matplotlib's own defaults, whatever the user's matplotlibrc or style says, in the block or function.

    Only for characters that the font of the defaults lacks the fonts in the user's settings are taken.
    """
    fonts = _installed((_FONT, *matplotlib.rcParams["font.family"], *matplotlib.rcParams["font.sans-serif"]))
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["font.family"] = fonts
        yield


def as_written(name: Any, longest: int | None = _LONGEST, keep: str = "") -> str:
    """A name from outside as text for matplotlib: no formula, no hint, and nothing that cannot be drawn.

    Args:
        name: of a class, a curve or a run, or a title that holds one; `str` is applied to it.
        longest: characters, beyond which the middle is left out; None for any number.
        keep: see `printable`.
    """
    text = printable(name, keep)
    if longest is not None and len(text) > longest:
        text = f"{text[: longest * 2 // 3]}…{text[-(longest // 3) :]}"
    drawable = _characters(tuple(matplotlib.rcParams["font.family"]))
    text = "".join(each if ord(each) in drawable or each in keep else escaped(each) for each in text)
    return text.replace("$", r"\$")


def open_frame(axes: Axes) -> None:
    """Only the two lines of the frame that carry ticks; ticks and names that are legible in print."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(MEDIUM)


def legend(where: Axes | Figure, handles: Sequence[Artist] | None = None, **look: Any) -> None:
    """A legend without a frame, where it hides least.

    Args:
        where: what it is a legend of.
        handles: what it names, by their labels; if not given, all that have one. matplotlib by itself leaves out
            labels that begin with "_".
        look: arguments of matplotlib's `legend`.
    """
    chosen = {} if handles is None else {"handles": handles, "labels": [str(each.get_label()) for each in handles]}
    where.legend(**chosen, **({"fontsize": SMALL, "frameon": False} | look))


def is_line_art(figure: Figure) -> bool:
    """Whether a figure is lines, bars and text alone, without images or so many points that they are drawn as one."""
    artists = [artist for axes in figure.axes for artist in axes.get_children()]
    return not any(axes.images for axes in figure.axes) and not any(artist.get_rasterized() for artist in artists)


def svg(figure: Figure) -> str:
    """A figure as SVG: the same text whenever it is made of the same numbers.

    Without a salt of its own matplotlib would name its parts by chance.
    """
    buffer = io.StringIO()
    with own_style(), matplotlib.rc_context({"svg.hashsalt": "tfvae"}):
        figure.savefig(buffer, format="svg")
    return without_date(buffer.getvalue())


def png(figure: Figure) -> bytes:
    """A figure as the content of a PNG file."""
    buffer = io.BytesIO()
    with own_style():
        # The strongest compression would take longer than drawing, and saves a quarter of the file.
        figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 1})
    return buffer.getvalue()


def without_date(text: str) -> str:
    """An SVG file without its metadata."""
    return _METADATA.sub("", text)


def _installed(families: Sequence[str]) -> list[str]:
    """Those that there is a file of, each once."""
    known = set(font_manager.get_font_names())
    return [family for family in dict.fromkeys(families) if family in known]


@functools.cache
def _characters(families: tuple[str, ...]) -> frozenset[int]:
    """What can be drawn in one of the fonts, whether bold or not."""
    found: set[int] = set()
    for family in families:
        paths = [
            font_manager.findfont(font_manager.FontProperties(family=family, weight=weight))
            for weight in ("normal", "bold")
        ]
        regular, bold = (font_manager.get_font(path).get_charmap() for path in paths)
        found |= regular.keys() & bold.keys()
    return frozenset(found)
