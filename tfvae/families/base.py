"""What a family of distributions is.

A family says which parameters it needs, makes the distribution from them, and turns given noise into draws from it.
It owns no variables (`ConditionalDistribution` does), and its event is one whole example, so that `log_prob` of `[S,
B, *event]` is always `[S, B]`.

Parameters arrive in float32 or float64, never in half precision, and the distributions compute in that type.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import check_event_shape
from tfvae._support.configured import Configured
from tfvae.families.independent import Independent
from tfvae.noise import Noise


class Parameter(NamedTuple):
    """A parameter that a family needs.

    Attributes:
        per: "element": one for each element of the event, `[..., *event]`; "example": given by the network once for
            each example, `[..., size]`; "model": a free variable, the same for all examples, `[size]`.
        size: how many; for "element", more than one adds a last axis, `[..., *event, size]`.
    """

    per: Literal["element", "example", "model"]
    size: int = 1


class Family(Configured, abc.ABC):
    """A family of distributions over examples of one shape.

    Args:
        event_shape: shape of one example, for example `(28, 28, 1)` for images or `(20,)` for latents.
    """

    scores: str
    """What a log probability is about, for the units table: "density", "binary" (of grey values it is a cross entropy),
    "bits" (0 and 1 only), "levels" or "point"."""

    def __init__(self, event_shape: Sequence[int]):
        self.event_shape = check_event_shape(event_shape)

    @property
    def event_size(self) -> int:
        """Number of elements of one example."""
        return math.prod(self.event_shape)

    @property
    @abc.abstractmethod
    def parameters(self) -> dict[str, Parameter]:
        """What `distribution` takes, by name."""

    @abc.abstractmethod
    def distribution(self, *args: Any, **parameters: Any) -> tfp.distributions.Distribution:
        """The distribution for given parameters, which come by name as in `parameters`.

        Event shape `event_shape`, batch shape the axes of the parameters before it.
        """

    def parameters_at(self, mean: np.ndarray) -> dict[str, np.ndarray]:
        """The parameters for each element, `[*event]`, of a distribution with about this mean `[*event]`.

        For a decoder to start there. Parameters that do not move the mean are left out.

        Raises:
            NotImplementedError: the family does not say.
        """
        raise NotImplementedError(f"`{type(self).__name__}` does not say for which parameters it has a given mean.")

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        """Layers with weights that the distribution itself has; `ConditionalDistribution` owns them. Mostly none."""
        return ()

    base: Literal["normal", "uniform"] = "normal"
    """The noise that `transform` turns into draws: standard normal, or uniform on (0, 1)."""

    @abc.abstractmethod
    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        """Draws from a distribution that this family made, as a function of noise of the kind `base`.

        Where the family is continuous this is the reparameterisation that gradients flow through.

        Args:
            distribution: with batch shape `[B]`.
            base: `[B, *event]` or `[S, B, *event]`, in the distribution's dtype; the result has its shape.
        """

    def draw(
        self,
        distribution: tfp.distributions.Distribution,
        noise: Noise,
        stream: str,
        sample_size: int | None = None,
        rows: Any = None,
    ) -> tf.Tensor:
        """Draws from a distribution that this family made, with given noise.

        Args:
            distribution: with batch shape `[B]`; or `[S, B]`, of which each gives one draw.
            noise: where the random numbers come from.
            stream: names this use of them.
            sample_size: None, or the number S of draws for each example.
            rows: B, where a single distribution gives them all.

        Returns:
            `[B, *event]`, or `[S, B, *event]` where `sample_size` is given.
        """
        if rows is None:
            rows = distribution.batch_shape[-1]
            rows = distribution.batch_shape_tensor()[-1] if rows is None else rows
        numbers = noise.normal if self.base == "normal" else noise.uniform
        base = numbers(stream, rows, self.event_shape, sample_size)
        return self.transform(distribution, tf.cast(base, distribution.dtype))

    mean_note = ""
    """What the name of a picture or output that shows `mean` has to add, where that is no plain mean."""

    def mean(self, distribution: tfp.distributions.Distribution, noise: Noise, stream: str) -> tf.Tensor:
        """The mean of a distribution that this family made, `[B, *event]`; noise is for families that estimate it.

        Args:
            distribution: with batch shape `[B]`.
            noise, stream: see `draw`.
        """
        del noise, stream
        return distribution.mean()

    def _reinterpreted(self, distribution: tfp.distributions.Distribution) -> tfp.distributions.Distribution:
        return Independent(distribution, reinterpreted_batch_ndims=len(self.event_shape))
