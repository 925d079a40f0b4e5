"""What training in float16 needs beside Keras' `LossScaleOptimizer`: an end, and overflows that all replicas hear of.

That optimiser multiplies the loss, so that small gradients do not vanish in float16, and leaves out a step whose
gradients overflow, halving its scale. This is no fault and not counted by the guard, which looks at other things.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.devices import replicas

SMALLEST_SCALE = 2.0**-10
"""At or below it what is not finite is not the scale's doing: the gradients would be above 2^26 by themselves.

A scale below 1 can be right: beside a scale of 1/256 the gradients of a normal log p(x|z) are in the tens of thousands,
and float16 ends at 65,504.
"""


def scales_loss(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether the optimiser scales the loss, and leaves out steps by itself."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def faults(overflows: tf.Tensor, optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
    """The number of bad gradients, int32 scalar, as far as no smaller scale can help.

    Without an end the optimiser halves its scale for ever, to 0, while training does nothing and does not say so.
    """
    return tf.where(optimizer.dynamic_scale <= SMALLEST_SCALE, overflows, 0)


def overflowing_together(gradients: Sequence[Any], overflows: tf.Tensor) -> list[Any]:
    """The gradients; not a number on every replica, if one of them has bad ones.

    Keras 3.15 looks at the first replica's gradients only, before the replicas' are summed: an overflow in
    another one would get into the weights of all.

    Args:
        gradients: this replica's, None for variables without one.
        overflows: the number of bad ones on all replicas, int32 scalar.
    """
    if replicas() == 1:
        return list(gradients)
    return [
        None if each is None else tf.where(overflows > 0, tf.cast(float("nan"), each.dtype), each) for each in gradients
    ]
