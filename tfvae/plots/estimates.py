"""How good estimates of log p(x) are, and how a loss fell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, ScalarFormatter

from tfvae._support.checks import check_some
from tfvae.plots.lines import lines
from tfvae.plots.style import BLUE, CLASSES, SMALL, VERMILION, as_written, legend, open_frame, own_style

_UNRELIABLE = 0.7
_MARKERS = "osD^vP*Xph<>d"  # beside the ten colours of classes: told apart in print too, and never twice the same


@own_style()
def naive_estimates(draws: np.ndarray, log_p: np.ndarray, references: Mapping[str, float]) -> Figure:
    """The naive average over draws from the prior, for a growing number of them.

    Args:
        draws: `[K]`, numbers of draws.
        log_p: `[K]`, the average estimate in nats.
        references: better estimates of the same average, by name, drawn as lines.
    """
    if draws.ndim != 1 or log_p.shape != draws.shape:
        raise ValueError(f"`draws` and `log_p` must be [K] both; received shapes {draws.shape} and {log_p.shape}.")
    figure = Figure(figsize=(5.4, 3.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(draws, log_p, "o-", color=BLUE, markersize=4, label="average over draws from the prior")
    for (name, value), style in zip(references.items(), itertools.cycle(("-", "--", ":"))):
        axes.axhline(value, color=VERMILION, linestyle=style, label=as_written(name))
    axes.set_xscale("log", base=2)
    axes.set_xlabel("draws from the prior")
    axes.set_ylabel("estimate of log p(x), nats")
    legend(axes, axes.lines)
    open_frame(axes)
    return figure


@own_style()
def weights(pareto_shape: np.ndarray, effective_sample_size: np.ndarray, bound: np.ndarray) -> Figure:
    """How far the importance weights of each example can be trusted.

    Left, the effective sample size against the Pareto shape of the weights, with the line above which averages cannot
    be trusted; right, the bounds L_S.

    Args:
        pareto_shape, effective_sample_size, bound: `[N]`; shapes that are not finite are left out on the left.
    """
    shapes = [each.shape for each in (pareto_shape, effective_sample_size, bound)]
    if any(shape != (len(bound),) for shape in shapes):
        raise ValueError(f"All arrays must be [N]; received shapes {', '.join(map(str, shapes))}.")
    figure = Figure(figsize=(8.4, 3.6), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    known = np.isfinite(pareto_shape)
    left.scatter(
        pareto_shape[known], effective_sample_size[known], s=4, color=BLUE, linewidths=0, alpha=0.5, rasterized=True
    )
    left.axvline(_UNRELIABLE, color=VERMILION, linestyle="--")
    left.set_xlabel("Pareto shape of the largest weights (unreliable above 0.7)")
    if known.any():
        left.set_yscale("log")
    else:  # matplotlib has no logarithmic axis of nothing
        left.text(0.5, 0.5, "no example has a shape", transform=left.transAxes, ha="center")
    left.set_ylabel("effective sample size")
    right.hist(bound, bins=50, color=BLUE)
    right.axvline(float(np.mean(bound)), color=VERMILION, linestyle="--", label=f"average {np.mean(bound):.2f}")
    right.set_xlabel("L_S, nats")
    right.set_ylabel("examples")
    legend(right)
    for axes in (left, right):
        open_frame(axes)
    return figure


@own_style()
def learning_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Losses in the course of training.

    Args:
        curves: by name, passes over the training data and the loss in nats after them; each is drawn from its second
            point on, because the first would press the others together.
    """
    for name, (passes, loss) in curves.items():
        if len(passes) != len(loss):
            sizes = f"{name!r} has {len(loss)} and {len(passes)}"
            raise ValueError(f"`curves` must have as many losses as passes; {sizes}.")
    later = {name: (passes[1:], loss[1:]) for name, (passes, loss) in curves.items()}
    return lines(later, "passes over the training images", "loss on held-out images, nats")


@own_style()
def pareto(ours: Mapping[str, tuple[float, float]], others: Mapping[str, Sequence[float]] | None = None) -> Figure:
    """What time buys: points of cost and loss, the line of those that none beats in both, and others without a cost.

    Args:
        ours: processor minutes and -log p(x) in nats, by name.
        others: of the same names, -log p(x) that others report.

    Raises:
        ValueError: there are no points.
    """
    check_some("ours", ours, "point")
    figure = Figure(figsize=(8.6, 4.6), dpi=120, layout="constrained")
    axes, beside = figure.subplots(1, 2, sharey=True, width_ratios=(4, 1))
    best = math.inf
    front: list[tuple[float, float]] = []
    for minutes, nats in sorted(ours.values()):
        if nats < best:
            best, front = nats, [*front, (minutes, nats)]
    axes.plot(*zip(*front, strict=True), color="black", linewidth=0.8, drawstyle="steps-post", zorder=0)
    for index, (name, point) in enumerate(ours.items()):
        look = {"marker": _MARKERS[index % len(_MARKERS)], "color": CLASSES[index % len(CLASSES)], "markersize": 6}
        axes.plot(*point, linestyle="", label=as_written(name), **look)
        for nats in (others or {}).get(name, ()):
            beside.plot(0, nats, linestyle="", markerfacecolor="none", **look)
    axes.set(xscale="log", xlabel="processor minutes of training", ylabel="-log p(x), nats")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    for which in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        which(ScalarFormatter())
    beside.set(xticks=[], xlabel="reported by others", xlim=(-1, 1))
    for each in (axes, beside):
        open_frame(each)
    axes.tick_params(which="minor", labelsize=SMALL)
    legend(figure, axes.lines[1:], loc="outside right center")  # the first one is the front
    return figure
