"""Networks that a caller gives: what is refused, and what Keras infers of the rest."""

from __future__ import annotations

import re
from typing import Any

import keras
import tensorflow as tf

from tfvae._support import private

CHANNELS_LAST: dict[str, Any] = {"data_format": "channels_last"}
"""Argument of layers for images, which have their channels last here, whatever Keras' settings say."""


def built_body(argument: str, network: Any, event_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Builds a network for inputs `[B, *event_shape]`, if it is not built yet.

    Args:
        argument: the network's name in a sentence.
        network: any Keras model or layer of one input and one output.
        event_shape: shape of one input.

    Returns:
        Shape of the features of one input: what Keras infers, or finds by running the network once.

    Raises:
        TypeError: it is no Keras layer.
        ValueError: it does not take such inputs, gives something else than one tensor `[B, ...]`, or is refused by
            `require_body`.
    """
    require_body(argument, network)
    try:
        # A call, because `build` of a subclassed model makes no weights and `compute_output_shape` may be missing.
        output = network(keras.KerasTensor((None, *event_shape), dtype=network.compute_dtype))
        if isinstance(output, keras.KerasTensor) and None in output.shape[1:]:
            output = network(tf.zeros((1, *event_shape), network.compute_dtype))
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:  # Keras raises all sorts of things, with messages of many lines
        raise ValueError(f"`{argument}` does not take inputs of shape {event_shape}: {reason_of(error)}") from error
    if not hasattr(output, "shape"):
        raise ValueError(f"`{argument}` must have one output, a tensor; received {type(output).__name__}.")
    examples = None if isinstance(output, keras.KerasTensor) else 1
    if not output.shape or output.shape[0] != examples:
        raise ValueError(
            f"`{argument}` must give features for each of any number of examples, (None, ...); received shape "
            f"{tuple(output.shape)}."
        )
    return tuple(output.shape[1:])


def require_body(argument: str, network: Any) -> None:
    """Refuses networks that would not do what their caller thinks.

    Raises:
        TypeError: it is no Keras layer or model.
        ValueError: it has quantised weights, which cannot be trained; or its images have their channels first because
            Keras' settings say so.
    """
    if not isinstance(network, keras.Layer):
        raise TypeError(f"`{argument}` must be a Keras layer or model; received {type(network).__name__}.")
    channels_first = keras.config.image_data_format() == "channels_first"
    for layer in private.flat_layers(network):
        if layer.quantization_mode is not None:
            raise ValueError(
                f"`{argument}` has the quantised layer `{layer.name}` ({layer.dtype_policy.name}), which cannot be "
                "trained; use a policy such as float32 or mixed_bfloat16."
            )
        if channels_first and getattr(layer, "data_format", None) == "channels_first":
            raise ValueError(
                f"`{argument}` has the layer `{layer.name}` with channels first, as Keras' setting `image_data_format` "
                'says, but images have them last here; give it `data_format="channels_last"`.'
            )


def refuse_losses_of_calls(argument: str, network: keras.Layer, reason: str) -> None:
    """ValueError if a network has added losses in its last call, of which Keras keeps those of one call only."""
    for layer in private.flat_layers(network):
        if private.has_call_losses(layer):
            raise ValueError(
                f"`{argument}` adds a loss in each call (layer `{layer.name}`) and is called more than once in a step: "
                f"{reason}. Regularise its weights instead."
            )


def refuse_quantization(name: str) -> None:
    """Raises NotImplementedError: quantised weights could be neither trained nor loaded."""
    raise NotImplementedError(
        f"`{name}` cannot be quantised: its weights could be neither trained nor loaded again. For less precision use "
        "the policy mixed_bfloat16; for phones, `tfvae.export(..., litert=True)`."
    )


def reason_of(error: Exception) -> str:
    """The first sentence of an error that says what is wrong; Keras puts a frame around it."""
    lines = [line.strip() for line in re.sub(r"\x1b\[\d*m", "", str(error)).splitlines() if line.strip()]
    if lines and lines[0].startswith("Exception encountered when calling"):
        lines = lines[1:]
    return lines[0] if lines else type(error).__name__
