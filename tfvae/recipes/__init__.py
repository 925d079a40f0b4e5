"""Ready-made models, one recipe a file: a function whose arguments are the model's options.

A recipe is called in Python, named on the command line (`tfvae train glow --depth 8`) and in YAML
(`model: {glow: {depth: 8}}`). Importing one imports no TensorFlow.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator

from tfvae.recipes.autoencoder import autoencoder
from tfvae.recipes.conv_vae import conv_vae
from tfvae.recipes.denoising_autoencoder import denoising_autoencoder
from tfvae.recipes.gan import gan
from tfvae.recipes.glow import glow
from tfvae.recipes.ladder_vae import ladder_vae
from tfvae.recipes.maf import maf
from tfvae.recipes.masked_autoencoder import masked_autoencoder
from tfvae.recipes.mixture import mixture
from tfvae.recipes.naive_monte_carlo import naive_monte_carlo
from tfvae.recipes.realnvp import realnvp
from tfvae.recipes.specification import Kind, Specification
from tfvae.recipes.stacked_vae import stacked_vae
from tfvae.recipes.vae import vae

__all__ = [
    "RECIPES",
    "Recipe",
    "Specification",
    "autoencoder",
    "conv_vae",
    "denoising_autoencoder",
    "gan",
    "glow",
    "ladder_vae",
    "maf",
    "masked_autoencoder",
    "mixture",
    "naive_monte_carlo",
    "realnvp",
    "stacked_vae",
    "vae",
]

RECIPES = Kind("model", "tfvae.recipes")
Recipe = Annotated[Any, BeforeValidator(RECIPES.read)]
