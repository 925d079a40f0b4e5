"""log p(x|z) of every x under every z: products of matrices where they say the same."""

from __future__ import annotations

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.softplus import softplus
from tfvae.families.bernoulli import OneSoftplus

_LOG_TWO_PI = math.log(2 * math.pi)


def log_prob_of_pairs(likelihood: tfp.distributions.Distribution, x: tf.Tensor) -> tf.Tensor:
    """The log probability of each example under each distribution: `[L, B]` in nats.

    Element by element these are L x B x D numbers. Logarithms of Bernoullis and normals are linear in x and x^2, so
    that two matrices of L x D and D x B say it all. Normals are multiplied in float64, because terms cancel that are
    as large as (x/scale)^2.

    Args:
        likelihood: L distributions, batch shape `[L, 1]`, as a decoder gives them.
        x: `[B, *event]`.
    """
    inner = getattr(likelihood, "distribution", None)
    if isinstance(inner, OneSoftplus):
        logits = _flat(inner.logits)
        return tf.matmul(logits, _flat(x), transpose_b=True) - tf.reduce_sum(softplus(logits), axis=1, keepdims=True)
    if isinstance(inner, tfp.distributions.Normal):
        mean, scale = (_flat(tf.cast(each, tf.float64)) for each in (likelihood.mean(), likelihood.stddev()))
        flat, precision = _flat(tf.cast(x, tf.float64)), scale**-2.0
        quadratic = tf.matmul(precision, flat**2, transpose_b=True)
        quadratic -= 2 * tf.matmul(precision * mean, flat, transpose_b=True)
        quadratic += tf.reduce_sum(precision * mean**2, axis=1, keepdims=True)
        log_scale = tf.reduce_sum(tf.math.log(scale), axis=1, keepdims=True)
        return tf.cast(-0.5 * quadratic - log_scale - 0.5 * math.prod(likelihood.event_shape) * _LOG_TWO_PI, x.dtype)
    return likelihood.log_prob(x)


def _flat(values: tf.Tensor) -> tf.Tensor:
    """`[L, 1, *event]` or `[B, *event]` -> `[L or B, D]`."""
    return tf.reshape(values, [tf.shape(values)[0], -1])
