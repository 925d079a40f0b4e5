"""Models: one a file."""

from tfvae.models.autoencoder import Autoencoder
from tfvae.models.density import Density
from tfvae.models.gan import GAN
from tfvae.models.ladder_vae import LadderVAE
from tfvae.models.masked_autoencoder import MaskedAutoencoder
from tfvae.models.model import GuardedModel
from tfvae.models.naive_monte_carlo import NaiveMonteCarlo
from tfvae.models.stacked_vae import StackedVAE
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.models.vae import VAE

__all__ = [
    "GAN",
    "VAE",
    "Autoencoder",
    "Density",
    "GuardedModel",
    "LadderVAE",
    "MaskedAutoencoder",
    "NaiveMonteCarlo",
    "StackedVAE",
    "UnsupervisedModel",
]
