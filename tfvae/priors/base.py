"""Priors p(z): Keras layers that make a distribution afresh at each call and own its parameters, if it has any."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import integer, real, seed_of_generator
from tfvae._support.precision import at_least_float32
from tfvae._support.softplus import softplus
from tfvae.families import checked_event_shape
from tfvae.noise import Noise


class Prior(keras.layers.Layer, abc.ABC):
    """A distribution over the latents, or in `Density` over the data.

    Args:
        event_shape: shape of one latent, for example `(20,)`.
    """

    scores = "density"
    """What a log probability is about, as for a `Family`."""

    data_shape: tuple[int, ...] | None = None
    """Shape of an example, of a prior that is made of q(z|x) of examples of its own; None of all others."""

    def __init__(self, event_shape: Sequence[int], name: str | None = None):
        super().__init__(name=name, dtype=at_least_float32())
        self.event_shape = checked_event_shape(event_shape)
        self.built = True  # a prior is never called, so Keras would never build it

    @abc.abstractmethod
    def distribution(self, encoder: keras.Model) -> tfp.distributions.Distribution:
        """p(z), batch shape `[]`. The model passes its encoder, for priors that are made of posteriors."""

    @abc.abstractmethod
    def draw(self, encoder: keras.Model, noise: Noise, rows: Any) -> tf.Tensor:
        """Draws from `distribution(encoder)` with given noise: `[rows, *event]`."""

    def start_at(self, z: np.ndarray, seed: int = 0) -> None:
        """Sets the weights that training starts from by examples `[N, *event]`. Mostly nothing is.

        Args:
            z: examples.
            seed: of what is random in that.
        """

    def get_config(self) -> dict[str, Any]:
        return {"event_shape": list(self.event_shape), "name": self.name}


@keras.saving.register_keras_serializable("tfvae")
class StandardNormal(Prior):
    """p(z) = N(0, I), as `tfd.Independent(tfd.Normal)`: TFP knows the KL divergence of a diagonal normal from it."""

    def distribution(self, encoder: keras.Model) -> tfp.distributions.Distribution:
        zeros = tf.zeros(self.event_shape, self.compute_dtype)
        return tfp.distributions.Independent(
            tfp.distributions.Normal(zeros, tf.ones_like(zeros)), reinterpreted_batch_ndims=len(self.event_shape)
        )

    def draw(self, encoder: keras.Model, noise: Noise, rows: Any) -> tf.Tensor:
        return tf.cast(noise.normal("prior", rows, self.event_shape), self.compute_dtype)


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
        if not 0 < real(min_scale) < math.inf:
            raise ValueError(f"`min_scale` must be a number > 0; received {min_scale!r}.")
        self.components, self.rank, self.min_scale = components, rank, real(min_scale)
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
        _check_enough("components", self.components, z)
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

    def get_config(self) -> dict[str, Any]:
        more = {"components": self.components, "rank": self.rank, "min_scale": self.min_scale}
        return super().get_config() | more


@keras.saving.register_keras_serializable("tfvae")
class VampPrior(Prior):
    """The average of the posteriors of K pseudo-inputs u_k, which are learned: a mixture that moves with the encoder.

        p(z) = 1/K sum_k q(z|u_k)

    With all training examples as pseudo-inputs it would be the aggregate posterior, the best of all priors for the
    ELBO; K of them, which need not look like data, are what one can afford: each step also encodes them. TFP has no
    closed form for the KL divergence from it: use `ELBO(analytic_kl=False)`. The encoder encodes pseudo-inputs as it
    does outside training, which matters for layers that differ, such as dropout.

    Args:
        event_shape: shape of a latent.
        data_shape: shape of an example, as the encoder sees it.
        pseudo_inputs: number K >= 1 of them.

    Source: Tomczak and Welling 2018, arXiv:1705.07120; without their bounds on the elements of pseudo-inputs.
    """

    def __init__(
        self, event_shape: Sequence[int], data_shape: Sequence[int], pseudo_inputs: int = 500, name: str | None = None
    ):
        super().__init__(event_shape, name=name)
        self.data_shape = checked_event_shape(data_shape)
        self.pseudo_inputs = pseudo_inputs = integer("pseudo_inputs", pseudo_inputs, 1)
        self._inputs = self.add_weight(
            shape=(pseudo_inputs, *self.data_shape),
            initializer=keras.initializers.RandomNormal(0.5, 0.1),
            name="pseudo_inputs",
        )

    def distribution(self, encoder: keras.Model) -> tfp.distributions.Distribution:
        equal = tfp.distributions.Categorical(logits=tf.zeros(self.pseudo_inputs, self.compute_dtype))
        return tfp.distributions.MixtureSameFamily(equal, encoder(self._inputs.value))

    def draw(self, encoder: Any, noise: Noise, rows: Any) -> tf.Tensor:
        uniform = noise.uniform("component", rows, ())
        component = tf.minimum(tf.cast(uniform * self.pseudo_inputs, tf.int32), self.pseudo_inputs - 1)
        posterior = encoder(tf.gather(self._inputs.value, component))
        return encoder.family.draw(posterior, noise, "prior")

    def start_at(self, z: np.ndarray, seed: int = 0) -> None:
        """Puts each pseudo-input on another example.

        Args:
            z: examples of the data and not of latents, `[N, *data]`, as the encoder sees them.
            seed: of the choice.

        Raises:
            ValueError: there are fewer examples than pseudo-inputs, or they have another shape.
        """
        if np.shape(z)[1:] != self.data_shape:
            raise ValueError(f"The pseudo-inputs have shape {self.data_shape}, the examples {np.shape(z)[1:]}.")
        _check_enough("pseudo_inputs", self.pseudo_inputs, z)
        self._inputs.assign(z[np.random.default_rng(seed_of_generator(seed)).permutation(len(z))[: self.pseudo_inputs]])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"data_shape": list(self._inputs.shape[1:]), "pseudo_inputs": self.pseudo_inputs}


def _check_enough(name: str, number: int, examples: np.ndarray) -> None:
    if len(examples) < number:
        raise ValueError(
            f"`{name}` must not be more than the examples; set it to {len(examples)} or fewer. Received {number}."
        )


def _softplus_inverse(y: np.ndarray) -> np.ndarray:
    return y + np.log(-np.expm1(-y))
