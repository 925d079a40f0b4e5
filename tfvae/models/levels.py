"""What VAEs with several levels of latents share: from two walks through the levels to everything else.

A final class has z_1 (at the data) ... z_L (at the top), with

    log p(x, z) = log p(x|z) + log p(z_L) + sum_l log p(z_l|z_(l+1) ... z_L)

and says in two walks which level sees which:

    infer(x, choose, training)   with x in sight: an `Inferred` for each level, and what the decoder takes
    generate(choose)             from the top to the data: z of each level, and what the decoder takes

Both give the lowest level first. `choose` makes z of a level from its distribution: a draw, a mean or a given value.
`top` is q(z_L|x) from x, for a prior that is made of it, or None.

The functions from `trace_of` on are methods of such a class. `sample` returns z of all levels side by side, flattened,
the lowest first: `[B, D]`. So does `codes`, and `likelihood` takes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import integer
from tfvae._support.finite import require_finite
from tfvae.conditional import ConditionalDistribution
from tfvae.models.ancestral import data_of
from tfvae.models.checks import require_draws, require_kinds, require_same_examples
from tfvae.noise import Noise
from tfvae.priors import Prior
from tfvae.trace import Inferred, Trace, latent

Choose = Callable[[int, tfp.distributions.Distribution], tf.Tensor]
"""Function of a level, counted from 0 at the data, and of the distribution of its z given what is known by then: z."""


def check_parts(
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


def set_shapes(model: Any) -> None:
    """Sets what follows from the parts of a model with levels.

    Raises:
        ValueError: the prior or the objective does not fit.
    """
    require_same_examples(model.prior, model.data_shape)
    model.starts_from_data = model.prior.data_shape is not None
    model.latent_shapes = tuple(each.family.event_shape for each in model.posteriors)
    sizes = [math.prod(shape) for shape in model.latent_shapes]
    model.levels, model.latent_shape = len(sizes), (sum(sizes),)
    model.level_of = tuple(level + 1 for level, size in enumerate(sizes) for _ in range(size))
    model.check_objective(model.objective)


def draws_of_posteriors(model: Any, noise: Noise, sample_size: int) -> Choose:
    """Draws from the posteriors."""
    return lambda level, posterior: model.posteriors[level].family.draw(
        posterior, noise, stream("posterior", level, model.levels), sample_size
    )


def draws_of_priors(model: Any, noise: Noise, n: Any, redrawn: int) -> Choose:
    """Draws from the priors; a single one of each level above `redrawn`."""

    def choose(level: int, prior: tfp.distributions.Distribution) -> tf.Tensor:
        rows = 1 if level >= redrawn else n
        if level == model.levels - 1:
            return model.prior.draw(model.top, noise, rows)
        return model.priors[level].family.draw(prior, noise, stream("prior", level, model.levels), rows=rows)

    return choose


def given_latents(model: Any, z: Any) -> Choose:
    """Takes the levels of z, `[..., D]`."""
    parts = split(tf.convert_to_tensor(z), model.latent_shapes)
    return lambda level, _: parts[level]


def mean_of(_: int, distribution: tfp.distributions.Distribution) -> tf.Tensor:
    """Takes the mean of each level's distribution."""
    return distribution.mean()


def stream(use: str, level: int, levels: int) -> str:
    """Returns the name of a level's noise; at the top that of a model of one level."""
    return use if level == levels - 1 else f"{use} {level + 1}"


def side_by_side(z: Sequence[tf.Tensor], shapes: Sequence[tuple[int, ...]]) -> tf.Tensor:
    """Joins `[..., *shape]` of each level to `[..., D]`; leading axes are broadcast."""
    leading = tf.shape(z[0])[: z[0].shape.rank - len(shapes[0])]
    flat = [
        tf.reshape(each, tf.concat([tf.shape(each)[: each.shape.rank - len(shape)], [math.prod(shape)]], axis=0))
        for each, shape in zip(z, shapes, strict=True)
    ]
    return tf.concat([tf.broadcast_to(each, tf.concat([leading, each.shape[-1:]], axis=0)) for each in flat], -1)


def split(z: tf.Tensor, shapes: Sequence[tuple[int, ...]]) -> list[tf.Tensor]:
    """Cuts `[..., D]` into `[..., *shape]` of each level."""
    sizes = [math.prod(shape) for shape in shapes]
    if z.shape[-1] != sum(sizes):
        raise ValueError(f"`z` must be latents of shape (..., {sum(sizes)}); received {tuple(z.shape)}.")
    leading = tf.shape(z)[:-1]
    return [
        tf.ensure_shape(tf.reshape(part, tf.concat([leading, shape], axis=0)), [*z.shape[:-1], *shape])
        for part, shape in zip(tf.split(z, sizes, axis=-1), shapes, strict=True)
    ]


def trace_of(
    model: Any,
    x: tf.Tensor,
    noise: Noise,
    sample_size: int = 1,
    y: Any = None,
    training: bool = False,
    z: tf.Tensor | None = None,
) -> Trace:
    """See `UnsupervisedModel.trace_of`; `z`, latents `[S, B, D]`, may be given in place of draws from q."""
    choose = draws_of_posteriors(model, noise, sample_size) if z is None else given_latents(model, z)
    groups, context = model.infer(model.preprocess.grey(x), choose, training)
    likelihood = model.decoder(context, training=training)
    return Trace(log_px_z=likelihood.log_prob(x), latents=tuple(latent(*each) for each in groups))


def groups(model: Any, x: tf.Tensor, noise: Noise, sample_size: int) -> list[Inferred]:
    """Returns the latents of preprocessed examples `[B, *data]`, a group for each level: S draws, as in `trace_of`."""
    return model.infer(model.preprocess.grey(x), draws_of_posteriors(model, noise, sample_size))[0]


def call(model: Any, raw: Any, training: bool | None = None) -> tfp.distributions.Distribution:
    """Returns p(x|z) at the mean of each posterior in turn."""
    x = model.preprocess.grey(model.representative(raw))
    return model.decoder(model.infer(x, mean_of, bool(training))[1], training=training)


def sample(
    model: Any, n: Any, seed: Any = 0, mean: bool = False, redrawn: int | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws the latents from the top down, and data from the decoder.

    Args:
        n, seed, mean: see `abilities.sample`.
        redrawn: the highest level that differs between the draws; those above are drawn once for all. None: all
            levels differ.

    Returns:
        z `[n, D]` and x `[n, *data]` in the units of the preprocessed data.

    Raises:
        ValueError: there is no such level.
    """
    require_draws(n)
    levels = model.levels
    redrawn = levels if redrawn is None else integer("redrawn", redrawn, 1, levels, "the number of levels, ")
    noise = Noise(seed)
    z, context = model.generate(draws_of_priors(model, noise, n, redrawn))
    latents, x = side_by_side(z, model.latent_shapes), data_of(model.decoder, context, noise, mean)
    require_finite("The samples", latents, x)
    return latents, x


def likelihood(model: Any, z: Any) -> tfp.distributions.Distribution:
    """Returns p(x|z) of latents `[..., D]`."""
    return model.decoder(model.generate(given_latents(model, z))[1])


def draw_latents(model: Any, noise: Noise, n: Any) -> tf.Tensor:
    """Draws latents from the priors, `[n, D]`."""
    return side_by_side(model.generate(draws_of_priors(model, noise, n, model.levels))[0], model.latent_shapes)


def draw_codes(model: Any, x: Any, noise: Noise) -> tf.Tensor:
    """Draws latents from the posteriors of preprocessed examples, `[B, D]`."""
    return side_by_side([group.z[0] for group in model.groups(x, noise, 1)], model.latent_shapes)


def moments(model: Any, x: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and standard deviation of each level's posterior, given the means of those before: `[B, D]` both."""
    found, _ = model.infer(model.preprocess.grey(x), mean_of)
    means, stddevs = [each.z for each in found], [each.posterior.stddev() for each in found]
    return side_by_side(means, model.latent_shapes), side_by_side(stddevs, model.latent_shapes)


def codes(model: Any, x: Any) -> tf.Tensor:
    """Returns the means of `moments`."""
    return model.moments(x)[0]
