"""Models that are ready to train, each equal to a composition of parts that anyone can write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfvae import families, networks, preprocessing
from tfvae.conditional import ConditionalDistribution
from tfvae.models import VAE
from tfvae.objectives import ELBO
from tfvae.priors import StandardNormal


def vae(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: int = 8,
    hidden: Sequence[int] = (500, 500),
    scale: str | float = "shared",
    beta: Any = 1.0,
    seed: int = 0,
) -> VAE:
    """A VAE with dense networks and normal distributions on dequantised images.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: number D of latent dimensions.
        hidden: units of the layers of the encoder; the decoder has them in reverse order.
        scale: standard deviation of p(x|z): "shared", "image", "pixel" or a number; see `families.Normal`.
        beta: weight of the rate, a number or a schedule; see `ELBO`.
        seed: of the noise of training.
    """
    return VAE(
        encoder=ConditionalDistribution(networks.mlp(hidden), families.Normal((latent_size,)), name="encoder"),
        decoder=ConditionalDistribution(
            networks.mlp(hidden[::-1]), families.Normal(image_shape, scale=scale), name="decoder"
        ),
        prior=StandardNormal((latent_size,)),
        preprocess=preprocessing.Dequantize(),
        objective=ELBO(beta=beta),
        seed=seed,
    )


def conv_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: int = 8,
    filters: Sequence[int] = (32, 64),
    scale: str | float = "shared",
    beta: Any = 1.0,
    seed: int = 0,
) -> VAE:
    """A VAE with convolutional networks and normal distributions on dequantised images of any size.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: number D of latent dimensions.
        filters: channels of the layers of the encoder; the decoder has them in reverse order.
        scale: standard deviation of p(x|z): "shared", "image", "pixel" or a number; see `families.Normal`.
        beta: weight of the rate, a number or a schedule; see `ELBO`.
        seed: of the noise of training.
    """
    return VAE(
        encoder=ConditionalDistribution(networks.convnet(filters), families.Normal((latent_size,)), name="encoder"),
        decoder=ConditionalDistribution(
            networks.deconvnet(image_shape, filters[::-1]), families.Normal(image_shape, scale=scale), name="decoder"
        ),
        prior=StandardNormal((latent_size,)),
        preprocess=preprocessing.Dequantize(),
        objective=ELBO(beta=beta),
        seed=seed,
    )
