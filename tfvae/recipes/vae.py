"""The recipe of a VAE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._support.checks import check_image_shape, integer
from tfvae.recipes.options import Count
from tfvae.recipes.parts import (
    LIKELIHOODS,
    NETWORKS,
    OBJECTIVES,
    POSTERIORS,
    PREPROCESSING,
    PRIORS,
    Likelihood,
    Network,
    Objective,
    Posterior,
    Preprocess,
    Prior,
    default_network,
)

if TYPE_CHECKING:
    from tfvae.models import VAE


def vae(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: Count = 6,
    network: Network | None = None,
    likelihood: Likelihood = "normal",
    preprocess: Preprocess | None = None,
    prior: Prior = "normal",
    posterior: Posterior = "normal",
    objective: Objective = "elbo",
    steps_per_epoch: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> VAE:
    """Variational autoencoder: the default model.

    By default it maximises the ELBO, E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x). The defaults were chosen by
    measurement on MNIST; see docs/defaults.md.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: latent dimensions D. 2 can be drawn as a map; more reconstruct better.
        network: bodies of encoder and decoder. [default: mlp; conv for categorical, whose dense layer would have 256
            outputs a pixel]
        likelihood: family of p(x|z).
        preprocess: way from grey levels to x. [default: the one that suits the likelihood]
        prior: family of p(z).
        posterior: family of q(z|x).
        objective: bound on log p(x) that is maximised.
        steps_per_epoch: steps of an epoch, for a warm-up in epochs.
        epochs: length of training, for a warm-up in epochs.
        seed: seed of the noise of training.

    Raises:
        ValueError: an argument is out of range, or parts do not fit together.
    """
    from tfvae.conditional import ConditionalDistribution
    from tfvae.families import Normal
    from tfvae.models import VAE
    from tfvae.priors import StandardNormal
    from tfvae.units import suiting

    check_image_shape(image_shape)
    latent_size = integer("latent_size", latent_size, 1)
    shapes = {"image_shape": image_shape, "latent_shape": (latent_size,)}
    bodies = NETWORKS.make(default_network(likelihood) if network is None else network)
    encoder_body, decoder_body = bodies.encoder(), bodies.decoder(image_shape)
    p = LIKELIHOODS.make(likelihood, **shapes)
    over_latents, q = PRIORS.make(prior, **shapes), POSTERIORS.make(posterior, **shapes)
    closed_form = isinstance(over_latents, StandardNormal) and isinstance(q, Normal)
    return VAE(
        encoder=ConditionalDistribution(encoder_body, q, name="encoder"),
        decoder=ConditionalDistribution(decoder_body, p, name="decoder"),
        prior=over_latents,
        preprocess=PREPROCESSING.make(suiting(p) if preprocess is None else preprocess),
        objective=OBJECTIVES.make(
            objective, closed_form=closed_form, steps_per_epoch=steps_per_epoch, epochs=epochs, latent_levels=1
        ),
        seed=seed,
    )
