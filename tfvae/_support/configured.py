"""Objects that Keras saves by the arguments of their constructors and makes again from them."""

from __future__ import annotations

import inspect
from typing import Any

import keras


class Configured:
    """An object that is made again from the arguments of its constructor, which are its configuration.

    A class keeps each argument as the attribute of that name and has nothing else to do. All parts and models are of
    this kind; put it before Keras' class to have it in a layer of your own:

        class Scaled(tfvae.Configured, keras.layers.Layer):
            def __init__(self, factor, body, name=None):
                super().__init__(name=name)
                self.factor, self.body = factor, body

    Arguments are numbers, text, and objects that Keras can serialise; a tuple comes back as a list.
    """

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments by name, serialised.

        Raises:
            NotImplementedError: an argument is not kept as the attribute of its name.
        """
        return {name: keras.saving.serialize_keras_object(self._argument(name)) for name in _arguments(type(self))}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the object that has this configuration."""
        return cls(
            **{
                name: keras.saving.deserialize_keras_object(value) if isinstance(value, (dict, list)) else value
                for name, value in config.items()
            }
        )

    def _argument(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise NotImplementedError(
                f"`{type(self).__name__}` cannot be saved: its constructor takes `{name}` and keeps no attribute of "
                f"that name. Add `self.{name} = {name}`, or define `get_config` and `from_config`."
            ) from None


def _arguments(cls: type) -> list[str]:
    """Names of a constructor's arguments, and of those that its `**kwargs` hand on to the class above."""
    names: list[str] = []
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        names += [each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
        if all(each.kind != each.VAR_KEYWORD for each in parameters):
            break
    return list(dict.fromkeys(names))
