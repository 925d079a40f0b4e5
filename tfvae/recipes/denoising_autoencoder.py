"""The recipe of a denoising autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae.recipes.autoencoder import autoencoder
from tfvae.recipes.options import Count
from tfvae.recipes.parts import Corruption, Network

if TYPE_CHECKING:
    from tfvae.models import Autoencoder


def denoising_autoencoder(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: Count = 6,
    network: Network = "mlp",
    corruption: Corruption = "gaussian",
    seed: int = 0,
) -> Autoencoder:
    """Autoencoder that undoes a corruption of its input.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: elements D of a code.
        network: bodies of encoder and decoder.
        corruption: corruption of the encoder's input.
        seed: seed of the corruption in training.

    Raises:
        ValueError: an argument is out of range.
    """
    return autoencoder(image_shape, latent_size, network, corruption, seed)
