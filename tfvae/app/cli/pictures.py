"""The commands that draw what a trained model makes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tfvae._support.printing import say
from tfvae.app.cli.common import DataAt, DataDir, Overwrite, RunFolder, load_model, load_run
from tfvae.app.outputs import PNG, Output, of_runs

_MOST_IMAGES = 1000  # in a picture
_TRAVERSED = 5000  # whose codes say how far a dimension goes


def sample(
    run: RunFolder,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=_MOST_IMAGES, help="Number of samples.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the draws; more samples with one seed begin with the same ones.")] = 0,
    draw: Annotated[
        bool, typer.Option(help="Draw pixels from p(x|z) too, instead of showing the decoder's mean.")
    ] = False,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="Of a flow: below 1, cleaner images that differ less.")
    ] = 1.0,
    redrawn: Annotated[
        int | None,
        typer.Option(min=1, help="Of several levels: the levels above this one are the same in all samples."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="PNG file to write. [default: RUN/samples.png, or RUN/draws.png]")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a grid of samples: z from the prior, then the decoder's mean for each z."""
    output = _output(run, out, "draws.png" if draw else "samples.png", overwrite)
    model = load_model(run)
    from tfvae import callbacks

    grid = callbacks.SampleGrid(run, n=n, seed=seed, mean=not draw, temperature=temperature, redrawn=redrawn)
    grid.set_model(model)
    grid.check()
    _write(grid, output)


def reconstruct(
    run: RunFolder,
    n: Annotated[
        int, typer.Option("--n", "-n", min=1, max=_MOST_IMAGES, help="Number of test images, the first ones.")
    ] = 30,
    out: Annotated[Path | None, typer.Option(help="PNG file to write. [default: RUN/reconstructions.png]")] = None,
    data: DataAt = None,
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a grid of test images, each above its reconstruction from the posterior mean."""
    output = _output(run, out, "reconstructions.png", overwrite, data)
    model, images = load_run(run, data, data_dir)
    from tfvae import callbacks

    grid = callbacks.ReconstructionGrid(run, images.test.first(n).images)
    grid.set_model(model)
    grid.check()
    _write(grid, output)


def interpolate(
    run: RunFolder,
    n: Annotated[
        int, typer.Option("--n", "-n", min=1, max=_MOST_IMAGES // 2, help="Rows, of the first test images in pairs.")
    ] = 8,
    steps: Annotated[int, typer.Option(min=2, help="Images in a row, both ends among them.")] = 9,
    out: Annotated[Path | None, typer.Option(help="PNG file to write. [default: RUN/interpolations.png]")] = None,
    data: DataAt = None,
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
) -> None:
    """Of a flow: write a grid of the ways between pairs of test images, straight lines in the latents."""
    output = _output(run, out, "interpolations.png", overwrite, data)
    model, images = load_run(run, data, data_dir)
    from tfvae import callbacks

    ends = images.test.first(2 * n).images
    if len(ends) < 2 * n:
        raise ValueError(f"`--n` {n} takes {2 * n} test images; the run's data have {len(ends)}.")
    grid = callbacks.InterpolationGrid(run, ends, steps)
    grid.set_model(model)
    grid.check()
    _write(grid, output)


def traverse(
    run: RunFolder,
    dimensions: Annotated[int, typer.Option(min=1, max=50, help="Latent dimensions of each level, at most.")] = 4,
    steps: Annotated[int, typer.Option(min=2, max=50, help="Images in a row.")] = 11,
    out: Annotated[Path | None, typer.Option(help="PNG file to write. [default: RUN/traversals.png]")] = None,
    data: DataAt = None,
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
) -> None:
    """Write the first test image as the decoder shows it while one latent dimension at a time changes: a row each.

    Of each level of latents those whose codes of the test images vary most.
    """
    output = _output(run, out, "traversals.png", overwrite, data)
    model, images = load_run(run, data, data_dir)
    from tfvae import callbacks

    grid = callbacks.Traversals(run, images.test.first(_TRAVERSED).images, dimensions, steps)
    grid.set_model(model)
    grid.check()
    _write(grid, output)


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


def _write(picture: Any, output: Output) -> None:
    from tfvae.callbacks.picture import write_png

    output.check()  # it took its time
    write_png(picture.figure(), output.path)
    say(f"Wrote {output.path}")
