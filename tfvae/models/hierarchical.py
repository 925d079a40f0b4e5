"""What models with several levels of latents share: from a list of z, posterior and prior by level to everything."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import integer
from tfvae._support.finite import require_finite
from tfvae.conditional import ConditionalDistribution
from tfvae.models.ancestral import data_of
from tfvae.models.checks import require_kinds
from tfvae.models.latent_variable import LatentVariableModel
from tfvae.noise import Noise
from tfvae.objectives import ELBO, Objective
from tfvae.preprocessing import Preprocessing
from tfvae.priors import Prior
from tfvae.trace import Inferred

Choose = Callable[[int, tfp.distributions.Distribution], tf.Tensor]
"""Gives z of a level, counted from 0 at the data, when its distribution given what is known by then is at hand."""


class HierarchicalVAE(LatentVariableModel, abc.ABC):
    """A VAE with levels of latents z_1 (at the data) ... z_L (at the top).

        log p(x, z) = log p(x|z) + log p(z_L) + sum_l log p(z_l|z_(l+1) ... z_L)

    A final class says what the networks see: it walks up or down. Here, z of all levels side by side, flattened, the
    lowest first, is what `sample` returns, `likelihood` takes and `codes` gives: `[B, D]`.

    Args:
        posteriors: q of each level, the lowest first.
        priors: p of each level but the top, the lowest first.
        decoder: p(x|z).
        prior: p(z_L).
        preprocess: from raw data to x.
        objective: what is minimised; the ELBO with one sample if not given.
        seed: of the noise of training.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the parts do not fit, or a gradient of the objective is for one level.
    """

    def __init__(
        self,
        posteriors: Sequence[ConditionalDistribution],
        priors: Sequence[ConditionalDistribution],
        decoder: ConditionalDistribution,
        prior: Prior,
        preprocess: Preprocessing,
        objective: Objective | None,
        seed: int,
        name: str | None,
    ):
        _check_parts(posteriors, priors, decoder, prior)
        super().__init__(preprocess, decoder.family, objective or ELBO(), seed=seed, name=name)
        self._check_prior(prior)
        self.latent_shapes = tuple(each.family.event_shape for each in posteriors)
        """Shape of one z of each level, the lowest first."""
        self.posteriors, self.priors, self.decoder, self.prior = list(posteriors), list(priors), decoder, prior
        self.check_objective(self.objective)

    def check_objective(self, objective: Objective) -> None:
        super().check_objective(objective)
        gradient = getattr(objective, "gradient", "plain")
        if self.levels > 1 and gradient != "plain":
            raise ValueError(f'`objective` has the gradient "{gradient}", which is of one level of latents.')

    @property
    def top(self) -> Any:
        """q(z_L|x) from x, for a prior that is made of it; None where it is not to be had."""
        return None

    @abc.abstractmethod
    def inferred(self, x: tf.Tensor, choose: Choose, training: bool | None = None) -> tuple[list[Inferred], tf.Tensor]:
        """Walks through the levels with x in sight; the lowest first, and what the decoder takes.

        Args:
            x: preprocessed examples `[B, *data]`, as the networks see them.
            choose: z from its posterior.
            training: as for Keras layers.
        """

    @abc.abstractmethod
    def generated(self, choose: Choose) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Walks from the top to the data; z of each level, the lowest first, and what the decoder takes.

        Args:
            choose: z from its prior.
        """

    @property
    def levels(self) -> int:  # type: ignore[override]
        """Number L of levels."""
        return len(self.latent_shapes)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        return (sum(math.prod(shape) for shape in self.latent_shapes),)

    @property
    def level_of(self) -> tuple[int, ...]:
        """The level of each of the D elements, counted from 1 at the data."""
        return tuple(level + 1 for level, shape in enumerate(self.latent_shapes) for _ in range(math.prod(shape)))

    def call(self, raw: Any, training: bool | None = None) -> tfp.distributions.Distribution:
        """p(x|z) where z is the mean of each posterior in turn."""
        x = self.preprocess.grey(self.representative(raw))
        return self.decoder(self.inferred(x, _mean, bool(training))[1], training=training)

    def inferred_with(
        self, x: tf.Tensor, noise: Noise, sample_size: int, training: bool | None, z: tf.Tensor | None
    ) -> tuple[list[Inferred], tf.Tensor]:
        parts = None if z is None else self._split(z)

        def choose(level: int, posterior: tfp.distributions.Distribution) -> tf.Tensor:
            if parts is not None:
                return parts[level]
            return self.posteriors[level].family.draw(posterior, noise, self._stream("posterior", level), sample_size)

        return self.inferred(self.preprocess.grey(x), choose, training)

    def sample(
        self, n: Any, seed: Any = 0, mean: bool = False, redrawn: int | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws the latents from the top down, and data from the decoder.

        Args:
            n, seed, mean: see `Abilities.sample`.
            redrawn: the highest level that differs between the draws; those above are drawn once for all. None: all
                levels differ.

        Returns:
            z `[n, D]` and x `[n, *data]` in the units of the preprocessed data.

        Raises:
            ValueError: there is no such level.
        """
        self.check_draws(n)
        redrawn = (
            self.levels if redrawn is None else integer("redrawn", redrawn, 1, self.levels, "the number of levels, ")
        )
        noise = Noise(seed)
        z, context = self.generated(self._draws(noise, n, redrawn))
        latents, x = self._side_by_side(z), data_of(self.decoder, context, noise, mean)
        require_finite("The samples", latents, x)
        return latents, x

    def draw_codes(self, x: Any, noise: Noise) -> tf.Tensor:
        return self._side_by_side([group.z[0] for group in self.groups(x, noise, 1)])

    def draw_latents(self, noise: Noise, n: Any) -> tf.Tensor:
        return self._side_by_side(self.generated(self._draws(noise, n, self.levels))[0])

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        parts = self._split(tf.convert_to_tensor(z))
        return self.decoder(self.generated(lambda index, _: parts[index])[1])

    def moments(self, x: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and standard deviation of each level's posterior, given the means of those before it: `[B, D]` both."""
        groups, _ = self.inferred(self.preprocess.grey(x), _mean)
        return self._side_by_side([each.z for each in groups]), self._side_by_side(
            [each.posterior.stddev() for each in groups]
        )

    def codes(self, x: Any) -> tf.Tensor:
        return self.moments(x)[0]

    def _draws(self, noise: Noise, n: Any, redrawn: int) -> Choose:
        """Draws from the priors; a single one of each level above `redrawn`."""

        def choose(level: int, prior: tfp.distributions.Distribution) -> tf.Tensor:
            rows = 1 if level >= redrawn else n
            if level == self.levels - 1:
                return self.prior.draw(self.top, noise, rows)
            return self.priors[level].family.draw(prior, noise, self._stream("prior", level), rows=rows)

        return choose

    def _stream(self, use: str, level: int) -> str:
        """The name of a level's noise; at the top that of a model of one level."""
        return use if level == self.levels - 1 else f"{use} {level + 1}"

    def _side_by_side(self, z: Sequence[tf.Tensor]) -> tf.Tensor:
        """`[..., *latent]` of each level, leading axes broadcast -> `[..., D]`."""
        leading = tf.shape(z[0])[: z[0].shape.rank - len(self.latent_shapes[0])]
        flat = [
            tf.reshape(each, tf.concat([tf.shape(each)[: each.shape.rank - len(shape)], [math.prod(shape)]], axis=0))
            for each, shape in zip(z, self.latent_shapes, strict=True)
        ]
        return tf.concat([tf.broadcast_to(each, tf.concat([leading, each.shape[-1:]], axis=0)) for each in flat], -1)

    def _split(self, z: tf.Tensor) -> list[tf.Tensor]:
        """`[..., D]` -> `[..., *latent]` of each level."""
        if z.shape[-1] != self.latent_shape[0]:
            raise ValueError(f"`z` must be latents of shape (..., {self.latent_shape[0]}); received {tuple(z.shape)}.")
        parts = tf.split(z, [math.prod(shape) for shape in self.latent_shapes], axis=-1)
        leading = tf.shape(z)[:-1]
        return [
            tf.ensure_shape(tf.reshape(part, tf.concat([leading, shape], axis=0)), [*z.shape[:-1], *shape])
            for part, shape in zip(parts, self.latent_shapes, strict=True)
        ]


def _check_parts(
    posteriors: Sequence[ConditionalDistribution],
    priors: Sequence[ConditionalDistribution],
    decoder: ConditionalDistribution,
    prior: Prior,
) -> None:
    """TypeError or ValueError unless the parts are distributions with densities, of latents of the same shapes."""
    require_kinds(decoder=(decoder, ConditionalDistribution), prior=(prior, Prior))
    for argument, parts in (("posteriors", posteriors), ("priors", priors)):
        for index, part in enumerate(parts):
            require_kinds(**{f"{argument}[{index}]": (part, ConditionalDistribution)})
    if decoder.family.scores == "point":
        raise ValueError("`decoder` must have a density; that of `Delta` is no likelihood.")
    for level, posterior in enumerate(posteriors):
        if posterior.family.scores == "point" or posterior.family.layers:
            family = type(posterior.family).__name__
            raise ValueError(f"The posterior of a level must have a density by itself; received `{family}`.")
        above = prior.event_shape if level == len(priors) else priors[level].family.event_shape
        if above != posterior.family.event_shape:
            raise ValueError(
                f"The prior of level {level + 1} is over latents of shape {above}, its posterior over "
                f"{posterior.family.event_shape}."
            )


def _mean(_: int, posterior: tfp.distributions.Distribution) -> tf.Tensor:
    return posterior.mean()
