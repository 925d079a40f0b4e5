"""The recipe of a VAE with convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae.recipes.options import Count
from tfvae.recipes.parts import Likelihood, Network, Objective, Posterior, Preprocess, Prior
from tfvae.recipes.vae import vae

if TYPE_CHECKING:
    from tfvae.models import VAE


def conv_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_size: Count = 6,
    network: Network = "conv",
    likelihood: Likelihood = "normal",
    preprocess: Preprocess | None = None,
    prior: Prior = "normal",
    posterior: Posterior = "normal",
    objective: Objective = "elbo",
    steps_per_epoch: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> VAE:
    """VAE with convolutions: `vae` with another network.

    Args:
        image_shape: `(H, W, C)`.
        latent_size: latent dimensions D.
        network: bodies of encoder and decoder.
        likelihood: family of p(x|z).
        preprocess: way from grey levels to x. [default: the one that suits the likelihood]
        prior: family of p(z).
        posterior: family of q(z|x).
        objective: bound on log p(x) that is maximised.
        steps_per_epoch: steps of an epoch, for a warm-up in epochs.
        epochs: length of training, for a warm-up in epochs.
        seed: seed of the noise of training.

    Raises:
        ValueError: an argument is out of range, or parts do not fit together.
    """
    return vae(
        image_shape, latent_size, network, likelihood, preprocess, prior, posterior, objective, steps_per_epoch, epochs,
        seed,
    )  # fmt: skip
