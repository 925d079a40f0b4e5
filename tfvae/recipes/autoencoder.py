"""The recipe of an autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._support.checks import check_image_shape, integer
from tfvae.recipes.options import Count
from tfvae.recipes.parts import CORRUPTIONS, NETWORKS, Corruption, Network

if TYPE_CHECKING:
    from tfvae.models import Autoencoder


def autoencoder(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: Count = 6,
    network: Network = "mlp",
    corruption: Corruption | None = None,
    seed: int = 0,
) -> Autoencoder:
    """Autoencoder of grey values, trained by squared error.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: elements D of a code.
        network: bodies of encoder and decoder.
        corruption: corruption of the encoder's input, which makes it a denoising autoencoder. [default: none]
        seed: seed of the corruption in training.

    Raises:
        ValueError: an argument is out of range.
    """
    from tfvae import families, preprocessing
    from tfvae.conditional import ConditionalDistribution
    from tfvae.models import Autoencoder

    check_image_shape(image_shape)
    latent_size = integer("latent_size", latent_size, 1)
    bodies = NETWORKS.make(network)
    encoder_body, decoder_body = bodies.encoder(), bodies.decoder(image_shape)
    return Autoencoder(
        encoder=ConditionalDistribution(encoder_body, families.Delta((latent_size,)), name="encoder"),
        decoder=ConditionalDistribution(decoder_body, families.Delta(image_shape), name="decoder"),
        preprocess=preprocessing.Rescale(),
        corruption=None if corruption is None else CORRUPTIONS.make(corruption),
        seed=seed,
    )
