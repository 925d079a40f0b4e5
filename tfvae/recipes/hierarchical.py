"""VAEs with several levels of latents that are ready to train, each equal to a composition that anyone can write."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tfvae import families, preprocessing
from tfvae._support.checks import check_image_shape
from tfvae.conditional import ConditionalDistribution
from tfvae.families import Family
from tfvae.models import LadderVAE, StackedVAE
from tfvae.networks.levels import DenseLevels, Levels
from tfvae.objectives import Objective
from tfvae.preprocessing import Preprocessing
from tfvae.priors import Prior, StandardNormal


def ladder_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    levels: int = 2,
    latent_size: int = 12,
    hidden: Sequence[int] = (300, 300),
    activation: str = "gelu",
    scale: str | float = "shared",
    objective: Objective | None = None,
    seed: int = 0,
) -> LadderVAE:
    """A ladder with dense networks and normal distributions on dequantised images; see `models.LadderVAE`.

    Each level has half as many latents and units as the one below.

    Args:
        image_shape: `(H, W, C)`.
        levels: number of levels.
        latent_size: latent dimensions of the lowest level.
        hidden: units of the layers between data and the lowest level; the decoder has them in reverse order.
        activation: between the layers, Keras' name.
        scale: standard deviation of p(x|z): "shared", "image", "pixel" or a number; see `families.Normal`.
        objective: what is minimised; the ELBO with one sample if not given.
        seed: of the noise of training.

    Raises:
        ValueError: an argument is out of range.
    """
    image_shape = check_image_shape(image_shape)
    between = DenseLevels(levels, latent_size, hidden, activation)
    likelihood = families.Normal(image_shape, scale=scale)
    return compose_ladder(between, likelihood, preprocessing.Dequantize(), objective, seed)


def stacked_vae(
    image_shape: Sequence[int] = (28, 28, 1),
    levels: int = 2,
    latent_size: int = 100,
    hidden: Sequence[int] = (200, 200),
    activation: str = "tanh",
    objective: Objective | None = None,
    seed: int = 0,
) -> StackedVAE:
    """The network of Burda et al. with two stochastic layers, on binarised images; see `models.StackedVAE`.

    By its defaults: q(z_1|x) of 100 latents through 200 and 200 units, q(z_2|z_1) of 50 latents through 100 and 100,
    and the same back.

    Args:
        image_shape, levels, latent_size, hidden, activation, objective, seed: see `ladder_vae`.

    Raises:
        ValueError: an argument is out of range.

    Source: Burda, Grosse and Salakhutdinov 2015, arXiv:1509.00519, section 5.
    """
    image_shape = check_image_shape(image_shape)
    between = DenseLevels(levels, latent_size, hidden, activation)
    return compose_stack(between, families.Bernoulli(image_shape), preprocessing.Binarize(), objective, seed)


def compose_ladder(
    between: Levels,
    likelihood: Family,
    preprocess: Preprocessing,
    objective: Objective | None,
    seed: int,
    prior: Prior | None = None,
) -> LadderVAE:
    """The ladder of the networks between its levels, with normal distributions; the prior is N(0, I) if not given."""
    shapes = between.latent_shapes
    levels = range(1, len(shapes) + 1)
    merged = [*(between.merge(level) for level in levels[:-1]), between.nothing()]
    return LadderVAE(
        bottom_up=[between.up(level) for level in levels],
        posteriors=_normals("posterior", merged, shapes),
        top_down=[between.down(level) for level in levels[1:]],
        priors=_normals("prior", [between.nothing() for _ in levels[1:]], shapes[:-1]),
        decoder=ConditionalDistribution(between.down(1), likelihood, name="decoder"),
        prior=StandardNormal(shapes[-1], name="prior") if prior is None else prior,
        preprocess=preprocess,
        objective=objective,
        seed=seed,
    )


def compose_stack(
    between: Levels,
    likelihood: Family,
    preprocess: Preprocessing,
    objective: Objective | None,
    seed: int,
    prior: Prior | None = None,
) -> StackedVAE:
    """The stack of the networks between its levels, with normal distributions; the prior is N(0, I) if not given."""
    shapes = between.latent_shapes
    levels = range(1, len(shapes) + 1)
    return StackedVAE(
        posteriors=_normals("posterior", [between.up(level) for level in levels], shapes),
        priors=_normals("prior", [between.down(level) for level in levels[1:]], shapes[:-1]),
        decoder=ConditionalDistribution(between.down(1), likelihood, name="decoder"),
        prior=StandardNormal(shapes[-1], name="prior") if prior is None else prior,
        preprocess=preprocess,
        objective=objective,
        seed=seed,
    )


def _normals(
    name: str, bodies: Sequence[keras.Layer], shapes: Sequence[tuple[int, ...]]
) -> list[ConditionalDistribution]:
    """Diagonal normals of each level, the lowest first."""
    return [
        ConditionalDistribution(body, families.Normal(shape), name=f"{name}_{level}")
        for level, (body, shape) in enumerate(zip(bodies, shapes, strict=True), start=1)
    ]
