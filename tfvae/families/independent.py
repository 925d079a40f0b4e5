"""Independent elements: the distribution of a whole example from the distributions of its elements."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp


class Independent(tfp.distributions.Independent):
    """`tfd.Independent`, whose log p(x) is computed on examples that are made flat first.

    XLA on a CPU vectorises loops over the last axis, which for an image is its one or three channels. Flat, 50 samples
    of 100 images take a third of the time.
    """

    def _log_prob(self, x: tf.Tensor, **options: Any) -> tf.Tensor:
        base, event_shape = self.distribution, self.event_shape
        properties = base.parameter_properties()
        if event_shape.rank < 2 or any(each.event_ndims != 0 for each in properties.values()):
            return super()._log_prob(x, **options)  # a vector is flat, and a categorical element has its levels last
        given = {name: base.parameters[name] for name in properties if base.parameters[name] is not None}
        flat = base.copy(**{name: _flat(value, event_shape) for name, value in given.items()})
        return tf.reduce_sum(flat.log_prob(_flat(x, event_shape), **options), axis=-1)


def _flat(value: Any, event_shape: tf.TensorShape) -> tf.Tensor:
    """`[..., *event]` as `[..., size]`, and what all elements share, such as `[..., 1, 1, 1]`, as `[..., 1]`."""
    value = tf.convert_to_tensor(value)
    if value.shape.rank == 0:
        return value
    missing = max(0, event_shape.rank - value.shape.rank)
    if missing:
        value = value[(tf.newaxis,) * missing]
    own = value.shape[-event_shape.rank :]
    leading = tf.shape(value)[: value.shape.rank - event_shape.rank]
    if own.num_elements() == 1:
        return tf.reshape(value, tf.concat([leading, [1]], axis=0))
    if own != event_shape:
        value = tf.broadcast_to(value, tf.concat([leading, event_shape], axis=0))
    return tf.reshape(value, tf.concat([leading, [event_shape.num_elements()]], axis=0))
