"""What VAEs of one level of latents and of several share: a prior p(z) and a decoder."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.conditional import ConditionalDistribution
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.noise import Noise
from tfvae.priors import Prior
from tfvae.trace import Inferred, Trace, latent


class LatentVariableModel(UnsupervisedModel):
    """A model of x by latents z ~ p(z), whose decoder gives p(x|z) and whose call p(x|z) at the z that x stands for."""

    decoder: ConditionalDistribution
    prior: Prior

    @abc.abstractmethod
    def inferred_with(
        self, x: tf.Tensor, noise: Noise, sample_size: int, training: bool | None, z: tf.Tensor | None
    ) -> tuple[list[Inferred], tf.Tensor]:
        """The latents of preprocessed examples, of each level, the lowest first; and what the decoder takes.

        Args:
            x, noise, sample_size, training, z: see `trace_of`.
        """

    def groups(
        self, x: tf.Tensor, noise: Noise, sample_size: int, training: bool | None = None, z: tf.Tensor | None = None
    ) -> list[Inferred]:
        """The latents of preprocessed examples `[B, *data]`, one group for each level: S draws from q, or `z`.

        Args:
            x, noise, sample_size, training, z: see `trace_of`.
        """
        return self.inferred_with(x, noise, sample_size, training, z)[0]

    def trace_of(
        self,
        x: tf.Tensor,
        noise: Noise,
        sample_size: int = 1,
        y: Any = None,
        training: bool = False,
        z: tf.Tensor | None = None,
    ) -> Trace:
        """See `UnsupervisedModel.trace_of`; `z`, latents `[S, B, *latent]`, may be given in place of draws from q."""
        groups, context = self.inferred_with(x, noise, sample_size, training, z)
        likelihood = self.decoder(context, training=training)
        return Trace(log_px_z=likelihood.log_prob(x), latents=tuple(latent(*each) for each in groups))

    @property
    def latent_shape(self) -> tuple[int, ...]:
        return self.decoder.input_event_shape

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        return self.decoder(z)

    @property
    def starts_from_data(self) -> bool:  # type: ignore[override]
        return self.prior.data_shape is not None

    def start_at(self, x: Any, seed: int = 0) -> None:
        if self.starts_from_data:
            self.prior.start_at(np.asarray(self.preprocess.grey(x)), seed)

    def views(self, raw: Any) -> dict[str, tf.Tensor]:
        return {"image": self.representative(raw), f"reconstruction{self.mean_note}": self(raw).mean()}

    def _check_prior(self, prior: Prior) -> None:
        """ValueError if the prior is made of examples of another shape."""
        if prior.data_shape not in (None, self.data_shape):
            raise ValueError(f"`prior` has pseudo-inputs of shape {prior.data_shape}, the data {self.data_shape}.")
