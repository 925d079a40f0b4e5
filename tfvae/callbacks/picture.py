"""What all picture callbacks share: when they draw, and how a picture gets into its folder and to TensorBoard."""

from __future__ import annotations

import abc
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf
from matplotlib.figure import Figure

from tfvae import plots
from tfvae._support.checks import integer
from tfvae._support.files import CannotWrite, writing, written_whole
from tfvae._support.folders import below, still_there
from tfvae._support.printing import say
from tfvae.callbacks import summaries


class Picture(NamedTuple):
    """What is drawn at the end of an epoch, and the numbers behind it that are worth a curve in TensorBoard."""

    figure: Figure
    scalars: dict[str, float] = {}  # noqa: RUF012  (a default, which nobody changes)


class EpochPicture(keras.callbacks.Callback, abc.ABC):
    """Writes `folder/name-epoch-001.png` at the end of an epoch, and the same picture for TensorBoard if wanted.

    A picture appears in the folder when it is complete, so nobody ever sees half of one. One that cannot be drawn does
    not end the training: the first failure is said on the standard error, and the next epoch is tried again.

    Args:
        folder: where the pictures go; made if missing, when training starts.
        name: of the pictures.
        every: draw after every so many epochs.
        log_dir: also write events for TensorBoard into `log_dir/name`: the picture and its scalars, epochs counted from
            0 as `keras.callbacks.TensorBoard` does. The package tensorboard is not needed to write them.

    Raises:
        ValueError: `every` is below 1; when training starts: the model cannot be drawn like this.
        OSError: `log_dir/name` is a link; a folder or a file cannot be written to; of the folder when training starts.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        name: str,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__()
        self.folder, self.name, self.every = Path(folder), name, integer("every", every, 1)
        self.log_dir = None if log_dir is None else below(Path(log_dir), name)
        self._writer: tf.summary.SummaryWriter | None = None
        self._has_failed = False

    @abc.abstractmethod
    def check(self) -> None:
        """Raises ValueError if `self.model` cannot be drawn like this. Called when training starts."""

    @abc.abstractmethod
    def draw(self) -> Picture:
        """The picture of `self.model` as it is now."""

    def figure(self) -> Figure:
        """The same picture outside of training: `callback.set_model(model)`, then `callback.figure()`."""
        return self.draw().figure

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._has_failed = False
        self.check()
        _require_writable(self.folder)
        if self.log_dir is not None:
            _require_writable(self.log_dir)
            self._writer = tf.summary.create_file_writer(str(self.log_dir))

    def path(self, epoch: int) -> Path | None:
        """The file of an epoch, counted from 1; None where none is drawn."""
        return None if epoch % self.every else self.folder / f"{self.name}-epoch-{epoch:03d}.png"

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        path = self.path(epoch + 1)
        if path is None:
            return
        what, then = f"{self.name} of epoch {epoch + 1}", "training goes on"
        with still_there(self.folder):
            if not attempted(lambda: self._write(epoch, path), what, then, quietly=self._has_failed):
                self._has_failed = True

    def _write(self, epoch: int, path: Path) -> None:
        figure, scalars = self.draw()
        png = plots.png(figure)
        if self._writer is not None:
            with self._writer.as_default(epoch):
                summaries.image(self.name, png)
                for name, value in scalars.items():
                    summaries.scalar(name, value)
            self._writer.flush()
        _write_file(png, path)  # last, so that it says that all is done

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def attempted(draw: Callable[[], None], what: str, then: str, quietly: bool = False) -> bool:
    """Draws a picture that is not worth losing anything else for.

    Args:
        draw: draws and writes it.
        what: the picture's name, for the warning.
        then: what happens without it, a sentence.
        quietly: no warning.

    Returns:
        Whether it was drawn. If not, a line on the standard error names the picture and the reason.

    Raises:
        CannotWrite: the disk is full, or the folder cannot be written to; neither concerns the picture alone.
    """
    try:
        draw()
    except CannotWrite:
        raise
    except Exception as error:  # of a model, of matplotlib, of its settings: anything
        if not quietly:
            reason = ": ".join(each for each in (type(error).__name__, " ".join(str(error).split())[:300]) if each)
            say(f"Warning: the picture {what} could not be drawn ({reason}); {then}.", err=True)
        return False
    return True


def write_png(figure: Figure, path: Path) -> None:
    """Writes a figure as a PNG file that exists either whole or not at all."""
    _write_file(plots.png(figure), path)


def _write_file(content: bytes, path: Path) -> None:
    with written_whole(path) as unfinished:
        unfinished.write_bytes(content)


def write_figure(figure: Figure, path: Path) -> None:
    """Writes a figure that stays: the PNG file `path` and, of lines, bars and text, an SVG file beside it.

    Pictures of every epoch are PNG files only, and grids of images have nothing that an SVG could draw sharper.
    """
    write_png(figure, path)
    if plots.is_line_art(figure):
        _write_file(plots.svg(figure).encode(), path.with_suffix(".svg"))


def _require_writable(folder: Path) -> None:
    with writing(f"The folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
