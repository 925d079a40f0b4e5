"""The recipe of a ladder VAE."""

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
    default_network,
)

if TYPE_CHECKING:
    from tfvae.models import LadderVAE


def ladder_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    levels: Depth = 2,
    latent_size: Count = 12,
    network: Network | None = None,
    likelihood: Likelihood = "normal",
    preprocess: Preprocess | None = None,
    prior: Prior = "normal",
    objective: Objective = "elbo",
    steps_per_epoch: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> LadderVAE:
    """Ladder VAE: several levels of latents, top down.

    q and p of a level depend on all levels above it.

    Args:
        image_shape: `(H, W, C)`.
        levels: levels of latents. With dense networks each has half the latents and units of the level below; with
            convolutions half the height and width.
        latent_size: latent dimensions of the lowest level; with convolutions channels of each level.
        network: layers between data and the lowest level. [default: mlp; conv for categorical]
        likelihood: family of p(x|z).
        preprocess: way from grey levels to x. [default: the one that suits the likelihood]
        prior: family of p(z) of the highest level.
        objective: bound on log p(x) that is maximised.
        steps_per_epoch: steps of an epoch, for a warm-up in epochs.
        epochs: length of training, for a warm-up in epochs.
        seed: seed of the noise of training.

    Raises:
        ValueError: an argument is out of range, or parts do not fit together.
    """
    from tfvae.conditional import ConditionalDistribution
    from tfvae.models import LadderVAE
    from tfvae.priors import StandardNormal
    from tfvae.recipes.parts.levels import normals
    from tfvae.units import suiting

    check_image_shape(image_shape)
    bodies = NETWORKS.make(default_network(likelihood) if network is None else network)
    between = bodies.levels(levels, latent_size, image_shape)
    shapes, p = between.latent_shapes, LIKELIHOODS.make(likelihood, image_shape=image_shape)
    top = PRIORS.make(prior, image_shape=image_shape, latent_shape=shapes[-1])
    numbers = range(1, levels + 1)
    merged = [*(between.merge(level) for level in numbers[:-1]), between.nothing()]
    return LadderVAE(
        bottom_up=[between.up(level) for level in numbers],
        posteriors=normals("posterior", merged, shapes),
        top_down=[between.down(level) for level in numbers[1:]],
        priors=normals("prior", [between.nothing() for _ in numbers[1:]], shapes[:-1]),
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
