"""The evidence lower bound."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.checks import number
from tfvae.objectives.base import Objective, Scores, check_sample_size, mean_distortion, sampled_rates, total
from tfvae.trace import Trace

# Where a schedule of beta is read for validation: far behind the end of any training, and exact in float32.
_FINAL_STEP = 2**40


def one_or_each(value: Any) -> tuple[Any, ...]:
    """Returns a tuple of values for the levels as it is, and makes one of a single value for all."""
    return value if isinstance(value, tuple) else (value,)


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
        check_sample_size(self)
        for name, check in (("beta", _weight), ("free_bits", _floor)):
            given = getattr(self, name)  # a list, where Keras has saved a tuple
            found = tuple(map(check, given)) if isinstance(given, (list, tuple)) else check(given)
            object.__setattr__(self, name, found)
        if any(one_or_each(self.free_bits)) and not self.analytic_kl:
            raise ValueError("`free_bits` is a floor for each latent dimension and needs `analytic_kl=True`.")

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        distortion = mean_distortion(trace)
        levels = len(trace.latents)
        if self.analytic_kl:
            kl = [_required_kl(latent.kl) for latent in trace.latents]
            floors = by_level("free_bits", self.free_bits, levels)
            rates = [tf.reduce_sum(each, axis=-1) for each in kl]
            charged = [tf.reduce_sum(tf.maximum(each, floor), axis=-1) for each, floor in zip(kl, floors, strict=True)]
        else:
            rates = charged = sampled_rates(trace)
        betas = (self._at(beta, step) for beta in by_level("beta", self.beta, levels))
        weighted = [tf.cast(beta, each.dtype) * each for beta, each in zip(betas, charged, strict=True)]
        rate = total(rates, distortion)
        loss = distortion + total(weighted, distortion)
        return Scores(loss=loss, elbo=-(distortion + rate), distortion=distortion, rate=rate)

    def _at(self, beta: Any, step: Any) -> Any:
        if _is_schedule(beta):
            return beta(tf.constant(_FINAL_STEP, tf.int64) if step is None else step)
        return beta


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


def _required_kl(kl: tf.Tensor | None) -> tf.Tensor:
    if kl is None:
        raise ValueError(
            "TFP has no closed-form KL divergence for this posterior and prior; "
            "use `ELBO(analytic_kl=False)`, which averages log q(z|x) - log p(z) over the samples."
        )
    return kl


def _is_schedule(beta: Any) -> bool:
    return isinstance(beta, keras.optimizers.schedules.LearningRateSchedule)


def _weight(beta: Any) -> Any:
    return beta if _is_schedule(beta) else number("beta", beta, least=0, otherwise="a Keras schedule")


def _floor(nats: Any) -> float:
    return number("free_bits", nats, least=0)
