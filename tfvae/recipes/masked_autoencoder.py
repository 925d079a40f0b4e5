"""The recipe of a masked autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._support.checks import check_image_shape
from tfvae.recipes.options import Count, Share

if TYPE_CHECKING:
    from tfvae.models import MaskedAutoencoder


def masked_autoencoder(
    image_shape: Sequence[int] = (28, 28, 1),
    patch_size: Count = 4,
    mask_share: Share = 0.75,
    width: Count = 64,
    seed: int = 0,
) -> MaskedAutoencoder:
    """Masked autoencoder of small transformers.

    The encoder has three blocks, the decoder one; they restore grey values.

    Args:
        image_shape: `(H, W, C)`.
        patch_size: side of the square patches, which divides the image.
        mask_share: share of an image's patches that are masked.
        width: features of a token, a multiple of 4.
        seed: seed of the masks in training.

    Raises:
        ValueError: an argument is out of range.
    """
    from tfvae import networks, preprocessing
    from tfvae.models import MaskedAutoencoder

    check_image_shape(image_shape)
    encoder, decoder = networks.transformer(width, blocks=3), networks.transformer(width, blocks=1)
    return MaskedAutoencoder(encoder, decoder, image_shape, patch_size, mask_share, preprocessing.Rescale(), seed)
