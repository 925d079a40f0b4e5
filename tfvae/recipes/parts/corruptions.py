"""Corruptions that a denoising autoencoder undoes."""

from __future__ import annotations

from typing import Any

from tfvae.recipes.options import Positive, Share


def gaussian(strength: Positive = 0.5) -> Any:
    """Gaussian noise.

    Args:
        strength: standard deviation, where white is 1.
    """
    from tfvae import corruption

    return corruption.GaussianNoise(strength)


def masking(strength: Share = 0.5) -> Any:
    """Pixels set to 0.

    Args:
        strength: share of the pixels.
    """
    from tfvae import corruption

    return corruption.MaskingNoise(strength)


def salt_and_pepper(strength: Share = 0.5) -> Any:
    """Pixels set to 0 or 1.

    Args:
        strength: share of the pixels.
    """
    from tfvae import corruption

    return corruption.SaltAndPepper(strength)
