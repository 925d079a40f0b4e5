"""What the latent dimensions hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tfvae.plots.classes import classes
from tfvae.plots.style import BLUE, CLASSES, ORANGE, SMALL, VERMILION, as_written, legend, open_frame, own_style

_ACTIVITY: dict[str, dict[str, Any]] = {  # told apart in black and white too
    "active": {"facecolor": BLUE, "edgecolor": BLUE, "hatch": ""},
    "not active": {"facecolor": "white", "edgecolor": VERMILION, "hatch": "////"},
}
_SMALLEST_VARIANCE = 1e-4  # that shows in a picture
_LONGEST = 24  # characters of a class, which stands beside the map and in it
_INDEX_LABELS = 25  # at most, on an axis of latent dimensions


@own_style()
def latent_map(means: np.ndarray, labels: Any = None, class_names: Sequence[str] | None = None) -> Figure:
    """Posterior means as points, coloured by class.

    Args:
        means: `[N, D]`, D >= 2. With more than two dimensions their first two principal components are shown.
        labels: integers or text `[N]` or `[N, 1]`, or one-hot rows `[N, K]`; one colour for all points if not given.
        class_names: a name for each label; the numbers themselves if not given.

    Raises:
        ValueError: an array has another form, or a label has no name.
    """
    if means.ndim != 2 or means.shape[1] < 2:
        raise ValueError(f"`means` must be [N, D] with at least two latent dimensions; received shape {means.shape}.")
    if means.shape[1] == 2:
        points, axis_names, title = means, ["z[0]", "z[1]"], "posterior means"
    else:
        centred = means - means.mean(axis=0)
        variances, directions = np.linalg.eigh(centred.T @ centred)
        points = centred @ directions[:, ::-1][:, :2]
        share = variances[::-1] / np.sum(variances)
        axis_names = [f"principal component {i + 1} ({share[i]:.0%} of variance)" for i in range(2)]
        title = f"posterior means in {means.shape[1]} dimensions, first two principal components"
    figure = Figure(figsize=(6.4, 5.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    _draw_classes(axes, points, labels, class_names)
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1], title=title)
    if labels is not None:
        look = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "fontsize": None, "frameon": None}
        legend(axes, axes.lines, title="class", markerscale=4, **look)
    return figure


@own_style()
def latent_maps(codes: Mapping[str, np.ndarray], labels: Any, class_names: Sequence[str] | None = None) -> Figure:
    """Codes of several models for the same examples, side by side, coloured by class.

    Args:
        codes: `[N, 2]` each, by what is printed above it.
        labels, class_names: see `latent_map`.

    Raises:
        ValueError: an array has another form, or a label has no name.
    """
    for name, each in codes.items():
        if each.shape != (len(labels), 2):
            raise ValueError(f"`codes` must be [{len(labels)}, 2] each; those of {name!r} are {each.shape}.")
    figure = Figure(figsize=(3.3 * len(codes) + 0.8, 3.5), dpi=120, layout="constrained")
    for axes, (name, each) in zip(figure.subplots(1, len(codes), squeeze=False)[0], codes.items(), strict=True):
        _draw_classes(axes, each, labels, class_names)
        axes.set(xlabel="z[0]", ylabel="z[1]", title=as_written(name))
        open_frame(axes)
    legend(figure, axes.lines, title="class", loc="outside right center", markerscale=4, frameon=None)
    return figure


def _draw_classes(axes: Axes, points: np.ndarray, labels: Any, class_names: Sequence[str] | None) -> None:
    """Points `[N, 2]` in the colours of their classes, whose names stand at their medians, for print without colour."""
    everything = [("", np.ones(len(points), bool))]
    for index, (given, belongs) in enumerate(
        everything if labels is None else classes(labels, len(points), class_names)
    ):
        chosen, name = points[belongs], as_written(given, _LONGEST)
        colour = CLASSES[index] if index < len(CLASSES) else matplotlib.colormaps["turbo"](index * 37 % 256)
        # `scatter` would draw every point by itself, which takes twice as long; and in an SVG thousands are too many.
        axes.plot(*chosen.T, "o", markersize=1.8, markeredgewidth=0, color=colour, label=name, rasterized=True)
        if labels is not None and index < len(CLASSES):
            halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
            right, up = np.median(chosen, axis=0)
            axes.text(right, up, name, ha="center", va="center", weight="bold", path_effects=halo)
    axes.set_aspect("equal", adjustable="datalim")


@own_style()
def latent_rates(
    rate: np.ndarray, active: np.ndarray, by_rate: bool = False, level_of: np.ndarray | None = None
) -> Figure:
    """The rate of each latent dimension as a bar: filled where the dimension is active.

    Args:
        rate: `[D]` in nats.
        active: `[D]` bool.
        by_rate: highest first, instead of in the order of the dimensions.
        level_of: `[D]`, the level of each dimension, in order; lines then stand between the levels.
    """
    title = f"total rate {np.sum(rate):.1f} nats"
    return _latent_bars(rate, active, by_rate, "rate (nats)", title, None if by_rate else level_of)


@own_style()
def latent_variances(
    variance_of_mean: np.ndarray, active: np.ndarray, total_rate: float, level_of: np.ndarray | None = None
) -> Figure:
    """The variance of each latent dimension's posterior mean as a bar, for models whose rate has no parts.

    Args:
        variance_of_mean: `[D]`; on a logarithmic axis that starts at 1e-4.
        active: `[D]` bool.
        total_rate: in nats, for the title.
        level_of: see `latent_rates`.
    """
    title = f"total rate {total_rate:.1f} nats"
    positive = np.maximum(variance_of_mean, np.finfo(float).tiny)  # the axis is logarithmic
    figure = _latent_bars(positive, active, False, "variance of the posterior mean", title, level_of)
    figure.axes[0].set_yscale("log")
    figure.axes[0].set_ylim(bottom=_SMALLEST_VARIANCE)
    return figure


@own_style()
def latent_report(
    rate: np.ndarray, marginal_kl: np.ndarray, variance_of_mean: np.ndarray, active: np.ndarray, threshold: float = 1e-2
) -> Figure:
    """What each latent dimension carries, and how well its aggregate posterior fits the prior, highest rate first.

    Above, the rate of each dimension with the KL divergence of its marginal q(z_d) from p(z_d) as a narrow bar in front
    of it; below, the variance of the posterior mean.

    Args:
        rate, marginal_kl: `[D]` in nats.
        variance_of_mean: `[D]`; on a logarithmic axis that starts at 1e-4.
        active: `[D]` bool; dimensions that are not are hatched.
        threshold: the variance above which a dimension is active, drawn as a line.
    """
    shapes = [each.shape for each in (rate, marginal_kl, variance_of_mean, active)]
    dimensions = len(rate)
    if any(shape != (dimensions,) for shape in shapes):
        raise ValueError(f"All arrays must be [D]; received shapes {', '.join(map(str, shapes))}.")
    order = np.argsort(-rate, kind="stable")
    figure = Figure(figsize=(min(max(4.5, 0.14 * dimensions + 1.0), 10.0), 5.4), dpi=120, layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    _bars(above, rate[order], active[order])
    above.bar(np.arange(dimensions), marginal_kl[order], width=0.35, facecolor=ORANGE, edgecolor="black", linewidth=0.5)
    above.set_ylabel("nats")
    total, apart = np.sum(rate), np.sum(marginal_kl)
    title = f"total rate {total:.1f} nats, of the marginals {apart:.2g} nats"
    above.set_title(f"{title}\n{np.sum(active)} of {dimensions} units active", fontsize=10)
    _bars(below, np.maximum(variance_of_mean[order], np.finfo(float).tiny), active[order])
    below.axhline(threshold, color="black", linewidth=0.8, linestyle="--")
    below.set_yscale("log")
    below.set_ylim(_SMALLEST_VARIANCE, max(2.0, 1.2 * np.max(variance_of_mean)))
    below.set_ylabel("variance of the\nposterior mean")
    _name_dimensions(below, order, ", highest rate first")
    above.tick_params(labelsize=8)
    marginal = Patch(facecolor=ORANGE, edgecolor="black", linewidth=0.5, label="KL divergence of the marginal")
    key = [*_activity_key(), marginal]
    figure.legend(handles=key, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    for axes in (above, below):
        open_frame(axes)
    return figure


def _latent_bars(
    values: np.ndarray, active: np.ndarray, by_value: bool, quantity: str, title: str, level_of: np.ndarray | None
) -> Figure:
    dimensions = len(values)
    if values.shape != (dimensions,) or active.shape != values.shape:
        raise ValueError(f"Values and `active` must be [D] both; received shapes {values.shape} and {active.shape}.")
    order = np.argsort(-values, kind="stable") if by_value else np.arange(dimensions)
    figure = Figure(figsize=(min(max(4.5, 0.14 * dimensions + 1.0), 10.0), 3.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    _bars(axes, values[order], active[order])
    _name_dimensions(axes, order, ", highest first" if by_value else "")
    if level_of is not None and level_of[-1] > 1:
        _mark_levels(axes, level_of)
    axes.set_ylabel(quantity)
    axes.set_title(f"{title}, {np.sum(active)} of {dimensions} units active", fontsize=10)
    # Outside it hides no bar.
    figure.legend(handles=_activity_key(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    open_frame(axes)
    return figure


def _bars(axes: Axes, values: np.ndarray, active: np.ndarray) -> None:
    for chosen, look in zip((active, ~active), _ACTIVITY.values(), strict=True):
        axes.bar(np.flatnonzero(chosen), values[chosen], linewidth=0.8, **look)


def _mark_levels(axes: Axes, level_of: np.ndarray) -> None:
    """A line before each level but the first, and the levels' numbers above."""
    for level in range(1, level_of[-1] + 1):
        members = np.flatnonzero(level_of == level)
        if level > 1:
            axes.axvline(members[0] - 0.5, color="black", linewidth=0.8, linestyle="--")
        where = axes.get_xaxis_transform()
        axes.text(members.mean(), 0.97, f"level {level}", transform=where, ha="center", va="top", fontsize=SMALL)


def _activity_key(before: str = "") -> list[Patch]:
    """Made by itself: the legend of a group without bars would have a colour of its own."""
    return [Patch(label=before + name, **look) for name, look in _ACTIVITY.items()]


def _name_dimensions(axes: Axes, order: np.ndarray, how: str) -> None:
    ticks = np.arange(0, len(order), -(-len(order) // _INDEX_LABELS))
    axes.set_xticks(ticks, [str(order[tick]) for tick in ticks])
    axes.tick_params(labelsize=8)
    axes.set_xlim(-0.7, len(order) - 0.3)
    axes.set_xlabel("latent dimension" + how)
