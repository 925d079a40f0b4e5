"""Models: one a file."""

from tfvae.models.autoencoder import Autoencoder
from tfvae.models.density import Density
from tfvae.models.naive_monte_carlo import NaiveMonteCarlo
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.models.vae import VAE

__all__ = ["VAE", "Autoencoder", "Density", "NaiveMonteCarlo", "UnsupervisedModel"]
