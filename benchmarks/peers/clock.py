"""When Keras' epochs and its first step end."""

from __future__ import annotations

import time
from typing import Any

import keras


class Clock(keras.callbacks.Callback):
    """Notes when the epochs, their validation included, are over."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """From the end of the first epoch to that of the last."""
        return self.epochs[-1] - self.epochs[0]


class FirstStep(keras.callbacks.Callback):
    """Leaves `fit` when the first step is over."""

    class Done(Exception):
        """It is."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        raise FirstStep.Done
