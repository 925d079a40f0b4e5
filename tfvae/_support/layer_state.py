"""State that training obeys and no configuration has: frozen layers and weights, and what an optimiser knows of them.

Keras keeps `trainable` of some layers in their own configurations and forgets it for all others: for models with a
configuration of their own, for layers that such a model makes itself, and for single weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfvae._support import private

_MIXED = ("mixed_bfloat16", "mixed_float16")
# Layers that do not cast their inputs, unless they are told to.
_AS_GIVEN = (keras.layers.LayerNormalization, keras.layers.GroupNormalization, keras.layers.Embedding)


def state_of_layers(model: keras.Layer) -> dict[str, Any]:
    """What differs in a built model's layers from how they are made, by the layers' positions; JSON.

    Empty where nothing does: nothing is frozen, and all computes in the type of its weights.
    """
    layers, weights = private.flat_layers(model), _weights(model)
    found: dict[str, Any] = {
        "frozen_layers": [index for index, layer in enumerate(layers) if not layer.trainable],
        "frozen_weights": [index for index, weight in enumerate(weights) if not weight.trainable],
        "other_autocast": [
            index for index, layer in enumerate(layers) if layer.autocast == isinstance(layer, _AS_GIVEN)
        ],
        "policies": {
            name: at
            for name in _MIXED
            if (at := [index for index, layer in enumerate(layers) if layer.dtype_policy.name == name])
        },
    }
    return found | {"of": [len(layers), len(weights)]} if any(found.values()) else {}


def set_state_of_layers(model: keras.Layer, state: dict[str, Any]) -> None:
    """Gives a built model's layers the state that `state_of_layers` found in one of the same configuration.

    Raises:
        ValueError: the models are of different layers.
    """
    layers, weights = private.flat_layers(model), _weights(model)
    if state["of"] != [len(layers), len(weights)]:
        raise ValueError(
            f"The state is of {state['of'][0]} layers with {state['of'][1]} weights, but `{model.name}` has "
            f"{len(layers)} layers with {len(weights)} weights."
        )
    for index, layer in enumerate(layers):  # the outer ones first, since they set the inner ones
        layer.trainable = index not in state["frozen_layers"]
    for index, weight in enumerate(weights):
        weight.trainable = index not in state["frozen_weights"]
    for index in state["other_autocast"]:
        layers[index].autocast = isinstance(layers[index], _AS_GIVEN)
    for name, positions in state["policies"].items():
        for index in positions:
            layers[index].dtype_policy = name


def notes_of_optimizer(optimizer: keras.optimizers.Optimizer, model: keras.Layer, trained: Sequence[Any]) -> Any:
    """What an optimiser was told beside its configuration; JSON, empty where that is nothing.

    Args:
        optimizer: of the model.
        model: built.
        trained: the variables that it trains now, which may be fewer than those that it was built for.
    """
    inner, weights = _inner(optimizer), _weights(model)
    known = private.known_variables(inner) if inner.built else trained
    found = {
        "built_for": [] if _same(known, trained) else _positions(known, weights),
        "not_decayed": [index for index, weight in enumerate(weights) if not private.is_decayed(inner, weight)],
        "names_not_decayed": private.names_not_decayed(inner),
    }
    return found if any(found.values()) else {}


def build_optimizer(
    optimizer: keras.optimizers.Optimizer, model: keras.Layer, trained: Sequence[Any], notes: dict[str, Any]
) -> None:
    """Makes an optimiser's variables, for a model and with notes as for `notes_of_optimizer`."""
    inner, weights = _inner(optimizer), _weights(model)
    if not notes:
        optimizer.build(trained)
        return
    names = [notes["names_not_decayed"]] if notes["names_not_decayed"] else None
    inner.exclude_from_weight_decay([weights[index] for index in notes["not_decayed"]], names)
    optimizer.build([weights[index] for index in notes["built_for"]] or trained)


def require_known(optimizer: keras.optimizers.Optimizer, trained: Sequence[Any]) -> None:
    """ValueError if a built optimiser was built without one of the variables that it is to train."""
    known = {id(variable) for variable in private.known_variables(_inner(optimizer))}
    unknown = [variable.path for variable in trained if id(variable) not in known]
    if optimizer.built and unknown:
        raise ValueError(
            f"`{unknown[0]}` was frozen when its optimiser was built, which cannot train it now; compile the model "
            "again, with a new optimiser."
        )


def like(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """A new optimiser that is configured and told the same."""
    new = type(optimizer).from_config(optimizer.get_config())
    names = private.names_not_decayed(_inner(optimizer))
    if names:
        _inner(new).exclude_from_weight_decay(var_names=[names])
    return new


def _inner(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    return getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss


def _weights(model: keras.Layer) -> list[Any]:
    """The weights that layers made to be trained, frozen or not; each once."""
    weights = {id(weight): weight for layer in private.flat_layers(model) for weight in private.made_trainable(layer)}
    return list(weights.values())


def _positions(variables: Sequence[Any], weights: Sequence[Any]) -> list[int]:
    position = {id(weight): index for index, weight in enumerate(weights)}
    return [position[id(variable)] for variable in variables if id(variable) in position]


def _same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return [id(each) for each in some] == [id(each) for each in others]
