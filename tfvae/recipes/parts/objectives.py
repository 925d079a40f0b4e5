"""Objectives of training."""

from __future__ import annotations

from typing import Any, Literal

from tfvae.recipes.options import ByLevel, NotNegative, Samples


def elbo(
    closed_form: bool,
    steps_per_epoch: int | None = None,
    epochs: int | None = None,
    latent_levels: int | None = None,
    samples: Samples = 1,
    beta: NotNegative = 1.0,
    warm_up: ByLevel = 0.0,
    free_bits: ByLevel = 0.0,
) -> Any:
    """Evidence lower bound, E_q[log p(x|z)] - KL(q(z|x) || p(z)).

    Args:
        samples: samples of z for each image; 1 is usual.
        beta: weight of the rate KL(q(z|x) || p(z)) in the loss; 1 is the bound itself.
        warm_up: epochs in which beta rises from 0; with several levels also one number for each, from the lowest to
            the top, such as (0,10).
        free_bits: nats that each latent dimension of each image may cost before it is charged; with several levels
            also one number for each.
    """
    from tfvae.objectives import ELBO, WarmUp
    from tfvae.objectives.elbo import by_level

    if latent_levels is not None:
        by_level("warm_up", warm_up, latent_levels)  # which would be refused as `beta`, whose course they are

    def rising(length: float) -> Any:
        if not length:
            return beta
        if steps_per_epoch is None:
            raise ValueError("`warm_up` is in epochs, whose length only a run knows; pass `ELBO(beta=WarmUp(steps))`.")
        if epochs is not None and length > epochs:
            raise ValueError(f"`warm_up` must not be longer than training, {epochs} epochs; received {length:g}.")
        steps = round(length * steps_per_epoch)
        return WarmUp(steps, final=beta) if steps else beta

    risen = tuple(map(rising, warm_up)) if isinstance(warm_up, tuple) else rising(warm_up)
    return ELBO(risen, samples, analytic_kl=closed_form, free_bits=free_bits)


def iwae(samples: Samples = 5, gradient: Literal["plain", "stl", "dreg"] = "plain") -> Any:
    """Importance-weighted bound of Burda et al.

    Args:
        samples: samples of z for each image; 5 to 50 are usual.
        gradient: estimator of the encoder's gradient; dreg is the least noisy.
    """
    from tfvae.objectives import ImportanceWeighted

    return ImportanceWeighted(samples, gradient)
