"""Models: one a file."""

from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.models.vae import VAE

__all__ = ["VAE", "UnsupervisedModel"]
