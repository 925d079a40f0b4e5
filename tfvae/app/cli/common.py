"""What the commands share. TensorFlow is imported inside them, so that help and mistakes cost no waiting."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfvae._support import environment
from tfvae.app.run import Run
from tfvae.parallel import cluster

# What Keras reads of the user's when it is imported, and what takes its place: no keras.json, and nothing else.
_OF_THE_USER = {
    "KERAS_HOME": os.devnull,
    "KERAS_MAX_EPOCHS": None,
    "KERAS_MAX_STEPS_PER_EPOCH": None,
    "KERAS_NNX_ENABLED": None,
}


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Keeps TensorFlow's start-up notes to itself: some come before it reads its log level. Errors are shown.

    What is imported inside does not see the user's settings of Keras: a run computes in what its own settings say.
    """
    environment.check()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["MPLBACKEND"] = "agg"  # needs no display; a name that matplotlib does not know would end its import
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes, _environment(_OF_THE_USER):
        os.dup2(notes.fileno(), 2)
        try:
            _import_matplotlib()
            yield
        except BaseException:
            notes.seek(0)
            os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _import_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except UnicodeDecodeError as error:  # it does not say of what
        raise ValueError(
            f"matplotlib cannot read its settings: its file `matplotlibrc` is not UTF-8 ({error})."
        ) from None


@contextlib.contextmanager
def _environment(changes: dict[str, str | None]) -> Iterator[None]:
    """Sets environment variables for a while, or removes them where they are to be None."""
    before = {name: os.environ.get(name) for name in changes}

    def set_to(values: dict[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    set_to(changes)
    try:
        yield
    finally:
        set_to(before)


def is_chief(strategy: str) -> bool:
    """Whether this process says what was done: of several that work together the first one."""
    if not cluster.is_joined(strategy):
        return True
    with quiet_import():
        from tfvae.parallel.team import Team
    return Team(strategy).is_chief


def start_tensorflow() -> None:
    """Imports what models are made of, quietly."""
    with quiet_import():
        from tfvae._support import devices
        from tfvae.models import saving  # noqa: F401

        devices.grow_memory()


def open_run(folder: Path, data: str | None = None, data_dir: str | None = None, images: bool = True) -> Run:
    """A run, of which all that needs no TensorFlow is checked before that is imported.

    Args:
        folder: the run's, or without `images` a `.keras` file.
        data: place of its images, if they were moved.
        data_dir: folder of prepared TensorFlow Datasets, if moved.
        images: whether they are needed.
    """
    run = Run(folder, data, data_dir)
    run.check(images)
    start_tensorflow()
    return run
