"""The VampPrior: an average of posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import check_event_shape, integer, seed_of_generator
from tfvae.noise import Noise
from tfvae.priors.base import Prior


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
        self.data_shape = check_event_shape(data_shape, "data_shape")
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
        integer("pseudo_inputs", self.pseudo_inputs, 1, len(z), "the number of examples, ")
        self._inputs.assign(z[np.random.default_rng(seed_of_generator(seed)).permutation(len(z))[: self.pseudo_inputs]])
