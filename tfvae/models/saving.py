"""Loading a saved model together with the classes that it is made of."""

from __future__ import annotations

import os
import zipfile
import zlib

import keras

from tfvae import conditional, models
from tfvae._support.inputs import CannotRead, archive
from tfvae._support.keras_files import SUFFIX, check_model, reason
from tfvae._support.versions import NewerVersionError, check_version
from tfvae.models import classes  # noqa: F401


def load(path: str | os.PathLike[str]) -> keras.Model:
    """Loads a `.keras` file that `model.save(path)` wrote, in Keras' safe mode (no code from the file is run).

    The model comes back compiled, with its optimiser's state, its step counter and its objective, so that `fit` goes
    on as if nothing had happened.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it is no regular file, or would unpack to more than ten times its size.
        ValueError: the file is damaged, is no `.keras` file, was saved by a newer tfvae, or holds a model of other
            classes than tfvae's.
    """
    name = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no model at {name!r}.")
    if os.path.isdir(path):
        raise ValueError(f"{name} is a folder; `load` takes the {SUFFIX} file in it, or one that `model.save` wrote.")
    if not name.endswith(SUFFIX):  # which Keras goes by
        raise ValueError(f"`load` takes files whose names end in {SUFFIX}, which `model.save` writes; received {name}.")
    try:
        with archive(path) as opened:
            check_version(opened)
            check_model(opened)
        model = keras.saving.load_model(path)
    except (NewerVersionError, CannotRead):
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{name} is damaged or no {SUFFIX} file.") from error
    except Exception as error:  # Keras raises all sorts of things, with messages of many lines
        raise ValueError(f"{name} cannot be loaded: {reason(error)}") from error
    if not isinstance(model, (models.GuardedModel, conditional.ConditionalDistribution)):
        raise ValueError(
            f"{name} holds a `{type(model).__name__}`, which is no model of tfvae; `keras.saving.load_model` loads it."
        )
    return model
