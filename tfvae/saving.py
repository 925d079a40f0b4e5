"""Loading a saved model together with the classes that it is made of."""

from __future__ import annotations

import os
import zipfile

import keras

# Importing these registers their classes with Keras, which then finds them by the names in the file.
from tfvae import bijectors, conditional, corruption, families, flows, models, objectives, preprocessing, priors  # noqa: F401
from tfvae.serialization import NewerVersionError, check_version


def load(path: str | os.PathLike[str]) -> keras.Model:
    """Loads a `.keras` file that `model.save(path)` wrote, in Keras' safe mode (no code from the file is run).

    The model comes back compiled, with its optimiser's state, its step counter and its objective, so that `fit` goes
    on as if nothing had happened.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, is no `.keras` file, was saved by a newer tfvae, or holds a model of other
            classes than tfvae's.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no model at {os.fspath(path)!r}.")
    if os.path.isdir(path):
        raise ValueError(f"{os.fspath(path)} is a folder; `load` takes the .keras file in it.")
    try:
        check_version(path)
        model = keras.saving.load_model(path)
    except NewerVersionError:
        raise
    except Exception as error:  # Keras raises all sorts of things, with messages of many lines
        if not zipfile.is_zipfile(path) or isinstance(error, zipfile.BadZipFile):
            raise ValueError(f"{os.fspath(path)} is damaged or no .keras file.") from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{os.fspath(path)} cannot be loaded: {reason}") from error
    if not isinstance(model, (models.GuardedModel, conditional.ConditionalDistribution)):
        raise ValueError(
            f"{os.fspath(path)} holds a `{type(model).__name__}`, which is no model of tfvae; "
            "`keras.saving.load_model` loads it."
        )
    return model
