"""Calls of several threads that keep their averages in the variables of one model."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """Lets one thread at a time train or evaluate a model.

    Keras adds the figures of all batches up in variables of the model, so that two evaluations at the same time would
    give figures of both. They take turns. Training may last for days and is not waited for.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._trainer: int | None = None

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Waits for evaluations in other threads.

        Raises:
            RuntimeError: the model is being trained in another thread.
        """
        if self._trainer not in (None, threading.get_ident()):
            raise RuntimeError(
                "This model is being trained in another thread, and both would add to the same averages. "
                "Evaluate a copy of it, such as a saved and loaded one."
            )
        with self._lock:
            yield

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """As `evaluating`, and refuses other threads until the block ends."""
        with self.evaluating():
            before, self._trainer = self._trainer, threading.get_ident()
            try:
                yield
            finally:
                self._trainer = before
