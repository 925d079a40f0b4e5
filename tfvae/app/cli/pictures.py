"""The commands that draw what a trained model makes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from tfvae._support.printing import say
from tfvae.app.cli.common import open_run
from tfvae.app.outputs import PNG, Output, of_runs
from tfvae.recipes.options import Count, NotNegative

_MOST_IMAGES = 1000  # in a picture
Number = Annotated[int, Ge(1), Le(_MOST_IMAGES)]
_TRAVERSED = 5000  # whose codes say how far a dimension goes


def sample(
    run: Path,
    *,
    n: Number = 64,
    seed: int = 0,
    draw: bool = False,
    temperature: NotNegative = 1.0,
    redrawn: Count | None = None,
    out: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Write a grid of samples: z from the prior, then the decoder's mean for each z.

    Args:
        run: folder that `tfvae train` wrote.
        n: number of samples.
        seed: seed of the draws; more samples with one seed begin with the same ones.
        draw: draw pixels from p(x|z) too, instead of showing the decoder's mean.
        temperature: temperature of a flow: below 1, cleaner images that differ less.
        redrawn: level of a model with several; the levels above it are the same in all samples.
        out: PNG file to write. [default: RUN/samples.png, or RUN/draws.png]
        overwrite: replace a picture that is there.
    """
    output = _output(run, out, "draws.png" if draw else "samples.png", overwrite)
    model = open_run(run, images=False).model
    from tfvae import callbacks

    grid = callbacks.SampleGrid(run, n=n, seed=seed, mean=not draw, temperature=temperature, redrawn=redrawn)
    _write(grid, model, output)


def reconstruct(
    run: Path,
    *,
    n: Number = 30,
    out: Path | None = None,
    data: str | None = None,
    data_dir: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a grid of test images, each above its reconstruction from the posterior mean.

    Args:
        run: folder that `tfvae train` wrote.
        n: number of test images, the first ones.
        out: PNG file to write. [default: RUN/reconstructions.png]
        data: place of the run's own images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
        overwrite: replace a picture that is there.
    """
    output = _output(run, out, "reconstructions.png", overwrite, data)
    found = open_run(run, data, data_dir)
    from tfvae import callbacks

    grid = callbacks.ReconstructionGrid(run, found.data.test.first(n).images)
    _write(grid, found.model, output)


def interpolate(
    run: Path,
    *,
    n: Annotated[int, Ge(1), Le(_MOST_IMAGES // 2)] = 8,
    steps: Annotated[int, Ge(2)] = 9,
    out: Path | None = None,
    data: str | None = None,
    data_dir: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a grid of the ways between pairs of test images: straight lines in the latents of a flow.

    Args:
        run: folder that `tfvae train` wrote.
        n: rows, of the first test images in pairs.
        steps: images in a row, both ends among them.
        out: PNG file to write. [default: RUN/interpolations.png]
        data: place of the run's own images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
        overwrite: replace a picture that is there.
    """
    output = _output(run, out, "interpolations.png", overwrite, data)
    found = open_run(run, data, data_dir)
    from tfvae import callbacks

    ends = found.data.test.first(2 * n).images
    if len(ends) < 2 * n:
        raise ValueError(f"`--n` {n} takes {2 * n} test images; the run's data have {len(ends)}.")
    grid = callbacks.InterpolationGrid(run, ends, steps)
    _write(grid, found.model, output)


def traverse(
    run: Path,
    *,
    dimensions: Annotated[int, Ge(1), Le(50)] = 4,
    steps: Annotated[int, Ge(2), Le(50)] = 11,
    out: Path | None = None,
    data: str | None = None,
    data_dir: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the first test image as the decoder shows it while one latent dimension at a time changes: a row each.

    Of each level of latents those whose codes of the test images vary most.

    Args:
        run: folder that `tfvae train` wrote.
        dimensions: latent dimensions of each level, at most.
        steps: images in a row.
        out: PNG file to write. [default: RUN/traversals.png]
        data: place of the run's own images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
        overwrite: replace a picture that is there.
    """
    output = _output(run, out, "traversals.png", overwrite, data)
    found = open_run(run, data, data_dir)
    from tfvae import callbacks

    grid = callbacks.Traversals(run, found.data.test.first(_TRAVERSED).images, dimensions, steps)
    _write(grid, found.model, output)


def _output(run: Path, out: Path | None, name: str, overwrite: bool, data: str | None = None) -> Output:
    """The picture to write: `out`, or the file of this name in the run, which only this command writes. The run's
    images may be at `data`."""
    path = out or run / name
    if path.suffix.lower() != ".png":
        raise ValueError(f"`--out` must be a file that ends in .png; received {path}.")
    inputs = of_runs(run) if data is None else (*of_runs(run), Path(data))
    output = Output("--out", path, PNG, overwrite or out is None, inputs)
    output.check()
    return output


def _write(picture: Any, model: Any, output: Output) -> None:
    """Draws a picture of the model, if the model has what it shows."""
    from tfvae.callbacks.picture import write_png

    picture.set_model(model)
    picture.check()
    output.check()  # it took its time
    write_png(picture.figure(), output.path)
    say(f"Wrote {output.path}")
