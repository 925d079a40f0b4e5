"""The recipe of a GAN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._support.checks import check_image_shape, integer
from tfvae.recipes.options import Count, NotNegative
from tfvae.recipes.parts import NETWORKS, Network

if TYPE_CHECKING:
    from tfvae.models import GAN


def gan(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: Count = 6,
    network: Network = "mlp",
    penalty: NotNegative = 1.0,
    seed: int = 0,
) -> GAN:
    """GAN on grey values, with a gradient penalty.

    The loss is the non-saturating one.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: latent dimensions D, from N(0, I).
        network: bodies of discriminator and generator.
        penalty: weight of the penalty on the discriminator's gradient.
        seed: seed of the noise of training.

    Raises:
        ValueError: an argument is out of range.
    """
    from tfvae import families, preprocessing
    from tfvae.conditional import ConditionalDistribution
    from tfvae.models import GAN
    from tfvae.priors import StandardNormal

    check_image_shape(image_shape)
    latent_size = integer("latent_size", latent_size, 1)
    bodies = NETWORKS.make(network)
    discriminator, generator = bodies.encoder(), bodies.decoder(image_shape)
    return GAN(
        generator=ConditionalDistribution(generator, families.Delta(image_shape), name="generator"),
        discriminator=discriminator,
        prior=StandardNormal((latent_size,)),
        preprocess=preprocessing.Rescale(),
        penalty=penalty,
        seed=seed,
    )
