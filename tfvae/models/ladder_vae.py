"""The hierarchical VAE whose posteriors, like its priors, go from the top down."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.conditional import ConditionalDistribution
from tfvae.models import ancestral, levels
from tfvae.models.checks import build_part
from tfvae.models.levels import Choose
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.networks.checks import built_body
from tfvae.objectives import ELBO, Objective
from tfvae.preprocessing import Preprocessing
from tfvae.priors import Prior
from tfvae.trace import Inferred


@keras.saving.register_keras_serializable("tfvae")
class LadderVAE(UnsupervisedModel):
    """A VAE with L levels of latents, each of which depends on all above it, in p and in q.

        d_1 = bottom_up_1(x),  d_l = bottom_up_l(d_(l-1))                           features, from x up
        q(z_L|x) = posterior_L(d_L),  q(z_l|x, above) = posterior_l(d_l, s_l)       from the top down
        p(z_L) = prior,               p(z_l|above)    = prior_l(s_l)
        s_(L-1) = top_down_(L-1)(z_L),  s_l = top_down_l(s_(l+1), z_(l+1)),  p(x|z) = decoder(s_1, z_1)

    What stands side by side is joined along the last axis: vectors, or maps of one height and width. With one level it
    is a `VAE`.

    Args:
        bottom_up: L networks, the first one of x.
        posteriors: L, the lowest first.
        top_down: L - 1 networks, the one that makes s_1 first.
        priors: L - 1, the lowest first.
        decoder, prior, preprocess, objective, seed: see `VAE`.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the parts do not fit.

    Source: Sonderby et al. 2016, arXiv:1602.02282, whose q merges the two estimates by their precisions; here a network
    does, as in Kingma et al. 2016, arXiv:1606.04934.
    """

    latent_shapes: tuple[tuple[int, ...], ...]  # of one z of each level, the lowest first
    level_of: tuple[int, ...]  # the level of each of D elements, counted from 1 at the data

    # What follows from `infer` and `generate`.
    trace_of, groups, call = levels.trace_of, levels.groups, levels.call
    sample, likelihood, draw_latents = levels.sample, levels.likelihood, levels.draw_latents
    moments, codes, draw_codes = levels.moments, levels.codes, levels.draw_codes
    views, start_at = ancestral.views, ancestral.start_at

    def __init__(
        self,
        bottom_up: Sequence[keras.Layer],
        posteriors: Sequence[ConditionalDistribution],
        top_down: Sequence[keras.Layer],
        priors: Sequence[ConditionalDistribution],
        decoder: ConditionalDistribution,
        prior: Prior,
        preprocess: Preprocessing,
        objective: Objective | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        found = len(bottom_up), len(posteriors), len(top_down) + 1, len(priors) + 1
        if len(bottom_up) < 1 or len(set(found)) > 1:
            raise ValueError(
                "A ladder of L levels has L `bottom_up`, L `posteriors`, L - 1 `top_down` and L - 1 `priors`, L >= 1; "
                f"received {len(bottom_up)}, {len(posteriors)}, {len(top_down)} and {len(priors)}."
            )
        levels.check_parts(posteriors, priors, decoder, prior)
        super().__init__(preprocess, decoder.family, objective or ELBO(), seed=seed, name=name)
        self.posteriors, self.priors, self.decoder, self.prior = list(posteriors), list(priors), decoder, prior
        levels.set_shapes(self)
        self.bottom_up, self.top_down = list(bottom_up), list(top_down)
        self._build_parts()

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights."""
        return *self.bottom_up, *self.posteriors, *self.top_down, *self.priors, self.decoder, self.prior

    def called_twice(self) -> tuple[keras.Layer, ...]:
        return () if self.prior.data_shape is None else (*self.bottom_up, self.posteriors[-1])

    @property
    def top(self) -> _Top:
        """q(z_L|x) from x, for a prior that is made of it."""
        return _Top(self)

    def infer(self, x: tf.Tensor, choose: Choose, training: bool | None = None) -> tuple[list[Inferred], tf.Tensor]:
        features = self._features(x, training)
        found: list[Inferred] = []

        def walk(level: int, state: tf.Tensor | None, prior: Callable[[], Any]) -> tf.Tensor:
            posterior = self.posteriors[level](_joined(features[level], state), training=training)
            z = choose(level, posterior)
            found.insert(0, Inferred(z, posterior, prior()))
            return z

        context = self._descend(walk, training)
        return found, context

    def generate(self, choose: Choose) -> tuple[list[tf.Tensor], tf.Tensor]:
        found: list[tf.Tensor] = []

        def draw(level: int, state: tf.Tensor | None, prior: Callable[[], Any]) -> tf.Tensor:
            found.insert(0, choose(level, prior()))
            return found[0]

        context = self._descend(draw)
        return found, context

    def _descend(self, choose: Callable[..., tf.Tensor], training: bool | None = None) -> tf.Tensor:
        """What the decoder takes, after `choose(level, state, prior)` has given z of each level."""
        state = None
        for level in reversed(range(self.levels)):
            z = choose(level, state, lambda level=level, state=state: self._prior(level, state, training))
            context = _joined(z, state)
            if level > 0:
                rank = len(self.latent_shapes[level])
                state = _of_each(self.top_down[level - 1], context, rank, training)
        return context

    def _prior(self, level: int, state: tf.Tensor | None, training: bool | None) -> tfp.distributions.Distribution:
        return self.prior.distribution(self.top) if state is None else self.priors[level](state, training=training)

    def _features(self, x: tf.Tensor, training: bool | None) -> list[tf.Tensor]:
        """d of each level, the lowest first, `[B, ...]`."""
        found: list[tf.Tensor] = []
        for network in self.bottom_up:
            x = network(x, training=training)
            found.append(x)
        return found

    def _build_parts(self) -> None:
        shape, features = tuple(self.data_shape), []
        for network in self.bottom_up:
            shape = built_body("bottom_up", network, shape)
            features.append(shape)
        state: tuple[int, ...] | None = None
        for level in reversed(range(self.levels)):
            joined = _joined_shape(level, features[level], state)
            build_part(f"posteriors[{level}]", self.posteriors[level], joined)
            if state is not None:
                build_part(f"priors[{level}]", self.priors[level], state)
            context = _joined_shape(level, self.latent_shapes[level], state)
            if level > 0:
                state = built_body("top_down", self.top_down[level - 1], context)
        build_part("decoder", self.decoder, context)


class _Top:
    """q(z_L|x), as a prior that is made of posteriors takes it."""

    def __init__(self, model: LadderVAE):
        self.model, self.family = model, model.posteriors[-1].family

    def __call__(self, x: tf.Tensor) -> tfp.distributions.Distribution:
        return self.model.posteriors[-1](self.model._features(x, training=False)[-1])


def _joined(values: tf.Tensor, state: tf.Tensor | None) -> tf.Tensor:
    """Both along the last axis, their leading axes broadcast: of several draws the features are the same."""
    if state is None:
        return values
    state = tf.cast(state, values.dtype)
    if values.shape.rank == state.shape.rank and values.shape[:-1] == state.shape[:-1] and None not in values.shape:
        return tf.concat([values, state], axis=-1)
    leading = tf.broadcast_dynamic_shape(tf.shape(values)[:-1], tf.shape(state)[:-1])
    parts = [tf.broadcast_to(each, tf.concat([leading, each.shape[-1:]], axis=0)) for each in (values, state)]
    return tf.concat(parts, axis=-1)


def _of_each(network: keras.Layer, inputs: tf.Tensor, rank: int, training: bool | None) -> tf.Tensor:
    """The network of inputs `[..., *event]` with any leading axes, of which Keras' models take one."""
    leading = tf.shape(inputs)[: inputs.shape.rank - rank]
    outputs = network(tf.reshape(inputs, [-1, *inputs.shape[-rank:]]), training=training)
    return tf.reshape(outputs, tf.concat([leading, outputs.shape[1:]], axis=0))


def _joined_shape(level: int, shape: tuple[int, ...], state: tuple[int, ...] | None) -> tuple[int, ...]:
    if state is None:
        return shape
    if shape[:-1] != state[:-1]:
        raise ValueError(
            f"At level {level + 1} features or latents of shape {shape} are to stand beside what comes from above, "
            f"{state}: all but the last size must be equal."
        )
    return (*shape[:-1], math.prod(shape[-1:]) + state[-1])
