"""The recipe of a decoder trained by naive Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._support.checks import check_image_shape, integer
from tfvae.recipes.options import Count, Samples
from tfvae.recipes.parts import (
    LIKELIHOODS,
    NETWORKS,
    PREPROCESSING,
    PRIORS,
    Likelihood,
    Network,
    Preprocess,
    Prior,
    default_network,
)

if TYPE_CHECKING:
    from tfvae.models import NaiveMonteCarlo


def naive_monte_carlo(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: Count = 6,
    draws: Samples = 1000,
    network: Network | None = None,
    likelihood: Likelihood = "normal",
    preprocess: Preprocess | None = None,
    prior: Prior = "normal",
    seed: int = 0,
) -> NaiveMonteCarlo:
    """Decoder alone, trained by averages over prior draws.

    The averages are those of p(x|z) over z ~ p(z), for each image.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: latent dimensions D.
        draws: draws from the prior, the same for all images of a step.
        network: body of the decoder. [default: mlp; conv for categorical]
        likelihood: family of p(x|z).
        preprocess: way from grey levels to x. [default: the one that suits the likelihood]
        prior: family of p(z), but not vamp, which needs an encoder.
        seed: seed of the noise of training.

    Raises:
        ValueError: an argument is out of range, or parts do not fit together.
    """
    from tfvae.conditional import ConditionalDistribution
    from tfvae.models import NaiveMonteCarlo
    from tfvae.units import suiting

    check_image_shape(image_shape)
    latent_size = integer("latent_size", latent_size, 1)
    bodies = NETWORKS.make(default_network(likelihood) if network is None else network)
    bodies.encoder()  # unused, but its initial weights come before those of the decoder, as in a VAE of the same seed
    body = bodies.decoder(image_shape)
    p = LIKELIHOODS.make(likelihood, image_shape=image_shape)
    decoder = ConditionalDistribution(body, p)
    over_latents = PRIORS.make(prior, image_shape=image_shape, latent_shape=(latent_size,))
    return NaiveMonteCarlo(
        decoder, over_latents, PREPROCESSING.make(suiting(p) if preprocess is None else preprocess), draws, seed
    )
