"""The callback that keeps a training run's records, so that it can be taken up again as if nothing had happened."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.files import written_whole
from tfvae.app.interruption import Interrupted, Interruption
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.folder import HISTORY
from tfvae.app.run.place import Place
from tfvae.parallel.team import Team

_MONITORED = "val_loss"


class Recorder(keras.callbacks.Callback):
    """Writes the history and a checkpoint at the end of every epoch, stops early, and saves at an interruption.

    An interruption is answered after the execution (some steps) that it falls into. One that falls into the validation
    goes back to before the last execution of the epoch, which a resumed run then repeats. A resumed run passes over the
    executions that the checkpoint has behind it, so that its epochs are Keras' own, and the figures of a half epoch go
    on from where they were.

    Pictures are drawn behind this callback, when the epoch is saved, and `after_pictures` comes behind them: an
    interruption that falls into the drawing is answered there.

    Args:
        folder: the run's.
        checkpoints: where they go.
        steps_per_epoch: training steps of an epoch.
        interruption: entered by the caller.
        identity: what must be the same when the run goes on; kept in the checkpoints.
        patience: epochs without a better val_loss after which training stops, or None.
        state: what the checkpoint held that the run goes on from, or None.
        team: those who train together. An interruption of one is one of all, at the same step.
        place: looked after before anything is written; not at all if not given.
    """

    def __init__(
        self,
        folder: Path,
        checkpoints: Checkpoints,
        steps_per_epoch: int,
        interruption: Interruption,
        identity: dict[str, Any],
        patience: int | None = None,
        state: dict[str, Any] | None = None,
        team: Team | None = None,
        place: Place | None = None,
    ):
        super().__init__()
        self.team, self.place, self._is_mended = team or Team(), place, False
        self.folder, self.checkpoints, self.interruption = folder, checkpoints, interruption
        self.steps_per_epoch, self.identity, self.patience = steps_per_epoch, identity, patience
        state = state or {"epoch": 0, "step": 0, "metrics": {}, "history": [], "best": None, "seconds": [0.0, 0.0]}
        self.epoch: int = state["epoch"]
        self.history: list[dict[str, float]] = state["history"]
        self.best: dict[str, Any] | None = state["best"]
        self._before: list[float] = state["seconds"]
        self._resumed_at: int = state["step"]
        self._resumed_metrics: dict[str, list[float]] = state["metrics"]
        self._resumed_epoch: list[int] | None = state.get("began")
        self._started = (time.perf_counter(), time.process_time())
        self.after_pictures = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: self._end_epoch())

    @property
    def epoch_is_whole(self) -> bool:
        """Whether the run goes on from the end of an epoch."""
        return self.epoch > 0 and self._resumed_at == 0

    @property
    def has_ended(self) -> bool:
        """Whether patience is at an end."""
        best_epoch = self.best["epoch"] if self.best else self.epoch
        return self.patience is not None and self.epoch - best_epoch >= self.patience

    @property
    def seconds(self) -> tuple[float, float]:
        """Of training so far, with validating, drawing and saving: on the clock, and of all processor cores together.

        What was lost between the last checkpoint and an interruption is not counted.
        """
        now = (time.perf_counter(), time.process_time())
        clock, processor = (b + n - s for b, n, s in zip(self._before, now, self._started, strict=True))
        return clock, processor

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        # A worker that ended by itself would take the others with it: all end together at the next execution.
        self.interruption.unsaved = self.team.workers > 1
        if self.history:  # a kill may have come between the last checkpoint and its row
            write_history(self.folder / HISTORY, self.history)
        step = self.model.train_function

        def pass_over(iterator: Any) -> Any:
            # Nothing is taken from the data, which begin at the step that the run goes on from.
            if self._done < self._resumed_at:
                return {metric.name: metric.result() for metric in self.model.metrics}
            return step(iterator)

        if self._resumed_at:
            self.model.train_function = pass_over

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch, self._done = epoch, 0
        if self._resumed_at and self._resumed_epoch:
            self.model.skipped_share.began = tuple(self._resumed_epoch)
        for metric in self.model.metrics if self._resumed_at else ():
            for variable, value in zip(metric.variables, self._resumed_metrics[metric.name], strict=True):
                variable.assign(value)

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch + self.model.steps_per_execution >= self.steps_per_epoch:
            # Tensors are never changed, so that this copies nothing yet.
            self._before_last = (self._done, [tf.convert_to_tensor(variable) for variable in self.model.state()])

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._done = batch + 1
        if self._done <= self._resumed_at:
            return
        self.interruption.unsaved = True
        if self._is_wanted() and self._done < self.steps_per_epoch:
            self._save_and_stop(self._done)

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._is_wanted():
            done, values = self._before_last
            for variable, value in zip(self.model.state(), values, strict=True):
                variable.assign(value)
            self._save_and_stop(done)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.mend()
        logs = logs or {}
        self.epoch, self._resumed_at = epoch + 1, 0
        self.history.append({"epoch": self.epoch, **{name: float(value) for name, value in logs.items()}})
        found = self.history[-1][_MONITORED]
        if self.best is None or found < self.best[_MONITORED] or math.isnan(self.best[_MONITORED]) > math.isnan(found):
            self.best = {"epoch": self.epoch, "step": self.model.steps, _MONITORED: found}
        self._save(0)
        self._write(lambda: write_history(self.folder / HISTORY, self.history))
        self.model.stop_training = self.model.stop_training or self.has_ended
        self.interruption.unsaved = True  # lest the program ends amid the drawing, without a word on how to go on

    def _end_epoch(self) -> None:
        if self._is_wanted():
            raise Interrupted
        self.interruption.unsaved = self.team.workers > 1

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.interruption.unsaved = False

    def mend(self) -> None:
        """Writes again what can be if somebody deleted the run folder. A best epoch whose weights went with it is one
        no more: the best is looked for among those to come."""
        self._mend()
        is_lost = self._is_mended and self.best is not None and self.checkpoints.at(self.best["step"]) is None
        if self.team.anyone(is_lost):
            self.best = None

    def require_place(self) -> None:
        """Raises OSError if another folder was put in the place of the run's."""
        if self.place is not None:
            self.place.require_own()

    def _mend(self) -> bool:
        is_mended = self.place is not None and self.place.mended()
        if is_mended and self.history:
            write_history(self.folder / HISTORY, self.history)
        self._is_mended = self._is_mended or is_mended
        return is_mended

    def _write(self, write: Callable[[], None]) -> None:
        """Writes, and again if somebody deleted the run folder at that moment."""
        try:
            write()
        except OSError:
            if not self._mend():
                raise
            write()

    def _is_wanted(self) -> bool:
        return self.team.anyone(self.interruption.wanted)

    def _save_and_stop(self, done: int) -> None:
        self.mend()
        self._save(done)
        raise Interrupted

    def _save(self, done: int) -> None:
        metrics = {
            metric.name: [float(tf.convert_to_tensor(variable.value)) for variable in metric.variables]
            for metric in self.model.metrics
        }
        state = {
            "identity": self.identity,
            "epoch": self.epoch,
            "step": done,
            "metrics": metrics if done else {},
            "began": self.model.skipped_share.began,
            "history": self.history,
            "best": self.best,
            "seconds": list(self.seconds),
        }
        best = self.best["step"] if self.best else None
        self._write(lambda: self.checkpoints.write(self.model, self.model.steps, state, best))
        self.interruption.unsaved = self.team.workers > 1


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """The history as a table, a row an epoch, written whole or not at all."""
    with written_whole(path) as unfinished, unfinished.open("w", newline="") as file:
        table = csv.DictWriter(file, list(history[-1]))
        table.writeheader()
        table.writerows(history)
