"""The hierarchical VAE of Burda et al.: the latents of one level are the data of the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.conditional import ConditionalDistribution
from tfvae.models import ancestral, levels
from tfvae.models.checks import build_part
from tfvae.models.levels import Choose
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.objectives import ELBO, Objective
from tfvae.preprocessing import Preprocessing
from tfvae.priors import Prior
from tfvae.trace import Inferred


@keras.saving.register_keras_serializable("tfvae")
class StackedVAE(UnsupervisedModel):
    """VAEs on top of each other, with L levels of latents: each depends on the next one only, in p and in q.

        q(z|x) = q(z_1|x) q(z_2|z_1) ... q(z_L|z_(L-1)),   p(x, z) = p(z_L) p(z_(L-1)|z_L) ... p(z_1|z_2) p(x|z_1)

    With one level it is a `VAE`.

    Args:
        posteriors: L encoders, the first one of x.
        priors: L - 1, p(z_l|z_(l+1)), the lowest first.
        decoder, prior, preprocess, objective, seed: see `VAE`.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the parts do not fit.

    Source: Burda, Grosse and Salakhutdinov 2015, arXiv:1509.00519, equations 1 and 2; its network of two stochastic
    layers is `tfvae.stacked_vae`.
    """

    latent_shapes: tuple[tuple[int, ...], ...]  # of one z of each level, the lowest first
    level_of: tuple[int, ...]  # the level of each of D elements, counted from 1 at the data

    # What follows from `infer` and `generate`.
    trace_of, groups, call = levels.trace_of, levels.groups, levels.call
    sample, likelihood, draw_latents = levels.sample, levels.likelihood, levels.draw_latents
    moments, codes, draw_codes = levels.moments, levels.codes, levels.draw_codes
    views, start_at = ancestral.views, ancestral.start_at
    top = None  # q(z_L|x) cannot be had from x alone

    def __init__(
        self,
        posteriors: Sequence[ConditionalDistribution],
        priors: Sequence[ConditionalDistribution],
        decoder: ConditionalDistribution,
        prior: Prior,
        preprocess: Preprocessing,
        objective: Objective | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        if len(posteriors) < 1 or len(priors) + 1 != len(posteriors):
            raise ValueError(
                "A stack of L levels has L `posteriors` and L - 1 `priors`, L >= 1; "
                f"received {len(posteriors)} and {len(priors)}."
            )
        levels.check_parts(posteriors, priors, decoder, prior)
        super().__init__(preprocess, decoder.family, objective or ELBO(), seed=seed, name=name)
        self.posteriors, self.priors, self.decoder, self.prior = list(posteriors), list(priors), decoder, prior
        levels.set_shapes(self)
        if prior.data_shape is not None:
            raise ValueError(
                "`prior` needs q of the highest level given x alone, which a stack has not; see `LadderVAE`."
            )
        above = self.data_shape, *self.latent_shapes[:-1]
        for level, (posterior, shape) in enumerate(zip(self.posteriors, above, strict=True)):
            build_part(f"posteriors[{level}]", posterior, shape)
        build_part("decoder", self.decoder, self.latent_shapes[0])
        for level, (part, shape) in enumerate(zip(self.priors, self.latent_shapes[1:], strict=True)):
            build_part(f"priors[{level}]", part, shape)

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights."""
        return *self.posteriors, *self.priors, self.decoder, self.prior

    def infer(self, x: tf.Tensor, choose: Choose, training: bool | None = None) -> tuple[list[Inferred], tf.Tensor]:
        z, posteriors, below = [], [], x
        for level, encoder in enumerate(self.posteriors):
            posteriors.append(encoder(below, training=training))
            below = choose(level, posteriors[-1])
            z.append(below)
        priors: list[Any] = [each(above, training=training) for each, above in zip(self.priors, z[1:], strict=True)]
        priors.append(self.prior.distribution(None))
        return [Inferred(*each) for each in zip(z, posteriors, priors, strict=True)], z[0]

    def generate(self, choose: Choose) -> tuple[list[tf.Tensor], tf.Tensor]:
        z = [choose(self.levels - 1, self.prior.distribution(None))]
        for level in reversed(range(self.levels - 1)):
            z.insert(0, choose(level, self.priors[level](z[0])))
        return z, z[0]
