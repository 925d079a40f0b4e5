"""The distribution of what a bijector makes of another distribution's draws."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.bijectors import Bijector


class Transformed(tfp.distributions.Distribution):
    """x = inverse(z) for z of a base distribution:  log p(x) = log p(z) + log |det dz/dx|,  z = forward(x). Exact.

    Made afresh at each use, like every distribution here. It has no `mean`, unless a subclass has one.

    Args:
        base: of z, event shape `bijector.latent_shape`; batch shape `[]`, or `[B]`.
        bijector: built.
        context: what the bijector depends on, `[B, C]`, or None.
    """

    def __init__(self, base: tfp.distributions.Distribution, bijector: Bijector, context: tf.Tensor | None = None):
        parameters = dict(locals())
        self.base, self.bijector, self.context = base, bijector, context
        self._drawn: tuple[tf.Tensor, tf.Tensor] | None = None
        super().__init__(
            dtype=base.dtype,
            reparameterization_type=tfp.distributions.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=type(self).__name__,
        )

    def draws_of(self, z: tf.Tensor) -> tf.Tensor:
        """x for draws z of the base, `[..., *latent]` -> `[..., *event]`.

        The log density of the result is remembered: inverse autoregressive flows give it at once for what they draw,
        and for anything else one dimension after the other.
        """
        x, log_det = self._each(self.bijector.inverse, z, self.bijector.latent_shape, self.bijector.event_shape)
        self._drawn = x, self.base.log_prob(z) - log_det
        return x

    def _log_prob(self, x: tf.Tensor) -> tf.Tensor:
        if self._drawn is not None and x is self._drawn[0]:
            return self._drawn[1]
        z, log_det = self._each(self.bijector.forward, x, self.bijector.event_shape, self.bijector.latent_shape)
        return self.base.log_prob(z) + log_det

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        return self.draws_of(self.base.sample(n, seed=seed))

    def _each(self, way: Any, values: tf.Tensor, before: Any, after: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """`way` of values with any leading axes, for which bijectors have one."""
        axes = values.shape.rank - len(before)
        leading, static = tf.shape(values)[:axes], values.shape[:axes]
        context = self.context
        if context is not None:
            shape = tf.concat([leading, tf.shape(context)[-1:]], axis=0)
            context = tf.reshape(tf.broadcast_to(context, shape), [-1, context.shape[-1]])
        moved, log_det = way(tf.reshape(values, [-1, *before]), context)
        moved = tf.reshape(moved, tf.concat([leading, list(after)], axis=0))
        log_det = tf.reshape(log_det, leading)
        return tf.ensure_shape(moved, [*static, *after]), tf.ensure_shape(log_det, static)

    def _batch_shape(self) -> tf.TensorShape:
        return self.base.batch_shape

    def _batch_shape_tensor(self, **_: Any) -> tf.Tensor:
        return self.base.batch_shape_tensor()

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape(tuple(self.bijector.event_shape))

    def _event_shape_tensor(self, **_: Any) -> tf.Tensor:
        return tf.constant(list(self.bijector.event_shape), tf.int32)
