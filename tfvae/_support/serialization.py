"""Models that are saved in one file with the state of their layers and the version of tfvae."""

from __future__ import annotations

import os
from typing import Any

import keras

from tfvae._support.configured import Configured
from tfvae._support.inputs import CannotRead
from tfvae._support.keras_files import SUFFIX, check_weights, reason
from tfvae._support.layer_state import set_state_of_layers, state_of_layers
from tfvae._support.precision import require_precision
from tfvae._support.versions import mark_version

# Keys in a configuration: the state of the layers, if there is any, and the type of numbers, if that is not float32.
_STATE, _DTYPE = "layer_state", "computes_in"


class SavedWhole(Configured, keras.Model):
    """A Keras model that is saved in one `.keras` file, which `tfvae.load` reads.

    Forms that could not be loaded are refused before anything is written.
    """

    _state_when_built: dict[str, Any] | None = None
    """State that the layers take as soon as they are built, from the configuration that this model was made of."""

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, and the state of layers that are built."""
        more = {_STATE: self.built and state_of_layers(self), _DTYPE: self.compute_dtype != "float32" and "float64"}
        return super().get_config() | {name: value for name, value in more.items() if value}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the model that has this configuration.

        Raises:
            ValueError: the model computes in another type than Keras' settings say.
        """
        if _DTYPE in config:
            require_precision(str(config.get("name")), config[_DTYPE])
        whole = super().from_config({name: value for name, value in config.items() if name not in (_STATE, _DTYPE)})
        if state := config.get(_STATE):
            if whole.built:
                set_state_of_layers(whole, state)
            else:
                whole._state_when_built = state
        return whole

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
