"""Priors p(z): Keras layers that make a distribution afresh at each call and own its parameters, if it has any."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import check_event_shape
from tfvae._support.configured import Configured
from tfvae._support.precision import at_least_float32
from tfvae.noise import Noise


class Prior(Configured, keras.layers.Layer, abc.ABC):
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
        self.event_shape = check_event_shape(event_shape)
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
