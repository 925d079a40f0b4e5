"""Families of p(x|z)."""

from __future__ import annotations

from typing import Any, Literal

from tfvae.recipes.options import Positive

Scale = Literal["shared", "image", "pixel"] | Positive


def normal(image_shape: tuple[int, ...], scale: Scale = "shared") -> Any:
    """Normal with a mean for each pixel.

    Args:
        scale: standard deviation: one learned number (shared), one for each image (image), one for each pixel (pixel:
            the best bits and the worst samples), or a fixed number.
    """
    from tfvae import families

    return families.Normal(image_shape, scale=scale)


def discretized_logistic(image_shape: tuple[int, ...], scale: Scale = "shared") -> Any:
    """Probabilities of the 256 levels from a logistic.

    Args:
        scale: scale of the logistic: shared, image, pixel or a fixed number.
    """
    from tfvae import families

    return families.DiscretizedLogistic(image_shape, scale=scale)


def bernoulli(image_shape: tuple[int, ...]) -> Any:
    """Black or white pixels, of binarised images."""
    from tfvae import families

    return families.Bernoulli(image_shape)


def autoregressive_bernoulli(image_shape: tuple[int, ...]) -> Any:
    """Black or white pixels, each of which sees those before it as well."""
    from tfvae import families

    return families.AutoregressiveBernoulli(image_shape)


def continuous_bernoulli(image_shape: tuple[int, ...]) -> Any:
    """Continuous Bernoulli, for grey values in [0, 1]."""
    from tfvae import families

    return families.ContinuousBernoulli(image_shape)


def categorical(image_shape: tuple[int, ...]) -> Any:
    """A free probability for each of the 256 levels."""
    from tfvae import families

    return families.Categorical(image_shape)
