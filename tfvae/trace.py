"""What a model hands to an objective: numbers for every sample and example, and no distributions."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.bijectors.transformed import Transformed


class Latent(NamedTuple):
    """One group of latent variables of a `Trace`.

    Attributes:
        z: the draw, `[S, B, *event]`.
        log_q: log q(z|x) in nats, `[S, B]`.
        log_q_stopped: the same number, but its gradient flows through z only and not through the parameters of q
            (what the STL and DReG gradient estimators need), `[S, B]`; None for a flow, whose weights are in variables.
        log_p: log p(z) in nats, `[S, B]`.
        kl: KL(q(z|x) || p(z)) in nats for each dimension, `[B, D]`, where TFP has the closed form, else None.
            `[B, 1]` where the closed form does not split into dimensions.
    """

    z: tf.Tensor
    log_q: tf.Tensor
    log_q_stopped: tf.Tensor | None
    log_p: tf.Tensor
    kl: tf.Tensor | None


class Trace(NamedTuple):
    """One pass of S samples for each of B examples through a latent-variable model.

    Attributes:
        log_px_z: log p(x|z) in nats (whatever the units table lets it be called), `[S, B]`.
        latents: one `Latent` for each group of latent variables; empty for a model without any, whose `log_px_z`
            then is log p(x).
    """

    log_px_z: tf.Tensor
    latents: tuple[Latent, ...]


class Inferred(NamedTuple):
    """The latents of one group for some examples, before they become numbers.

    Attributes:
        z: `[S, B, *latent]`, or `[B, *latent]`.
        posterior: q(z|x), or q of z given x and the groups that were inferred before; batch shape `[B]` or `[S, B]`.
        prior: p(z), or p of z given the groups above; batch shape `[]`, `[B]` or `[S, B]`.
    """

    z: tf.Tensor
    posterior: tfp.distributions.Distribution
    prior: tfp.distributions.Distribution


def latent(z: tf.Tensor, posterior: tfp.distributions.Distribution, prior: tfp.distributions.Distribution) -> Latent:
    """The numbers of one group of latent variables, for the `Trace` that a model of your own returns:

        z = posterior.mean() + posterior.stddev() * noise.normal("z", tf.shape(x)[0], (2,), sample_size)
        return tfvae.Trace(log_px_z, (tfvae.latent(z, posterior, prior),))

    Args:
        z: `[S, B, *event]`, drawn from `posterior` by reparameterisation.
        posterior, prior: see `Inferred`.
    """
    return Latent(
        z=z,
        log_q=posterior.log_prob(z),
        log_q_stopped=None if isinstance(posterior, Transformed) else _stopped(posterior).log_prob(z),
        log_p=prior.log_prob(z),
        kl=_closed_form_kl(posterior, prior),
    )


def require_full_precision(trace: Trace) -> None:
    """Refuses log probabilities in half precision, whose sums over an image's pixels are off by nats.

    Raises:
        TypeError: a number of the trace is not float32 or float64.
    """
    for number in tf.nest.flatten(trace):
        if number is not None and number.dtype not in (tf.float32, tf.float64):
            raise TypeError(
                "Distributions must compute in float32 or float64, also where networks compute in half precision; "
                f"the trace holds {number.dtype.name}."
            )


def _stopped(distribution: tfp.distributions.Distribution) -> tfp.distributions.Distribution:
    """The same distribution, through whose parameters no gradient flows. (TFP distributions are composite tensors.)"""
    return tf.nest.map_structure(tf.stop_gradient, distribution, expand_composites=True)


def _closed_form_kl(
    posterior: tfp.distributions.Distribution, prior: tfp.distributions.Distribution
) -> tf.Tensor | None:
    tfd = tfp.distributions
    by_dimension = isinstance(posterior, tfd.Independent) and isinstance(prior, tfd.Independent)
    try:
        if by_dimension:
            # KL of the scalar distributions inside, so that it can be looked at (and bounded) one dimension at a time.
            kl = tfd.kl_divergence(posterior.distribution, prior.distribution)
            dimensions = posterior.event_shape.num_elements()
            batch_shape = tf.shape(kl)[: kl.shape.rank - posterior.event_shape.rank]
            kl = tf.reshape(kl, tf.concat([batch_shape, [dimensions]], axis=0))
        else:
            kl = tfd.kl_divergence(posterior, prior)[..., tf.newaxis]
        # [S, B, D] where the prior depends on latents above: its average over the samples.
        return kl if kl.shape.rank == 2 else tf.reduce_mean(kl, axis=0)
    except NotImplementedError:
        return None  # TFP has no closed form for this pair; an objective that needs it says so.
