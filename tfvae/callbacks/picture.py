"""What all picture callbacks share: when they draw, and how a picture gets into its folder and to TensorBoard."""

from __future__ import annotations

import abc
import io
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf
from matplotlib.figure import Figure

from tfvae import plots
from tfvae.callbacks import summaries
from tfvae.checks import integer
from tfvae.files import writing, written_whole
from tfvae.folders import below


class Picture(NamedTuple):
    """What is drawn at the end of an epoch, and the numbers behind it that are worth a curve in TensorBoard."""

    figure: Figure
    scalars: dict[str, float] = {}  # noqa: RUF012  (a default, which nobody changes)


class EpochPicture(keras.callbacks.Callback, abc.ABC):
    """Writes `folder/name-epoch-001.png` at the end of an epoch, and the same picture for TensorBoard if wanted.

    A picture appears in the folder when it is complete, so nobody ever sees half of one.

    Args:
        folder: where the pictures go; made if missing, when training starts.
        name: of the pictures.
        every: draw after every so many epochs.
        log_dir: also write events for TensorBoard into `log_dir/name`: the picture and its scalars, epochs counted from
            0 as `keras.callbacks.TensorBoard` does. The package tensorboard is not needed to write them.

    Raises:
        ValueError: `every` is below 1; when training starts: the model cannot be drawn like this.
        OSError: `log_dir/name` is a link; when training starts: a folder cannot be written to.
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
        self.check()
        _require_writable(self.folder)
        if self.log_dir is not None:
            _require_writable(self.log_dir)
            self._writer = tf.summary.create_file_writer(str(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.every:
            return
        figure, scalars = self.draw()
        with writing(f"The folder {self.folder}"):
            self.folder.mkdir(exist_ok=True)  # which may have been deleted meanwhile
        png = write_png(figure, self.folder / f"{self.name}-epoch-{epoch + 1:03d}.png")
        if self._writer is not None:
            with self._writer.as_default(epoch):
                summaries.image(self.name, png)
                for name, value in scalars.items():
                    summaries.scalar(name, value)
            self._writer.flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def write_png(figure: Figure, path: Path) -> bytes:
    """Writes a figure as a PNG file that exists either whole or not at all; returns its content."""
    buffer = io.BytesIO()
    # The strongest compression would take longer than drawing, and saves a quarter of the file.
    figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 1})
    png = buffer.getvalue()
    with written_whole(path) as unfinished:
        unfinished.write_bytes(png)
    return png


def write_figure(figure: Figure, path: Path) -> None:
    """Writes a figure that stays: the PNG file `path` and, of lines, bars and text, an SVG file beside it.

    Pictures of every epoch are PNG files only, and grids of images have nothing that an SVG could draw sharper.
    """
    write_png(figure, path)
    if plots.is_line_art(figure):
        with written_whole(path.with_suffix(".svg")) as unfinished:
            unfinished.write_text(plots.svg(figure), encoding="utf-8")


def _require_writable(folder: Path) -> None:
    with writing(f"The folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
