"""What is minimised: arithmetic on the per-example numbers of a `Trace`.

Objectives are small frozen objects that Keras can save. They never see a network or a distribution, so they can be
tested on plain arrays, and every model that makes a `Trace` can be trained with every one of them.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

from tfvae._support.checks import integer, real
from tfvae._support.serialization import arguments, config_of
from tfvae.trace import Trace

GRADIENTS = ("plain", "stl", "dreg")


def one_or_each(value: Any) -> tuple[Any, ...]:
    """Returns a tuple of values for the levels as it is, and makes one of a single value for all."""
    return value if isinstance(value, tuple) else (value,)


class Scores(NamedTuple):
    """What an objective says of each example, `[B]` each, in nats.

    Attributes:
        loss: what is minimised.
        elbo: -(distortion + rate), whatever beta, warm-up, free bits or number of samples the loss has; None where
            the objective has no rate.
        distortion: -log p(x|z), averaged over the samples.
        rate: KL(q(z|x) || p(z)), in closed form or averaged over the samples; None where the objective has none.
        path_weights: what the gradient of the loss that reaches the parameters of q through each sample of z is
            multiplied by, `[S, B]`; None where it stays what it is.
    """

    loss: tf.Tensor
    elbo: tf.Tensor | None
    distortion: tf.Tensor
    rate: tf.Tensor | None
    path_weights: tf.Tensor | None = None


class Objective(abc.ABC):
    """Turns a `Trace` into a loss for each example."""

    sample_size: int
    """Number S of latent samples that the model is asked for, for each example."""

    terms: ClassVar[tuple[str, ...]] = ("loss", "elbo", "distortion", "rate")
    """The numbers of `Scores` whose averages a model reports."""

    @abc.abstractmethod
    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        """Scores each example.

        Args:
            trace: numbers `[S, B]` and `[B, D]` from the model.
            step: int64 scalar, the training step, for weights that change in the course of training. None means
                their final value: validation uses it, so that `val_loss` can be compared between epochs.
        """

    def get_config(self) -> dict[str, Any]:
        return config_of(self, *(field.name for field in dataclasses.fields(self)))  # type: ignore[arg-type]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Objective:
        return cls(**arguments(config))


@keras.saving.register_keras_serializable("tfvae")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to `final` in `steps` steps and stays there: a schedule for `ELBO(beta=...)`."""

    def __init__(self, steps: int, final: float = 1.0):
        if not 0 <= real(final) < math.inf:
            raise ValueError(f"`final` must be a number >= 0; received {final!r}.")
        self.steps, self.final = integer("steps", steps, 1), real(final)

    def __call__(self, step: Any) -> tf.Tensor:
        return self.final * tf.minimum(1.0, tf.cast(step, tf.float32) / self.steps)

    def get_config(self) -> dict[str, Any]:
        return {"steps": self.steps, "final": self.final}


# Where a schedule of beta is read for validation: far behind the end of any training, and exact in float32.
_FINAL_STEP = 2**40


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class ELBO(Objective):
    """The evidence lower bound: log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z)).

        loss = distortion + beta * rate,  distortion = -1/S sum_s log p(x|z_s),  z_s ~ q(z|x)

    Args:
        beta: weight of the rate (1: the bound itself). A number >= 0, or a Keras schedule of the training step such
            as `WarmUp(5000)`; validation uses its final value. Of several levels of latents one for all, or a tuple
            with one for each, the lowest first.
        sample_size: number S of samples for each example; 1 is usual.
        analytic_kl: True: the rate in closed form, for pairs of distributions for which TFP has one. False: the rate
            averaged over the same samples, log q(z|x) - log p(z), for any pair.
        free_bits: nats >= 0 that each latent dimension of each example may cost before it is charged: the loss sums
            max(KL_d, free_bits) over dimensions d (per example and dimension, not averaged over the batch first).
            Needs the closed form. One number, or a tuple as for `beta`.

    `elbo`, `distortion` and `rate` are those of beta = 1 and no free bits, always.

    Source: Kingma and Welling 2013 (arXiv:1312.6114); beta: Higgins et al. 2017; free bits: Kingma et al. 2016
    (arXiv:1606.04934), who apply the floor to groups of dimensions after averaging over the minibatch.
    """

    beta: Any = 1.0
    sample_size: int = 1
    analytic_kl: bool = True
    free_bits: Any = 0.0

    def __post_init__(self) -> None:
        _check_sample_size(self)
        for name in ("beta", "free_bits"):
            given = getattr(self, name)  # a list, where Keras has saved a tuple
            found = tuple(map(_plain, given)) if isinstance(given, (list, tuple)) else _plain(given)
            object.__setattr__(self, name, found)
        for beta in one_or_each(self.beta):
            if not _is_schedule(beta) and not 0 <= real(beta) < math.inf:
                raise ValueError(f"`beta` must be a number >= 0 or a Keras schedule; received {beta!r}.")
        for floor in one_or_each(self.free_bits):
            if not 0 <= real(floor) < math.inf:
                raise ValueError(f"`free_bits` must be >= 0 nats; received {floor!r}.")
        if any(one_or_each(self.free_bits)) and not self.analytic_kl:
            raise ValueError("`free_bits` is a floor for each latent dimension and needs `analytic_kl=True`.")

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        distortion = _distortion(trace)
        levels = len(trace.latents)
        if self.analytic_kl:
            kl = [_required_kl(latent.kl) for latent in trace.latents]
            floors = by_level("free_bits", self.free_bits, levels)
            rates = [tf.reduce_sum(each, axis=-1) for each in kl]
            charged = [tf.reduce_sum(tf.maximum(each, floor), axis=-1) for each, floor in zip(kl, floors, strict=True)]
        else:
            rates = charged = _sampled_rates(trace)
        betas = (self._at(beta, step) for beta in by_level("beta", self.beta, levels))
        weighted = [tf.cast(beta, each.dtype) * each for beta, each in zip(betas, charged, strict=True)]
        rate = _total(rates, distortion)
        loss = distortion + _total(weighted, distortion)
        return Scores(loss=loss, elbo=-(distortion + rate), distortion=distortion, rate=rate)

    def _at(self, beta: Any, step: Any) -> Any:
        if _is_schedule(beta):
            return beta(tf.constant(_FINAL_STEP, tf.int64) if step is None else step)
        return beta


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class ImportanceWeighted(Objective):
    """The importance-weighted bound: log p(x) >= E[log 1/S sum_s w_s] >= ELBO, with w_s = p(x, z_s) / q(z_s|x).

        loss = -(logsumexp_s log w_s - log S)

    `elbo`, `distortion` and `rate` are averages over the same samples, so that `-loss` can be compared with `elbo`.

    Args:
        sample_size: number S of samples for each example; with 1 this is the ELBO with a sampled rate.
        gradient: how the gradient for the parameters of q is estimated; the decoder's and the prior's is the same.
            With v_s = w_s / sum_r w_r:
            "plain": of the bound as it stands. Its noise drowns its signal as S grows.
            "stl": sum_s v_s dlog w_s/dz_s dz_s/dphi ("sticking the landing"), without the score of q. Unbiased for
            S = 1 only.
            "dreg": sum_s v_s^2 dlog w_s/dz_s dz_s/dphi (doubly reparameterised). Unbiased; of one group of latents.
            Both are exactly 0 where q is the posterior, whatever the samples.

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv:1509.00519); stl: Roeder, Wu and Duvenaud 2017
    (arXiv:1703.09194); dreg: Tucker, Lawson, Gu and Maddison 2018 (arXiv:1810.04152).
    """

    sample_size: int = 50
    gradient: str = "plain"

    def __post_init__(self) -> None:
        _check_sample_size(self)
        if self.gradient not in GRADIENTS:
            raise ValueError(
                f"`gradient` must be one of {', '.join(map(repr, GRADIENTS))}; received {self.gradient!r}."
            )

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        del step  # nothing here changes in the course of training
        distortion = _distortion(trace)
        rate = _total(_sampled_rates(trace), distortion)
        log_w = log_weights(trace, through_z_only=self.gradient != "plain")
        loss = -importance_weighted_bound(log_w)
        path_weights = None
        if self.gradient == "dreg":
            if len(trace.latents) > 1:
                raise ValueError('`gradient="dreg"` is for models with one group of latents; use "plain" or "stl".')
            path_weights = tf.stop_gradient(tf.nn.softmax(log_w, axis=0))
        return Scores(loss, -(distortion + rate), distortion, rate, path_weights)


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class Distortion(Objective):
    """What the model scores of x, and nothing else: -log p(x) of a density, the squared error of an autoencoder.

        loss = -1/S sum_s log p(x|z_s)

    It has no rate and so no ELBO: the latents may hold as much of x as they can.

    Args:
        sample_size: number S of samples for each example; 1 where the model has no noise of its own.
    """

    sample_size: int = 1

    terms = ("loss",)

    def __post_init__(self) -> None:
        _check_sample_size(self)

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        del step  # nothing here changes in the course of training
        distortion = _distortion(trace)
        return Scores(loss=distortion, elbo=None, distortion=distortion, rate=None)


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class NaiveAverage(Objective):
    """The average of p(x|z) over draws from the prior: log p(x) >= E[log 1/L sum_l p(x|z_l)], z_l ~ p(z).

        loss = -(logsumexp_l log p(x|z_l) - log L)

    Args:
        sample_size: number L of draws.
    """

    sample_size: int = 1000

    terms = ("loss",)

    def __post_init__(self) -> None:
        _check_sample_size(self)

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        del step  # nothing here changes in the course of training
        loss = -importance_weighted_bound(trace.log_px_z)
        return Scores(loss=loss, elbo=None, distortion=_distortion(trace), rate=None)


def log_weights(trace: Trace, through_z_only: bool = False) -> tf.Tensor:
    """log w = log p(x|z) + sum over latents of log p(z) - log q(z|x), in nats, `[S, B]`.

    Args:
        trace: of a model.
        through_z_only: the same numbers, whose gradient reaches the parameters of q through z only.
    """
    if through_z_only and any(each.log_q_stopped is None for each in trace.latents):
        raise ValueError("log q(z|x) of a flow is not to be had without its parameters: use a plain gradient.")
    ratios = [each.log_p - (each.log_q_stopped if through_z_only else each.log_q) for each in trace.latents]
    return trace.log_px_z + _total(ratios, trace.log_px_z)


def importance_weighted_bound(log_w: tf.Tensor) -> tf.Tensor:
    """log of the mean of exp(log_w) over its first axis: `[S, B]` -> `[B]`."""
    sample_size = tf.cast(tf.shape(log_w)[0], log_w.dtype)
    return tf.reduce_logsumexp(log_w, axis=0) - tf.math.log(sample_size)


def _distortion(trace: Trace) -> tf.Tensor:
    return -tf.reduce_mean(trace.log_px_z, axis=0)


def _sampled_rates(trace: Trace) -> list[tf.Tensor]:
    """Of each level."""
    return [tf.reduce_mean(latent.log_q - latent.log_p, axis=0) for latent in trace.latents]


def by_level(name: str, value: Any, levels: int) -> tuple[Any, ...]:
    """A value for each level, of one for all or of a tuple.

    Raises:
        ValueError: the tuple has another number of values.
    """
    if not isinstance(value, tuple):
        return (value,) * levels
    if len(value) != levels:
        needed = "" if levels == 1 else f", or one for each of the {levels} levels"
        raise ValueError(f"`{name}` must be one value{needed}; received {len(value)}.")
    return value


def _total(terms: list[tf.Tensor], like: tf.Tensor) -> tf.Tensor:
    """Sum of the terms; zeros where there are none (a model without latents)."""
    return tf.add_n(terms) if terms else tf.zeros_like(like)


def _required_kl(kl: tf.Tensor | None) -> tf.Tensor:
    if kl is None:
        raise ValueError(
            "TFP has no closed-form KL divergence for this posterior and prior; "
            "use `ELBO(analytic_kl=False)`, which averages log q(z|x) - log p(z) over the samples."
        )
    return kl


def _check_sample_size(objective: Objective) -> None:
    object.__setattr__(objective, "sample_size", integer("sample_size", objective.sample_size, 1))


def _is_schedule(beta: Any) -> bool:
    return isinstance(beta, keras.optimizers.schedules.LearningRateSchedule)


def _plain(value: Any) -> Any:
    """A number as a Python number, which JSON can hold, and anything else as it is."""
    number = real(value)
    return value if math.isnan(number) else number
