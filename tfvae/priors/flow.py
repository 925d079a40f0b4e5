"""A flow as a distribution with learned weights: a prior p(z), or in `Density` p(x) itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import check_kind, integer, number
from tfvae.bijectors import Bijector
from tfvae.bijectors.transformed import Transformed
from tfvae.noise import Noise
from tfvae.priors.base import Prior


@keras.saving.register_keras_serializable("tfvae")
class Flow(Prior):
    """Examples whose image under a bijector is standard normal; its log density is exact, its draws are its inverse.

        log p(x) = log N(f(x); 0, I) + log |det df/dx|

    There is no closed form of the KL divergence from it: use `ELBO(analytic_kl=False)`.

    Args:
        event_shape: shape of one example.
        bijector: f, from examples to latents; see `bijectors.realnvp` and its neighbours.

    Raises:
        TypeError: `bijector` is none.
        ValueError: it is not for examples of this shape.
    """

    def __init__(self, event_shape: Sequence[int], bijector: Bijector, name: str | None = None):
        super().__init__(event_shape, name=name)
        check_kind("bijector", bijector, Bijector)
        self.bijector = bijector
        bijector.build((None, *self.event_shape))

    def distribution(self, encoder: Any = None) -> tfp.distributions.Distribution:
        zeros = tf.zeros(self.bijector.latent_shape, self.compute_dtype)
        normal = tfp.distributions.Normal(zeros, tf.ones_like(zeros))
        base = tfp.distributions.Independent(normal, len(self.bijector.latent_shape))
        return Transformed(base, self.bijector)

    def draw(self, encoder: Any, noise: Noise, rows: Any, temperature: float = 1.0) -> tf.Tensor:
        """Draws with given noise; at a temperature T they are images of N(0, T^2 I).

        Below T = 1 images look cleaner and differ less from each other: they are no draws from p(x) any more.

        Args:
            encoder: not used.
            noise: where the random numbers come from.
            rows: number of draws.
            temperature: T >= 0.

        Raises:
            ValueError: the temperature is out of range.

        Source: Kingma and Dhariwal 2018, arXiv:1807.03039, who scale the base in the same way.
        """
        z = tf.cast(noise.normal("prior", rows, self.bijector.latent_shape), self.compute_dtype)
        return self.bijector.inverse(float(number("temperature", temperature, least=0)) * z)[0]

    def start_at(self, x: np.ndarray, seed: int = 0) -> None:
        self.bijector.start_at(tf.cast(x, self.compute_dtype))

    def interpolate(self, start: Any, end: Any, steps: int = 9) -> tf.Tensor:
        """Examples on the way from one to another: images of points on a straight line between their latents.

        Args:
            start, end: examples `[B, *event]`.
            steps: number n >= 2 of points, both ends among them.

        Returns:
            `[B, n, *event]`; the ends are the given examples, to the rounding of the inverse.

        Raises:
            ValueError: `steps` is below 2.

        Source: Kingma and Dhariwal 2018, arXiv:1807.03039 (between two real images).
        """
        steps = integer("steps", steps, 2)
        one, other = (self.bijector.forward(tf.cast(each, self.compute_dtype))[0] for each in (start, end))
        share = tf.reshape(tf.linspace(tf.zeros((), one.dtype), 1.0, steps), [1, steps, *[1] * (one.shape.rank - 1)])
        z = (1 - share) * one[:, tf.newaxis] + share * other[:, tf.newaxis]
        x = self.bijector.inverse(tf.reshape(z, [-1, *self.bijector.latent_shape]))[0]
        return tf.reshape(x, [-1, steps, *self.event_shape])
