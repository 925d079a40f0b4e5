"""A posterior that is a flow: a diagonal normal, moved on by inverse autoregressive flows."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import check_sizes, check_vector_shape, depth_of, integer, number
from tfvae._support.softplus import softplus
from tfvae.bijectors import Chain, Invert, MaskedAutoregressive, Reverse
from tfvae.bijectors.transformed import Transformed
from tfvae.families import Family, Parameter
from tfvae.noise import EVALUATION_SEED, Noise

_PAIRS = 32  # of draws, from e and -e, that a mean is taken over


class FlowPosterior(Transformed):
    """What `InverseAutoregressive` makes. Its mean and standard deviation are estimates.

    Both are taken over 64 draws from fixed noise of mean 0 and variance 1, the same for every example: they are exact
    where the flow moves and stretches each dimension by itself, and nothing depends on a seed.
    """

    def _mean(self) -> tf.Tensor:
        return tf.reduce_mean(self._fixed_draws(), axis=0)

    def _stddev(self) -> tf.Tensor:
        return tf.math.reduce_std(self._fixed_draws(), axis=0)

    def _fixed_draws(self) -> tf.Tensor:
        """`[64, B, D]`."""
        half = Noise(EVALUATION_SEED).normal("mean of a flow", _PAIRS, self.bijector.latent_shape)
        half /= tf.sqrt(tf.reduce_mean(half**2, axis=0))
        noise = tf.cast(tf.concat([half, -half], axis=0), self.dtype)[:, tf.newaxis]
        z = self.base.mean() + self.base.stddev() * noise
        return self._each(self.bijector.inverse, z, self.bijector.latent_shape, self.bijector.event_shape)[0]


@keras.saving.register_keras_serializable("tfvae")
class InverseAutoregressive(Family):
    """q(z|x) of vectors: a diagonal normal, then inverse autoregressive flows that see what the encoder made of x.

        z_0 ~ N(mean, diag(stddev^2)),  z_t = (z_(t-1) + shift_t) exp(log_scale_t),  log q = log q_0 - sum log_scale

    where shift_t and log_scale_t of element i are made of the elements before it and of a context, by masked networks.
    They start at zeros, where this is the diagonal normal. Drawing and scoring what was drawn take one pass; scoring
    anything else takes D. There is no closed form of a KL divergence: use `ELBO(analytic_kl=False)`. The weights belong
    to the `ConditionalDistribution`, and no gradient leaves them out, as "stl" and "dreg" would have to.

    Args:
        event_shape: `(D,)`.
        depth: flows, each in the reverse order of the one before.
        hidden: units of the layers of each one's masked network.
        context_size: numbers that the encoder gives them.
        min_scale: smallest standard deviation of the normal.
        activation: of the networks, Keras' name.

    Raises:
        ValueError: an argument is out of range.

    Source: Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling 2016, arXiv:1606.04934.
    """

    scores = "density"

    def __init__(
        self,
        event_shape: Sequence[int],
        depth: int = 4,
        hidden: Sequence[int] = (128,),
        context_size: int = 32,
        min_scale: float = 1 / 256,
        activation: str = "relu",
    ):
        super().__init__(check_vector_shape(event_shape))
        depth, context_size = depth_of("depth", depth), integer("context_size", context_size, 1)
        hidden = check_sizes("hidden", hidden, at_least_one=True)
        self.depth, self.hidden, self.context_size = depth, hidden, context_size
        self.min_scale, self.activation = number("min_scale", min_scale, above=0), activation
        flows = [(MaskedAutoregressive(hidden, context_size, activation), Reverse()) for _ in range(depth)]
        self.bijector = Invert(Chain([each for flow in flows for each in flow]))
        self.bijector.build((None, *self.event_shape))

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        return (self.bijector,)

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {
            "location": Parameter("element"),
            "raw_scale": Parameter("element"),
            "context": Parameter("example", self.context_size),
        }

    def distribution(self, location: tf.Tensor, raw_scale: tf.Tensor, context: tf.Tensor) -> FlowPosterior:
        normal = tfp.distributions.Normal(location, self.min_scale + softplus(raw_scale))
        return FlowPosterior(self._reinterpreted(normal), self.bijector, context)

    def transform(self, distribution: FlowPosterior, base: tf.Tensor) -> tf.Tensor:
        return distribution.draws_of(distribution.base.mean() + distribution.base.stddev() * base)
