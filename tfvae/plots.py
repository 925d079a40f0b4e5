"""Pictures: each function takes arrays and returns a matplotlib figure, and needs no display."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito's palette and three greys between: ten colours that colour-blind readers can tell apart best.
_CLASS_COLOURS = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999", "#7F3C8D",
)  # fmt: skip
_CELL_INCHES = 0.6
_GAP = 2  # pixels between images


def image_grid(images: np.ndarray, columns: int | None = None, title: str | None = None) -> Figure:
    """Images side by side.

    Args:
        images: `[N, H, W, C]` in [0, 1] (values outside are cut off), C = 1 or 3.
        columns: images in a row; as square a grid as possible if not given.
        title: printed above.
    """
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"`images` must be [N, H, W, 1 or 3]; received shape {images.shape}.")
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"`images` must be floats in [0, 1]; received {images.dtype}. Divide levels by 255.")
    if not len(images):
        raise ValueError("`images` must hold at least one image; received none.")
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = -(-len(images) // columns)
    height, width, channels = images.shape[1:]
    mosaic = np.ones((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels), np.float32)
    for index, image in enumerate(np.clip(images, 0.0, 1.0)):
        top, left = (index // columns) * (height + _GAP), (index % columns) * (width + _GAP)
        mosaic[top : top + height, left : left + width] = image
    above = 0.4 if title else 0.0
    figure_width, grid_height = columns * _CELL_INCHES * width / max(height, width), rows * _CELL_INCHES
    figure_width = max(figure_width, 0.075 * len(title or ""))  # at least as wide as the title
    figure = Figure(figsize=(figure_width, grid_height + above), dpi=120)
    axes = figure.add_axes((0.0, 0.0, 1.0, grid_height / (grid_height + above)))
    axes.imshow(mosaic.squeeze(-1) if channels == 1 else mosaic, cmap="gray", vmin=0.0, vmax=1.0)
    axes.set_axis_off()
    if title:
        figure.text(0.5, 1.0 - 0.12 / (grid_height + above), title, ha="center", va="top", fontsize=9)
    return figure


def reconstruction_grid(originals: np.ndarray, reconstructions: np.ndarray, columns: int = 10) -> Figure:
    """Rows of originals, each above the row of its reconstructions.

    Args:
        originals, reconstructions: `[N, H, W, C]` in [0, 1].
        columns: images in a row.
    """
    if originals.shape != reconstructions.shape:
        raise ValueError(f"Shapes differ: originals {originals.shape}, reconstructions {reconstructions.shape}.")
    event_shape, columns = originals.shape[1:], max(1, min(columns, len(originals)))
    missing = np.ones((-len(originals) % columns, *event_shape), originals.dtype)  # the last row may not be full
    rows = [np.concatenate([each, missing]).reshape(-1, columns, *event_shape) for each in (originals, reconstructions)]
    pairs = np.stack(rows, axis=1).reshape(-1, *event_shape)
    return image_grid(pairs, columns, "each image above its reconstruction (the decoder's mean)")


def latent_map(means: np.ndarray, labels: np.ndarray, class_names: Sequence[str] | None = None) -> Figure:
    """Posterior means as points, coloured by class.

    Args:
        means: `[N, D]`, D >= 2. With more than two dimensions their first two principal components are shown.
        labels: `[N]` integers.
        class_names: a name for each label; the numbers themselves if not given.
    """
    if means.ndim != 2 or means.shape[1] < 2:
        raise ValueError(f"`means` must be [N, D] with at least two latent dimensions; received shape {means.shape}.")
    if means.shape[1] == 2:
        points, axis_names, title = means, ["$z_1$", "$z_2$"], "posterior means"
    else:
        centred = means - means.mean(axis=0)
        _, spread, directions = np.linalg.svd(centred, full_matrices=False)
        points = centred @ directions[:2].T
        share = spread**2 / np.sum(spread**2)
        axis_names = [f"principal component {i + 1} ({share[i]:.0%} of variance)" for i in range(2)]
        title = f"posterior means in {means.shape[1]} dimensions, first two principal components"
    figure = Figure(figsize=(6.4, 5.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for index, label in enumerate(np.unique(labels)):
        chosen = points[labels == label]
        name = str(class_names[label]) if class_names is not None else str(label)
        colour = (
            _CLASS_COLOURS[index] if index < len(_CLASS_COLOURS) else matplotlib.colormaps["turbo"](index * 37 % 256)
        )
        axes.scatter(chosen[:, 0], chosen[:, 1], s=3, color=colour, label=name, linewidths=0)
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1], title=title)
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(title="class", loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=4)
    return figure
