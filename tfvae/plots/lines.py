"""Numbers over numbers: lines with names, and lines across."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from tfvae._support.checks import check_choice
from tfvae.plots.style import LINES, as_written, legend, open_frame, own_style

_MARKED = 15  # points, at most, that are marked on their line


@own_style()
def lines(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    references: Mapping[str, float] | None = None,
    logarithmic: str = "",
) -> Figure:
    """Lines that can be told apart in black and white, with a legend.

    Args:
        curves: by name, x `[K]` and y `[K]`; short ones have their points marked.
        x_label, y_label: what the axes are, with their units.
        references: values of y by name, drawn as thin black lines across.
        logarithmic: the axes that are: "", "x", "y" or "xy".

    Raises:
        ValueError: a curve has not as many x as y, or `logarithmic` names something else.
    """
    for name, (x, y) in curves.items():
        if len(x) != len(y):
            raise ValueError(f"`curves` must have as many x as y; {name!r} has {len(x)} and {len(y)}.")
    check_choice("logarithmic", logarithmic, ("", "x", "y", "xy"))
    figure = Figure(figsize=(6.4, 4.0), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for (name, (x, y)), (style, colour) in zip(curves.items(), itertools.cycle(LINES), strict=False):
        marker, label = "o" if len(x) <= _MARKED else "", as_written(name)
        axes.plot(x, y, style, marker=marker, markersize=4, color=colour, label=label)
    for (name, value), (style, _) in zip((references or {}).items(), itertools.cycle(LINES), strict=False):
        axes.axhline(value, linestyle=style, linewidth=0.8, color="black", label=as_written(name))
    if "x" in logarithmic:
        axes.set_xscale("log")
    if "y" in logarithmic:
        axes.set_yscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    legend(axes, axes.lines)
    open_frame(axes)
    return figure
