"""Curves of an epoch's figures in TensorBoard."""

from __future__ import annotations

import os

import keras
import tensorflow as tf

from tfvae.callbacks import summaries


class Curves(keras.callbacks.Callback):
    """Writes the loss, the elbo and all other logs of every epoch as curves for TensorBoard.

    `keras.callbacks.TensorBoard` does this and more, but needs the package tensorboard to write them; this one needs it
    only to look at them. Epochs are counted from 0, as there.

    Args:
        log_dir: where the events go.
    """

    def __init__(self, log_dir: str | os.PathLike[str]):
        super().__init__()
        self.log_dir = log_dir

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._writer = tf.summary.create_file_writer(os.fspath(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        with self._writer.as_default(epoch):
            for name, value in (logs or {}).items():
                summaries.scalar(name, float(value))
        self._writer.flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._writer.close()
