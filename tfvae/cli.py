"""The command line. TensorFlow is imported inside the commands, so that help and mistakes cost no waiting."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tfvae._version import __version__
from tfvae.settings import Settings

app = typer.Typer(
    name="tfvae",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it would swallow what stands in brackets: E_q[log p(x|z)], [default: ...]
    help="Train, look at and measure variational autoencoders.\n\n"
    "Start with `tfvae train`, then `tfvae sample RUN` and `tfvae reconstruct RUN` on the folder it names.",
)
_DEFAULTS = Settings()
_MOST_IMAGES = 1000  # in a picture
_RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `tfvae train` wrote.")]


def main() -> None:
    """Entry point: one sentence and exit code 1 for what went wrong, without a traceback."""
    try:
        app()
    except (ValueError, OSError, FloatingPointError) as error:
        typer.secho(f"Error: {error}", err=True, fg="red")
        sys.exit(1)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tfvae {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def train(
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run; made new. [default: runs/001 or the next free number]")
    ] = None,
    network: Annotated[
        str, typer.Option(help='"mlp" for dense layers, "conv" for convolutions (much slower on a CPU).')
    ] = _DEFAULTS.network,
    hidden: Annotated[
        str,
        typer.Option(
            help="Units of the dense layers or channels of the convolutions, from data to latents. "
            "[default: 500,500 for mlp, 32,64 for conv]",
            show_default=False,
        ),
    ] = "",
    latent_size: Annotated[
        int, typer.Option(help="Latent dimensions D. 2 can be drawn as a map; more reconstruct better.")
    ] = _DEFAULTS.latent_size,
    scale: Annotated[
        str,
        typer.Option(
            help="Standard deviation of the decoder's normal p(x|z): one learned number (shared), one for each image "
            "(image), one for each pixel (pixel: the best bits and the worst samples), or a fixed number."
        ),
    ] = str(_DEFAULTS.scale),
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = _DEFAULTS.epochs,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = _DEFAULTS.batch_size,
    learning_rate: Annotated[
        float, typer.Option(help="Adam's step size at the start; it falls to zero along a cosine.")
    ] = _DEFAULTS.learning_rate,
    train_size: Annotated[
        int | None, typer.Option(help="Train on the first so many images only, for a quick look. [default: all]")
    ] = None,
    validation_size: Annotated[
        int, typer.Option(help="Training images held out for validation; the test images are never used for it.")
    ] = _DEFAULTS.validation_size,
    seed: Annotated[
        int, typer.Option(help="Of initial weights, noise and data order: the same seed gives the same run.")
    ] = _DEFAULTS.seed,
) -> None:
    """Train a VAE on MNIST and measure it once on the test images.

    Encoder q(z|x) and decoder p(x|z) are normal distributions made by networks, the prior is N(0, I), and training
    maximises the ELBO, E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x).

    The run folder gets the settings, the history, pictures of samples and reconstructions for each epoch, a map of
    the latent space, and the model as a .keras file.
    """
    settings = Settings(
        network=network,
        hidden=_sizes(hidden),
        latent_size=latent_size,
        scale=_scale(scale),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        train_size=train_size,
        validation_size=validation_size,
        seed=seed,
    )
    with _quiet_import():
        from tfvae import run

    folder = out or _next_free(Path("runs"))
    try:
        report = run.train(settings, folder, verbose=1 if sys.stdout.isatty() else 2)
    except KeyboardInterrupt:
        typer.echo(f"\nInterrupted. What the last whole epoch left is in {folder}.", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"Run folder: {folder}")
    typer.echo(_summary(report))


@app.command()
def sample(
    run: _RunFolder,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=_MOST_IMAGES, help="Number of samples.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the draws; more samples with one seed begin with the same ones.")] = 0,
    draw: Annotated[
        bool, typer.Option(help="Draw pixels from p(x|z) too, instead of showing the decoder's mean.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="PNG file to write. [default: RUN/samples.png, or RUN/draws.png]")
    ] = None,
) -> None:
    """Write a grid of samples: z from the prior, then the decoder's mean for each z."""
    model = _load(run)
    from tfvae import callbacks

    grid = callbacks.SampleGrid(run, n=n, seed=seed, mean=not draw)
    grid.set_model(model)
    _write(grid.figure(), out or run / ("draws.png" if draw else "samples.png"))


@app.command()
def reconstruct(
    run: _RunFolder,
    n: Annotated[
        int, typer.Option("--n", "-n", min=1, max=_MOST_IMAGES, help="Number of test images, the first ones.")
    ] = 30,
    out: Annotated[Path | None, typer.Option(help="PNG file to write. [default: RUN/reconstructions.png]")] = None,
) -> None:
    """Write a grid of test images, each above its reconstruction from the posterior mean."""
    model = _load(run)
    from tfvae import callbacks, datasets

    grid = callbacks.ReconstructionGrid(run, datasets.load("mnist").test.images[:n])
    grid.set_model(model)
    _write(grid.figure(), out or run / "reconstructions.png")


@contextlib.contextmanager
def _quiet_import() -> Iterator[None]:
    """Keeps TensorFlow's start-up notes to itself: some come before it reads its log level. Errors are shown."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _load(folder: Path) -> Any:
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no run folder {folder}; `tfvae train` makes one.")
    with _quiet_import():
        import tfvae
        from tfvae.run import CHECKPOINT, MODEL

    if (folder / MODEL).exists():
        return tfvae.load(folder / MODEL)
    if (folder / CHECKPOINT).exists():
        typer.echo(f"The training in {folder} did not end; this is its last whole epoch.", err=True)
        return tfvae.load(folder / CHECKPOINT)
    raise FileNotFoundError(f"{folder} holds neither {MODEL} nor {CHECKPOINT}; `tfvae train` writes them.")


def _write(figure: Any, path: Path) -> None:
    figure.savefig(path)
    typer.echo(f"Wrote {path}")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(
            f"`hidden` must be integers separated by commas, such as 500,500; received {text!r}."
        ) from None


def _scale(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _next_free(folder: Path) -> Path:
    taken = [int(each.name) for each in folder.glob("*") if each.name.isdigit()] if folder.is_dir() else []
    return folder / f"{max(taken, default=0) + 1:03d}"


def _summary(report: dict[str, Any]) -> str:
    bits = f" = {report['bits_per_dim']:.3f} bits/dim" if "bits_per_dim" in report else ""
    return (
        f"Test ELBO {report['elbo']:.2f} nats{bits} on {report['test_images']:,} images, "
        f"array {report['data_digest']}, {report['samples_per_image']} sample an image ({report['convention']})."
    )
