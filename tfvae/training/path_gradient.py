"""Gradients whose way through the samples of z is weighted."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfvae.trace import Trace


def gradients(
    tape: tf.GradientTape, loss: tf.Tensor, variables: list[Any], trace: Trace, path_weights: tf.Tensor | None
) -> list[tf.Tensor | None]:
    """d loss / d variables, where what goes through sample s of example b's z is multiplied by `path_weights[s, b]`.

    One pass back through the decoder, as without weights: a second pass starts at z.

    Args:
        tape: persistent.
        loss: scalar.
        variables: of the model.
        trace: made under the tape.
        path_weights: `[S, B]`, or None for the gradient as it is.
    """
    if path_weights is None:
        return tape.gradient(loss, variables)
    z = [latent.z for latent in trace.latents]
    *whole, at_z = tape.gradient(loss, [*variables, z])
    missing = [(_like(path_weights, each) - 1.0) * each for each in at_z]
    corrections = tape.gradient(z, variables, output_gradients=missing)
    return [_sum(one, other) for one, other in zip(whole, corrections, strict=True)]


def _like(weights: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
    """`[S, B]` -> `[S, B, 1, ...]`."""
    return tf.reshape(weights, [*tf.unstack(tf.shape(weights)), *[1] * (z.shape.rank - 2)])


def _sum(one: tf.Tensor | None, other: tf.Tensor | None) -> tf.Tensor | None:
    return one if other is None else other if one is None else one + other
