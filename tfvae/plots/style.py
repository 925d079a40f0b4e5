"""What all figures have in common: colours and lines that can be told apart in print, and line art as SVG."""

from __future__ import annotations

import io
import re

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PINK, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
"""Of Okabe and Ito's palette, "Color Universal Design" 2008, which colour-blind readers can tell apart."""

LINES = (("-", BLUE), ("--", VERMILION), (":", GREEN), ("-.", PINK), ("-", ORANGE), ("--", "#000000"))
"""Style and colour of the first line of a figure, the second, and so on; styles alone differ among neighbours."""

# The palette, a grey and a purple: ten colours that colour-blind readers can tell apart best.
CLASSES = ("#000000", ORANGE, "#56B4E9", GREEN, "#F0E442", BLUE, VERMILION, PINK, "#999999", "#7F3C8D")

SMALL, MEDIUM = 8, 9  # points: ticks and legends; names of axes

_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)  # the date, and the name of the software


def open_frame(axes: Axes) -> None:
    """Only the two lines of the frame that carry ticks; ticks and names that are legible in print."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(MEDIUM)


def legend(axes: Axes) -> None:
    """A legend without a frame, where it hides least."""
    axes.legend(fontsize=SMALL, frameon=False)


def is_line_art(figure: Figure) -> bool:
    """Whether a figure is lines, bars and text alone, without images or so many points that they are drawn as one."""
    artists = [artist for axes in figure.axes for artist in axes.get_children()]
    return not any(axes.images for axes in figure.axes) and not any(artist.get_rasterized() for artist in artists)


def svg(figure: Figure) -> str:
    """A figure as SVG: the same text whenever it is made of the same numbers.

    Without a salt of its own matplotlib would name its parts by chance.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "tfvae"}):
        figure.savefig(buffer, format="svg")
    return without_date(buffer.getvalue())


def without_date(text: str) -> str:
    """An SVG file without its metadata."""
    return _METADATA.sub("", text)
