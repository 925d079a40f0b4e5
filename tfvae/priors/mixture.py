"""A mixture of normals, as a prior or as a model of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import integer, number, seed_of_generator
from tfvae._support.softplus import softplus
from tfvae.noise import Noise
from tfvae.priors.base import Prior


@keras.saving.register_keras_serializable("tfvae")
class MixtureOfNormals(Prior):
    """A mixture of K normals with learned weights, as a prior p(z) or, in `Density`, as p(x) itself.

        p(z) = sum_k w_k N(z; mu_k, diag(s_k^2) + F_k F_k')

    TFP has no closed form for the KL divergence from it: use `ELBO(analytic_kl=False)`.

    Args:
        event_shape: shape of one example.
        components: number K >= 1.
        rank: columns R of each factor F_k, `[D, R]`; 0 for diagonal covariances.
        min_scale: smallest s, in units of z. Without a floor a component that sits on one example has a density
            without limit.
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        components: int = 10,
        rank: int = 0,
        min_scale: float = 1 / 256,
        name: str | None = None,
    ):
        super().__init__(event_shape, name=name)
        components, rank = integer("components", components, 1), integer("rank", rank, 0)
        self.components, self.rank, self.min_scale = components, rank, number("min_scale", min_scale, above=0)
        size = math.prod(self.event_shape)
        if rank >= size:
            raise ValueError(f"`rank` must be below the {size} elements of an example; received {rank}.")
        self._logits = self.add_weight(shape=(components,), initializer="zeros", name="logits")
        self._means = self.add_weight(shape=(components, size), initializer="random_normal", name="means")
        self._raw_scales = self.add_weight(shape=(components, size), initializer="zeros", name="raw_scales")
        if rank:
            self._factors = self.add_weight(
                shape=(components, size, rank), initializer=keras.initializers.RandomNormal(stddev=0.01), name="factors"
            )

    def distribution(self, encoder: Any = None) -> tfp.distributions.Distribution:
        mixture = tfp.distributions.MixtureSameFamily(
            tfp.distributions.Categorical(logits=self._logits.value), self._normals()
        )
        if len(self.event_shape) == 1:
            return mixture
        return tfp.distributions.TransformedDistribution(mixture, tfp.bijectors.Reshape(self.event_shape))

    def draw(self, encoder: Any, noise: Noise, rows: Any) -> tf.Tensor:
        below = tf.cumsum(tf.nn.softmax(self._logits.value))[:-1]
        component = tf.searchsorted(below, tf.cast(noise.uniform("component", rows, ()), below.dtype), side="right")
        size = math.prod(self.event_shape)
        base = tf.cast(noise.normal("prior", rows, (size,)), below.dtype)
        z = tf.gather(self._means.value, component) + tf.gather(self._scales(), component) * base
        if self.rank:
            shared = tf.cast(noise.normal("factor", rows, (self.rank,)), below.dtype)
            z += tf.linalg.matvec(tf.gather(self._factors.value, component), shared)
        return tf.reshape(z, [-1, *self.event_shape])

    def responsibilities(self, z: Any) -> tf.Tensor:
        """The probability of each component given an example: `[B, *event]` -> `[B, K]`."""
        flat = tf.reshape(z, [tf.shape(z)[0], 1, -1])
        log_joint = self._normals().log_prob(flat) + tf.nn.log_softmax(self._logits.value)
        return tf.nn.softmax(log_joint, axis=1)

    def start_at(self, z: np.ndarray, seed: int = 0) -> None:
        """Puts a component on each cluster that scikit-learn's k-means finds: its share, mean and standard deviations.

        Args:
            z: examples `[N, *event]`.
            seed: of k-means.

        Raises:
            ValueError: there are fewer examples than components.
        """
        from sklearn.cluster import KMeans

        z = np.reshape(np.asarray(z), [len(z), -1])
        integer("components", self.components, 1, len(z), "the number of examples, ")
        found = KMeans(self.components, n_init=1, random_state=seed_of_generator(seed)).fit(z)
        members = [z[found.labels_ == component] for component in range(self.components)]
        # A cluster of one example has no spread: it gets that of all.
        scales = np.stack([np.std(each if len(each) > 1 else z, axis=0) for each in members])
        self._means.assign(found.cluster_centers_)
        self._raw_scales.assign(_softplus_inverse(np.maximum(scales - self.min_scale, 1e-3)))
        self._logits.assign(np.log([len(each) / len(z) for each in members]))

    def _normals(self) -> tfp.distributions.Distribution:
        means, scales = self._means.value, self._scales()
        if self.rank:
            return tfp.distributions.MultivariateNormalDiagPlusLowRankCovariance(
                means, cov_diag_factor=scales**2, cov_perturb_factor=self._factors.value
            )
        return tfp.distributions.Independent(tfp.distributions.Normal(means, scales), 1)

    def _scales(self) -> tf.Tensor:
        return self.min_scale + softplus(self._raw_scales.value)


def _softplus_inverse(y: np.ndarray) -> np.ndarray:
    return y + np.log(-np.expm1(-y))
