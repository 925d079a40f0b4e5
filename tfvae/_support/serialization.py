"""Configurations of objects that are made of other objects, in the form that Keras saves, and the version they have."""

from __future__ import annotations

import os
from typing import Any

import keras

from tfvae._support.inputs import CannotRead
from tfvae._support.keras_files import SUFFIX, check_weights, reason
from tfvae._support.layer_state import state_of_layers
from tfvae._support.precision import require_precision
from tfvae._support.versions import mark_version

STATE = "layer_state"
"""Key of the state of a model's layers in its configuration, if there is any."""
DTYPE = "computes_in"
"""Key of the type that a model computes in, if that is not float32."""


def config_of(whole: Any, *names: str) -> dict[str, Any]:
    """The attributes of those names, serialised; of a model the state of its layers too.

    A model, prior or other part of your own is saved and loaded with its parts if its `get_config` returns this for the
    arguments of its constructor, each kept as the attribute of that name; `UnsupervisedModel.from_config` reads it:

        def get_config(self):
            return tfvae.config_of(self, "encoder", "decoder", "preprocess", "seed", "name")

    Args:
        whole: the object.
        names: of its attributes: numbers, text, and objects that Keras can serialise; a tuple comes back as a list.
    """
    config = {name: keras.saving.serialize_keras_object(getattr(whole, name)) for name in names}
    if isinstance(whole, keras.Model):
        more = {STATE: whole.built and state_of_layers(whole), DTYPE: whole.compute_dtype != "float32" and "float64"}
        config |= {name: value for name, value in more.items() if value}
    return config


def without_state(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Such a configuration of a model without the state of its layers, and that state.

    Raises:
        ValueError: the model computes in another type than Keras' settings say.
    """
    if DTYPE in config:
        require_precision(str(config.get("name")), config[DTYPE])
    return {name: value for name, value in config.items() if name not in (STATE, DTYPE)}, config.get(STATE, {})


def arguments(config: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments in such a configuration, to be used by `from_config`."""
    return {
        name: keras.saving.deserialize_keras_object(value) if isinstance(value, (dict, list)) else value
        for name, value in config.items()
    }


class SavedWhole(keras.Model):
    """A Keras model that is saved in one `.keras` file, which `tfvae.load` reads.

    Forms that could not be loaded are refused before anything is written.
    """

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Keras' `save`, which also notes the version of tfvae in the file.

        Args:
            filepath: a file whose name ends in .keras.
            overwrite: whether it may replace a file; Keras would ask at the keyboard instead.
            zipped: True or None.
            kwargs: as for Keras' `save`.

        Raises:
            ValueError: `filepath` has another form.
            FileExistsError: the file is there and `overwrite` is False.
        """
        if zipped is False or not isinstance(filepath, (str, os.PathLike)) or not str(filepath).endswith(SUFFIX):
            form = f"{filepath!r}, zipped=False" if zipped is False else repr(filepath)
            raise ValueError(
                f"`save` writes one file whose name ends in {SUFFIX}, which `tfvae.load` reads; received {form}. "
                "`save_weights` writes weights alone, and `tfvae.export` a SavedModel."
            )
        _refuse_to_replace(filepath, overwrite)
        super().save(filepath, **kwargs)
        mark_version(filepath)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Keras' `save_weights`, to a file whose name ends in .weights.h5.

        Raises:
            ValueError: `filepath` ends in another way.
            FileExistsError: the file is there and `overwrite` is False; Keras would ask at the keyboard.
        """
        _refuse_to_replace(filepath, overwrite)
        super().save_weights(filepath, **kwargs)

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Keras' `load_weights`, from what `save_weights` or `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            OSError: it is no regular file, or would unpack to more than ten times its size.
            ValueError: it is damaged, or its weights do not fit this model.
        """
        try:
            if not os.path.isdir(filepath):  # which Orbax writes
                check_weights(filepath)
            super().load_weights(filepath, *args, **kwargs)
        except (FileNotFoundError, CannotRead):
            raise
        except Exception as error:  # Keras raises all sorts of things, with messages of many lines
            raise ValueError(f"{filepath} cannot be loaded: {reason(error)}") from error

    def export(self, *args: Any, **kwargs: Any) -> None:
        """Refuses Keras' `export`: what it writes cannot be loaded without TensorFlow Probability.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "Keras' `export` would write distributions, which cannot be loaded without TensorFlow Probability; use "
            "`tfvae.export(model, folder)` on the whole model, which writes tensors."
        )


def _refuse_to_replace(path: Any, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists already; pass `overwrite=True` to replace it.")
