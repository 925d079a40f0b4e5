"""Families of distributions: from the tensors of a network to a TFP distribution over one whole example.

A family says which parameters it needs, makes the distribution from them, and turns given noise into draws from it.
It owns no variables (`ConditionalDistribution` does), and its event is one whole example, so that `log_prob` of `[S,
B, *event]` is always `[S, B]`.

Parameters arrive in float32 or float64, never in half precision, and the distributions compute in that type.
"""

from __future__ import annotations

import abc
import math
import operator
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

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


class Family(abc.ABC):
    """A family of distributions over examples of one shape.

    Args:
        event_shape: shape of one example, for example `(28, 28, 1)` for images or `(20,)` for latents.
    """

    scores: str
    """What a log probability is about, for the units table: "density", "binary", "levels" or "point"."""

    def __init__(self, event_shape: Sequence[int]):
        self.event_shape = checked_event_shape(event_shape)

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
    ) -> tf.Tensor:
        """Draws from a distribution that this family made, with given noise.

        Args:
            distribution: with batch shape `[B]`.
            noise: where the random numbers come from.
            stream: names this use of them.
            sample_size: None, or the number S of draws for each example.

        Returns:
            `[B, *event]`, or `[S, B, *event]` where `sample_size` is given.
        """
        rows = distribution.batch_shape[0]
        rows = distribution.batch_shape_tensor()[0] if rows is None else rows
        numbers = noise.normal if self.base == "normal" else noise.uniform
        base = numbers(stream, rows, self.event_shape, sample_size)
        return self.transform(distribution, tf.cast(base, distribution.dtype))

    def get_config(self) -> dict[str, Any]:
        return {"event_shape": list(self.event_shape)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Family:
        return cls(**config)

    def _reinterpreted(self, distribution: tfp.distributions.Distribution) -> tfp.distributions.Distribution:
        return tfp.distributions.Independent(distribution, reinterpreted_batch_ndims=len(self.event_shape))


@keras.saving.register_keras_serializable("tfvae")
class Normal(Family):
    """`tfd.Independent(tfd.Normal(location, scale))`: the lecture's q(z|x) and p(x|z).

    Args:
        event_shape: shape of one example.
        scale: where the standard deviation comes from. "pixel": one for each element of each example, from the
            network (posteriors, and the vector sigma of the lecture's text); "image": one for each example, from the
            network (the lecture's formula sigma^2 I); "shared": one learned number for all; a number > 0: fixed.
        min_scale: smallest standard deviation of a learned scale, in units of x. The default is one grey level of
            images in [0, 1]. Without a floor the density of a constant pixel grows without limit.

    A learned scale is `min_scale + softplus(raw_scale)`.
    """

    scores = "density"

    def __init__(self, event_shape: Sequence[int], scale: str | float = "pixel", min_scale: float = 1 / 256):
        super().__init__(event_shape)
        is_number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
        if scale not in ("pixel", "image", "shared") and not (is_number and 0 < float(scale) < math.inf):
            raise ValueError(f'`scale` must be "pixel", "image", "shared" or a number > 0; received {scale!r}.')
        if not 0 < min_scale < math.inf:
            raise ValueError(f"`min_scale` must be > 0; received {min_scale!r}.")
        self.scale, self.min_scale = scale, min_scale

    @property
    def parameters(self) -> dict[str, Parameter]:
        location = {"location": Parameter("element")}
        if self.scale == "pixel":
            return location | {"raw_scale": Parameter("element")}
        if self.scale == "image":
            return location | {"raw_scale": Parameter("example")}
        if self.scale == "shared":
            return location | {"raw_scale": Parameter("model")}
        return location

    def distribution(self, location: tf.Tensor, raw_scale: tf.Tensor | None = None) -> tfp.distributions.Distribution:
        if raw_scale is None:
            scale = tf.constant(self.scale, location.dtype)
        else:
            scale = self.min_scale + tf.math.softplus(raw_scale)
            if self.scale == "image":  # [..., 1] -> [..., 1, 1, 1]
                scale = tf.reshape(scale, tf.concat([tf.shape(scale)[:-1], [1] * len(self.event_shape)], axis=0))
        return self._reinterpreted(tfp.distributions.Normal(location, scale))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.mean() + distribution.stddev() * base

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"scale": self.scale, "min_scale": self.min_scale}


@keras.saving.register_keras_serializable("tfvae")
class FullNormal(Family):
    """`tfd.MultivariateNormalTriL`: a normal with a full covariance matrix, for vectors `(D,)`.

    The scale matrix L (covariance L L') is lower triangular; its diagonal is `min_scale + softplus(.)`.

    Args:
        event_shape: `(D,)`.
        min_scale: smallest entry on the diagonal of L.
    """

    scores = "density"

    def __init__(self, event_shape: Sequence[int], min_scale: float = 1 / 256):
        super().__init__(event_shape)
        if len(self.event_shape) != 1:
            raise ValueError(f"`event_shape` of FullNormal must be one size, (D,); received {self.event_shape}.")
        if not 0 < min_scale < math.inf:
            raise ValueError(f"`min_scale` must be > 0; received {min_scale!r}.")
        self.min_scale = min_scale

    @property
    def parameters(self) -> dict[str, Parameter]:
        triangle = self.event_size * (self.event_size + 1) // 2
        return {"location": Parameter("element"), "raw_scale_tril": Parameter("example", triangle)}

    def distribution(self, location: tf.Tensor, raw_scale_tril: tf.Tensor) -> tfp.distributions.Distribution:
        matrix = tfp.math.fill_triangular(raw_scale_tril)
        diagonal = self.min_scale + tf.math.softplus(tf.linalg.diag_part(matrix))
        return tfp.distributions.MultivariateNormalTriL(location, tf.linalg.set_diag(matrix, diagonal))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.mean() + distribution.scale.matvec(base)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"min_scale": self.min_scale}


@keras.saving.register_keras_serializable("tfvae")
class Bernoulli(Family):
    """`tfd.Independent(tfd.Bernoulli(logits))`, for binarised images. Draws are 0.0 or 1.0 and carry no gradient."""

    scores = "binary"
    base = "uniform"

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"logits": Parameter("element")}

    def distribution(self, logits: tf.Tensor) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.Bernoulli(logits=logits, dtype=logits.dtype))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return tf.cast(base < distribution.mean(), base.dtype)


@keras.saving.register_keras_serializable("tfvae")
class Delta(Family):
    """`tfd.Independent(tfd.Deterministic(location))`: all mass in one point, the code of an autoencoder.

    Its log probability is 0 at the point and -inf elsewhere, so it has no rate: use it with an objective that scores
    the distortion only.
    """

    scores = "point"

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"location": Parameter("element")}

    def distribution(self, location: tf.Tensor) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.Deterministic(location))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return tf.broadcast_to(distribution.mean(), tf.shape(base))


def checked_event_shape(event_shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of an example or a latent as a tuple of ints; ValueError unless it has at least one size, all >= 1."""
    sizes = tuple(operator.index(extent) for extent in event_shape)  # no silent 2.5 -> 2
    if not sizes or min(sizes) < 1:
        raise ValueError(f"`event_shape` must be sizes >= 1, at least one; received {tuple(event_shape)}.")
    return sizes
