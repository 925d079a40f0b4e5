"""An objective, its scores, and sums that several objectives share."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf

from tfvae._support.checks import samples_of
from tfvae._support.configured import Configured
from tfvae.trace import Trace


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


class Objective(Configured, abc.ABC):
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


def log_weights(trace: Trace, through_z_only: bool = False) -> tf.Tensor:
    """log w = log p(x|z) + sum over latents of log p(z) - log q(z|x), in nats, `[S, B]`.

    Args:
        trace: of a model.
        through_z_only: the same numbers, whose gradient reaches the parameters of q through z only.
    """
    if through_z_only and any(each.log_q_stopped is None for each in trace.latents):
        raise ValueError("log q(z|x) of a flow is not to be had without its parameters: use a plain gradient.")
    ratios = [each.log_p - (each.log_q_stopped if through_z_only else each.log_q) for each in trace.latents]
    return trace.log_px_z + total(ratios, trace.log_px_z)


def importance_weighted_bound(log_w: tf.Tensor) -> tf.Tensor:
    """log of the mean of exp(log_w) over its first axis: `[S, B]` -> `[B]`."""
    sample_size = tf.cast(tf.shape(log_w)[0], log_w.dtype)
    return tf.reduce_logsumexp(log_w, axis=0) - tf.math.log(sample_size)


def mean_distortion(trace: Trace) -> tf.Tensor:
    return -tf.reduce_mean(trace.log_px_z, axis=0)


def sampled_rates(trace: Trace) -> list[tf.Tensor]:
    """Of each level."""
    return [tf.reduce_mean(latent.log_q - latent.log_p, axis=0) for latent in trace.latents]


def total(terms: list[tf.Tensor], like: tf.Tensor) -> tf.Tensor:
    """Sum of the terms; zeros where there are none (a model without latents)."""
    return tf.add_n(terms) if terms else tf.zeros_like(like)


def check_sample_size(objective: Objective) -> None:
    object.__setattr__(objective, "sample_size", samples_of("sample_size", objective.sample_size))
