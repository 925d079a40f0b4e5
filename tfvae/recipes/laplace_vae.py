"""The recipe of a VAE with a Laplace likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae.recipes.options import Count
from tfvae.recipes.parts import Network, Objective, Posterior, Prior
from tfvae.recipes.parts.likelihoods import Scale
from tfvae.recipes.vae import vae

if TYPE_CHECKING:
    from tfvae.models import VAE


def laplace_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: Count = 6,
    network: Network = "mlp",
    scale: Scale = "shared",
    prior: Prior = "normal",
    posterior: Posterior = "normal",
    objective: Objective = "elbo",
    steps_per_epoch: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> VAE:
    """VAE with a Laplace likelihood, of dequantised images.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: latent dimensions D.
        network: bodies of encoder and decoder.
        scale: scale of p(x|z): one learned number (shared), one for each image (image), one for each pixel (pixel), or
            a fixed number.
        prior: family of p(z).
        posterior: family of q(z|x).
        objective: bound on log p(x) that is maximised.
        steps_per_epoch: steps of an epoch, for a warm-up in epochs.
        epochs: length of training, for a warm-up in epochs.
        seed: seed of the noise of training.

    Raises:
        ValueError: an argument is out of range, or parts do not fit together.
    """
    from tfvae.families.laplace import Laplace

    return vae(
        image_shape, latent_size, network, Laplace(image_shape, scale), "dequantize", prior, posterior, objective,
        steps_per_epoch, epochs, seed,
    )  # fmt: skip
