"""Ways from grey levels to x."""

from __future__ import annotations

from typing import Any


def binarize() -> Any:
    """Draws black or white, with the grey value as the probability of white."""
    from tfvae import preprocessing

    return preprocessing.Binarize()


def dequantize() -> Any:
    """Adds uniform noise between levels, so that densities bound the probabilities of levels."""
    from tfvae import preprocessing

    return preprocessing.Dequantize()


def levels() -> Any:
    """Keeps the levels 0 to 255."""
    from tfvae import preprocessing

    return preprocessing.Levels()


def rescale() -> Any:
    """Divides the levels by 255."""
    from tfvae import preprocessing

    return preprocessing.Rescale()
