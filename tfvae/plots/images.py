"""Grids of images."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae._support.checks import check_some, integer
from tfvae._support.printing import printable
from tfvae.plots.style import as_written, own_style

_CELL_INCHES = 0.6
_GAP = 2  # pixels between images
_CHARACTER = 0.075  # inches that one of a title takes


@own_style()
def image_grid(images: np.ndarray, columns: int | None = None, title: str | None = None) -> Figure:
    """Images side by side.

    Args:
        images: `[N, H, W, C]` in [0, 1] (values outside are cut off), C = 1 or 3.
        columns: images in a row; as square a grid as possible if not given.
        title: printed above.
    """
    _check_images(images, "N")
    columns = math.ceil(math.sqrt(len(images))) if columns is None else integer("columns", columns, 1)
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    above = 0.4 if title else 0.0
    figure_width, grid_height = columns * _CELL_INCHES * width / max(height, width), rows * _CELL_INCHES
    figure_width = max(figure_width, _CHARACTER * len(title or ""))  # at least as wide as the title
    figure = Figure(figsize=(figure_width, grid_height + above), dpi=120)
    axes = figure.add_axes((0.0, 0.0, 1.0, grid_height / (grid_height + above)))
    _show(axes, _mosaic(images, columns))
    axes.set_axis_off()
    if title:
        title = as_written(title, longest=None, keep="\n")
        figure.text(0.5, 1.0 - 0.12 / (grid_height + above), title, ha="center", va="top", fontsize=9)
    return figure


@own_style()
def image_grids(grids: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Square grids of images side by side, such as samples of several models.

    Args:
        grids: arrays `[N, H, W, C]` in [0, 1], all of one shape; each becomes as square a grid as possible.
        titles: what is printed above each, in several lines where it is long.
    """
    if not len(grids) or len(grids) != len(titles) or len({grid.shape for grid in grids}) != 1:
        shapes = [grid.shape for grid in grids]
        raise ValueError(f"`grids` must be arrays of one shape, one for each of `titles`; received shapes {shapes}.")
    for grid in grids:
        _check_images(grid, "N")
    columns = math.ceil(math.sqrt(len(grids[0])))
    mosaics = [_mosaic(grid, columns) for grid in grids]
    height, width = mosaics[0].shape[:2]
    across, up, gap = 3.0, 3.0 * height / width, 0.15  # inches
    wrapped = [textwrap.fill(printable(title, keep="\n"), int(across / _CHARACTER)) for title in titles]
    above = 0.15 + 0.15 * max(1 + title.count("\n") for title in wrapped)
    size = (len(grids) * (across + gap) - gap, up + above)
    figure = Figure(figsize=size, dpi=120)
    for index, (mosaic, title) in enumerate(zip(mosaics, wrapped, strict=True)):
        left = index * (across + gap) / size[0]
        axes = figure.add_axes((left, 0.0, across / size[0], up / size[1]))
        _show(axes, mosaic)
        axes.set_axis_off()
        axes.set_title(as_written(title, longest=None, keep="\n"), fontsize=9, pad=5)
    return figure


@own_style()
def view_grid(views: Mapping[str, np.ndarray], columns: int = 10) -> Figure:
    """Views of the same images below one another: images and reconstructions, or what a model saw and restored.

    Args:
        views: at least one array `[N, H, W, C]` in [0, 1], all of one shape, by what it shows.
        columns: images in a row.
    """
    shapes = {name: each.shape for name, each in views.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"`views` must be arrays of one shape; received {shapes}.")
    first, *others = map(printable, views)
    some = next(iter(views.values()))
    count, *event_shape = some.shape
    columns = max(1, min(integer("columns", columns, 1), count))
    missing = np.ones((-count % columns, *event_shape), some.dtype)  # the last row may not be full
    rows = [np.concatenate([each, missing]).reshape(-1, columns, *event_shape) for each in views.values()]
    together = np.stack(rows, axis=1).reshape(-1, *event_shape)
    return image_grid(together, columns, f"{first}, and below it: {', '.join(others)}" if others else first)


@own_style()
def manifold_grid(
    images: np.ndarray,
    values: np.ndarray,
    names: tuple[str, str] = ("z[0]", "z[1]"),
    title: str = "decoder means",
) -> Figure:
    """Images that a decoder gives for a grid of points in a plane of latents.

    Args:
        images: `[n, n, H, W, C]` in [0, 1]: `images[i, j]` is for the latent that is `values[j]` to the right and
            `values[i]` upwards.
        values: `[n]`, rising.
        names: of the latent dimension to the right and of the one upwards.
        title: printed above; it may have several lines.
    """
    count = len(values)
    if images.shape[:2] != (count, count):
        raise ValueError(f"`images` must be [{count}, {count}, H, W, C] for {count} values; received {images.shape}.")
    flat = images[::-1].reshape(-1, *images.shape[2:])  # the first row of a picture is at its top
    _check_images(flat, f"{count}, {count}")
    height, width = images.shape[2:4]
    cell = 6.0 / count / max(height, width)  # inches a pixel
    lines = title.split("\n")
    left, below, above, right = 0.65, 0.55, 0.2 + 0.18 * len(lines), 0.1
    across, up = cell * count * width, cell * count * height
    size = (max(left + across + right, 0.075 * max(map(len, lines))), below + up + above)
    figure = Figure(figsize=size, dpi=120)
    axes = figure.add_axes((left / size[0], below / size[1], across / size[0], up / size[1]))
    _show(axes, _mosaic(flat, count))
    step = -(-count // 8) | 1  # odd, so that the labels can lie symmetrically
    labelled = np.arange((count - 1) * (step + 1) // 2 % step, count, step)
    texts = [f"{values[index]:.1f}".replace("-0.0", "0.0") for index in labelled]
    axes.set_xticks(labelled * (width + _GAP) + (width - 1) / 2, texts, fontsize=8)
    axes.set_yticks((count - 1 - labelled) * (height + _GAP) + (height - 1) / 2, texts, fontsize=8)
    axes.tick_params(length=2)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel(names[0], fontsize=9)
    axes.set_ylabel(names[1], fontsize=9)
    figure.text(0.5, 1.0 - 0.12 / size[1], title, ha="center", va="top", fontsize=9)
    return figure


def _check_images(images: np.ndarray, leading: str) -> None:
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"`images` must be [{leading}, H, W, 1 or 3]; received shape {images.shape}.")
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"`images` must be floats in [0, 1]; received {images.dtype}. Divide levels by 255.")
    check_some("images", images, "image")


def _mosaic(images: np.ndarray, columns: int) -> np.ndarray:
    """Images in rows with white between them, `[height, width, C]`."""
    rows = -(-len(images) // columns)
    height, width, channels = images.shape[1:]
    mosaic = np.ones((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels), np.float32)
    for index, image in enumerate(np.clip(images, 0.0, 1.0)):
        top, left = (index // columns) * (height + _GAP), (index % columns) * (width + _GAP)
        mosaic[top : top + height, left : left + width] = image
    return mosaic


def _show(axes: Axes, mosaic: np.ndarray) -> None:
    axes.imshow(mosaic.squeeze(-1) if mosaic.shape[-1] == 1 else mosaic, cmap="gray", vmin=0.0, vmax=1.0)
