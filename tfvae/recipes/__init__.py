"""Ready-made models."""

from tfvae.recipes.flows import glow, maf, realnvp
from tfvae.recipes.hierarchical import compose_ladder, compose_stack, ladder_vae, stacked_vae
from tfvae.recipes.single_level import (
    autoencoder,
    compose,
    compose_autoencoder,
    compose_gan,
    conv_vae,
    gan,
    masked_autoencoder,
    mixture,
    vae,
)

__all__ = [
    "autoencoder",
    "compose",
    "compose_autoencoder",
    "compose_gan",
    "compose_ladder",
    "compose_stack",
    "conv_vae",
    "gan",
    "glow",
    "ladder_vae",
    "maf",
    "masked_autoencoder",
    "mixture",
    "realnvp",
    "stacked_vae",
    "vae",
]
