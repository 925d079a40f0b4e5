"""Models that are ready to train, each equal to a composition of parts that anyone can write."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tfvae import families, networks, preprocessing
from tfvae._support.checks import check_image_shape, integer
from tfvae.conditional import ConditionalDistribution
from tfvae.corruption import Corruption
from tfvae.models import GAN, VAE, Autoencoder, Density, MaskedAutoencoder
from tfvae.objectives import Objective
from tfvae.priors import MixtureOfNormals, Prior, StandardNormal


def vae(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: int = 6,
    hidden: Sequence[int] = (300, 300, 300, 300),
    activation: str = "gelu",
    scale: str | float = "shared",
    objective: Objective | None = None,
    seed: int = 0,
) -> VAE:
    """A VAE with dense networks and normal distributions on dequantised images: what `tfvae train` trains.

    The defaults were chosen by measurement on MNIST; see docs/defaults.md.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: number D of latent dimensions.
        hidden: units of the layers of the encoder; the decoder has them in reverse order.
        activation: between the layers, Keras' name.
        scale: standard deviation of p(x|z): "shared", "image", "pixel" or a number; see `families.Normal`.
        objective: what is minimised; the ELBO with one sample if not given.
        seed: of the noise of training.

    Raises:
        ValueError: an argument is out of range.
    """
    image_shape = check_image_shape(image_shape)
    bodies = networks.mlp(hidden, activation), networks.mlp(hidden[::-1], activation)
    likelihood = families.Normal(image_shape, scale=scale)
    return compose(*bodies, latent_size, likelihood, preprocessing.Dequantize(), objective, seed)


def conv_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: int = 6,
    filters: Sequence[int] = (32, 64),
    activation: str = "gelu",
    scale: str | float = "shared",
    objective: Objective | None = None,
    seed: int = 0,
) -> VAE:
    """A VAE with convolutional networks and normal distributions on dequantised images of any size.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: number D of latent dimensions.
        filters: channels of the layers of the encoder; the decoder has them in reverse order.
        activation: between the layers, Keras' name.
        scale: standard deviation of p(x|z): "shared", "image", "pixel" or a number; see `families.Normal`.
        objective: what is minimised; the ELBO with one sample if not given.
        seed: of the noise of training.

    Raises:
        ValueError: an argument is out of range.
    """
    image_shape = check_image_shape(image_shape)
    bodies = networks.convnet(filters, activation), networks.deconvnet(image_shape, filters[::-1], activation)
    likelihood = families.Normal(image_shape, scale=scale)
    return compose(*bodies, latent_size, likelihood, preprocessing.Dequantize(), objective, seed)


def autoencoder(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: int = 6,
    hidden: Sequence[int] = (300, 300, 300, 300),
    activation: str = "gelu",
    corruption: Corruption | None = None,
    seed: int = 0,
) -> Autoencoder:
    """An autoencoder with dense networks on grey values, or with a `corruption` a denoising one.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: number D of elements of a code.
        hidden: units of the layers of the encoder; the decoder has them in reverse order.
        activation: between the layers, Keras' name.
        corruption: what the encoder's input goes through, or None.
        seed: of the corruption in training.

    Raises:
        ValueError: an argument is out of range.
    """
    image_shape = check_image_shape(image_shape)
    bodies = networks.mlp(hidden, activation), networks.mlp(hidden[::-1], activation)
    return compose_autoencoder(*bodies, latent_size, image_shape, corruption, seed)


def compose_autoencoder(
    encoder_body: keras.Layer,
    decoder_body: keras.Layer,
    latent_size: int,
    image_shape: Sequence[int],
    corruption: Corruption | None,
    seed: int,
) -> Autoencoder:
    """The autoencoder of two network bodies, of grey values."""
    latent_size = integer("latent_size", latent_size, 1)
    return Autoencoder(
        encoder=ConditionalDistribution(encoder_body, families.Delta((latent_size,)), name="encoder"),
        decoder=ConditionalDistribution(decoder_body, families.Delta(image_shape), name="decoder"),
        preprocess=preprocessing.Rescale(),
        corruption=corruption,
        seed=seed,
    )


def masked_autoencoder(
    image_shape: Sequence[int] = (28, 28, 1),
    patch_size: int = 4,
    mask_share: float = 0.75,
    width: int = 64,
    seed: int = 0,
) -> MaskedAutoencoder:
    """A masked autoencoder with small transformers, of three blocks and of one, on grey values.

    Args:
        image_shape: `(H, W, C)`.
        patch_size: side of the square patches.
        mask_share: of the patches that are masked.
        width: features of a token, a multiple of 4.
        seed: of the masks in training.

    Raises:
        ValueError: an argument is out of range.
    """
    image_shape = check_image_shape(image_shape)
    encoder, decoder = networks.transformer(width, blocks=3), networks.transformer(width, blocks=1)
    return MaskedAutoencoder(encoder, decoder, image_shape, patch_size, mask_share, preprocessing.Rescale(), seed)


def mixture(image_shape: Sequence[int] = (28, 28, 1), components: int = 10, rank: int = 0, seed: int = 0) -> Density:
    """A mixture of normals on dequantised images; see `priors.MixtureOfNormals`, and its `start_at`.

    Args:
        image_shape: `(H, W, C)`.
        components: number of normals.
        rank: of what each covariance has beside its diagonal.
        seed: of the dequantisation in training.

    Raises:
        ValueError: an argument is out of range.
    """
    image_shape = check_image_shape(image_shape)
    return Density(MixtureOfNormals(image_shape, components, rank), preprocessing.Dequantize(), seed)


def gan(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: int = 6,
    hidden: Sequence[int] = (300, 300, 300, 300),
    activation: str = "gelu",
    penalty: float = 1.0,
    seed: int = 0,
) -> GAN:
    """A GAN with dense networks; see `models.GAN`.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: number D of latent dimensions.
        hidden: units of the layers of the discriminator; the generator has them in reverse order.
        activation: between the layers, Keras' name.
        penalty: weight of the gradient penalty.
        seed: of the noise of training.

    Raises:
        ValueError: an argument is out of range.
    """
    image_shape = check_image_shape(image_shape)
    bodies = networks.mlp(hidden[::-1], activation), networks.mlp(hidden, activation)
    return compose_gan(*bodies, latent_size, image_shape, penalty, seed)


def compose_gan(
    generator_body: keras.Layer,
    discriminator_body: keras.Layer,
    latent_size: int,
    image_shape: Sequence[int],
    penalty: float,
    seed: int,
) -> GAN:
    """The GAN of two network bodies, on grey values, with latents from N(0, I)."""
    latent_size = integer("latent_size", latent_size, 1)
    return GAN(
        generator=ConditionalDistribution(generator_body, families.Delta(image_shape), name="generator"),
        discriminator=discriminator_body,
        prior=StandardNormal((latent_size,)),
        preprocess=preprocessing.Rescale(),
        penalty=penalty,
        seed=seed,
    )


def compose(
    encoder_body: keras.Layer,
    decoder_body: keras.Layer,
    latent_size: int,
    likelihood: families.Family,
    preprocess: preprocessing.Preprocessing,
    objective: Objective | None,
    seed: int,
    prior: Prior | None = None,
    posterior: families.Family | None = None,
) -> VAE:
    """The VAE of two network bodies and a likelihood; with a diagonal normal posterior and the prior N(0, I) if no
    others are given."""
    posterior = posterior or families.Normal((integer("latent_size", latent_size, 1),))
    return VAE(
        encoder=ConditionalDistribution(encoder_body, posterior, name="encoder"),
        decoder=ConditionalDistribution(decoder_body, likelihood, name="decoder"),
        prior=prior or StandardNormal((latent_size,)),
        preprocess=preprocess,
        objective=objective,
        seed=seed,
    )
