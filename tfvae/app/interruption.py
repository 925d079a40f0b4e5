"""Ctrl-C and SIGTERM: asked for at any time, answered where nothing is lost."""

from __future__ import annotations

import os
import signal
import socket
import threading
from types import FrameType, TracebackType
from typing import Any

EXIT_CODE = 75
"""What the program ends with after an interruption that lost nothing (EX_TEMPFAIL of sysexits.h: try again)."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE = 1.0  # seconds


class Interrupted(Exception):
    """Training was asked to stop, and everything is saved."""


class Interruption:
    """Notices Ctrl-C and SIGTERM while it is entered; the one who trains looks at `wanted` where it can save.

    A second Ctrl-C is Python's own KeyboardInterrupt. While TensorFlow compiles, which takes seconds and runs no
    Python, nobody looks at `wanted`; so where `unsaved` is False, as before the first step, the program just ends.

    Signals reach the main thread only; entered in another one, it never wants anything.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.unsaved = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        # Python writes a byte here even while the main thread is busy outside Python.
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._terminal = os.dup(2)  # stderr may be led elsewhere when there is something to say
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._before:
            return
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._writer.close()  # which ends the watch
        os.close(self._terminal)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.wanted and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.wanted = True

    def _watch(self) -> None:
        with self._reader:
            if not self._reader.recv(1):
                return
            self._reader.settimeout(_PATIENCE)
            try:
                while self._reader.recv(1):  # further signals
                    pass
            except TimeoutError:
                if not self.unsaved:
                    os.write(self._terminal, b"\nInterrupted; nothing was lost.\n")
                    os._exit(EXIT_CODE)
