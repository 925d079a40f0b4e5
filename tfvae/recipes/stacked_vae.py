"""The recipe of Burda's stacked VAE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._support.checks import check_image_shape
from tfvae.recipes.options import Count, Depth
from tfvae.recipes.parts import (
    LIKELIHOODS,
    NETWORKS,
    OBJECTIVES,
    PREPROCESSING,
    PRIORS,
    Likelihood,
    Network,
    Objective,
    Preprocess,
    Prior,
)

if TYPE_CHECKING:
    from tfvae.models import StackedVAE


def stacked_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    levels: Depth = 2,
    latent_size: Count = 100,
    network: Network = "mlp(200, 200, activation=tanh)",
    likelihood: Likelihood = "bernoulli",
    preprocess: Preprocess | None = None,
    prior: Prior = "normal",
    objective: Objective = "elbo",
    steps_per_epoch: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> StackedVAE:
    """Stacked VAE: each level's latents are the next's data.

    By its defaults it is the network of Burda et al. (2015): q(z_1|x) of 100 latents through 200 and 200 units,
    q(z_2|z_1) of 50 latents through 100 and 100, and the same back.

    Args:
        image_shape: `(H, W, C)`.
        levels: levels of latents, each with half the latents and units of the level below.
        latent_size: latent dimensions of the lowest level.
        network: layers between data and the lowest level.
        likelihood: family of p(x|z).
        preprocess: way from grey levels to x. [default: the one that suits the likelihood]
        prior: family of p(z) of the highest level.
        objective: bound on log p(x) that is maximised.
        steps_per_epoch: steps of an epoch, for a warm-up in epochs.
        epochs: length of training, for a warm-up in epochs.
        seed: seed of the noise of training.

    Raises:
        ValueError: an argument is out of range, or parts do not fit together.

    Source: Burda, Grosse and Salakhutdinov 2015, arXiv:1509.00519, section 5.
    """
    from tfvae.conditional import ConditionalDistribution
    from tfvae.models import StackedVAE
    from tfvae.priors import StandardNormal
    from tfvae.recipes.parts.levels import normals
    from tfvae.units import suiting

    check_image_shape(image_shape)
    between = NETWORKS.make(network).levels(levels, latent_size, image_shape)
    shapes, p = between.latent_shapes, LIKELIHOODS.make(likelihood, image_shape=image_shape)
    top = PRIORS.make(prior, image_shape=image_shape, latent_shape=shapes[-1])
    numbers = range(1, levels + 1)
    return StackedVAE(
        posteriors=normals("posterior", [between.up(level) for level in numbers], shapes),
        priors=normals("prior", [between.down(level) for level in numbers[1:]], shapes[:-1]),
        decoder=ConditionalDistribution(between.down(1), p, name="decoder"),
        prior=top,
        preprocess=PREPROCESSING.make(suiting(p) if preprocess is None else preprocess),
        objective=OBJECTIVES.make(
            objective,
            closed_form=isinstance(top, StandardNormal),
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            latent_levels=levels,
        ),
        seed=seed,
    )
