"""The lecture's first idea: log p(x) by averaging p(x|z) over draws from the prior, and why it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy import special

from tfvae._support.checks import check_some, integer, seed_of_draws
from tfvae.families.pairs import log_prob_of_pairs
from tfvae.models import VAE
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.training.choice import by_rule

_DRAWS = 64  # of z at a time
_CLOSE = 1.0  # nat


class NaiveEstimate(NamedTuple):
    """Averages over a few examples for a growing number of prior draws.

    Attributes:
        draws: L, powers of two, `[K]`.
        log_p: average over the examples of log 1/L sum_l p(x|z_l), `[K]` in nats; the same draws serve all examples,
            and more draws begin with those of fewer.
        by_example: the same with all draws, `[N]`.
    """

    draws: np.ndarray
    log_p: np.ndarray
    by_example: np.ndarray

    def draws_within_a_nat(self, log_likelihood: float) -> int | None:
        """The smallest L from which on the average is at most 1 nat below another lower bound, or None if none is."""
        far = np.flatnonzero(self.log_p < log_likelihood - _CLOSE)
        first = far[-1] + 1 if len(far) else 0
        return int(self.draws[first]) if first < len(self.draws) else None


def naive_estimate(model: VAE, x: Any, most_draws: int = 2**16, seed: int = 0) -> NaiveEstimate:
    """Estimates log p(x) = log E_p(z)[p(x|z)] by draws from the prior.

        log p(x) ~ log 1/L sum_l p(x|z_l),  z_l ~ p(z)

    In expectation a lower bound, as any logarithm of an average. Few draws explain a given x at all, so that about
    exp(KL(p(z|x) || p(z))) of them are needed: it comes close for a handful of latents or data that say little, and
    never for images. Unlike the bound through the encoder it owes the encoder nothing.

    Args:
        model: a model with a likelihood.
        x: preprocessed examples `[N, *data]`, some tens: each is scored with each draw.
        most_draws: L to go up to, rounded down to a power of two, at least 1.
        seed: of the draws.

    Raises:
        ValueError: `most_draws` is below 1, there are no examples, or the model has no likelihood.
    """
    most_draws, seed = integer("most_draws", most_draws, 1), seed_of_draws(seed)
    if not model.unit.is_likelihood:
        raise ValueError(f"This model has no log p(x): {model.unit.convention}.")
    x = tf.convert_to_tensor(x)
    check_some("x", x)
    draws = 2 ** np.arange(most_draws.bit_length())
    program, total, sums = _program(model, x), np.array(-np.inf), []
    for start in range(0, draws[-1], _DRAWS):
        part = np.float64(program(tf.constant(seed, tf.int64), tf.constant(start, tf.int64)))
        for count in draws[(start < draws) & (draws <= start + _DRAWS)]:
            sums.append(np.logaddexp(total, special.logsumexp(part[: count - start], axis=0)))
        total = np.logaddexp(total, special.logsumexp(part, axis=0))
    by_example = np.array(sums) - np.log(draws)[:, np.newaxis]
    return NaiveEstimate(draws, by_example.mean(axis=1), by_example[-1])


def _program(model: VAE, x: tf.Tensor) -> Callable[..., tf.Tensor]:
    """A function of the seed and the first draw's number: log p(x|z) of `_DRAWS` prior draws, `[_DRAWS, N]`."""

    @tf.function(autograph=False, jit_compile=by_rule(model).jit_compile)
    def program(seed: tf.Tensor, first_draw: tf.Tensor) -> tf.Tensor:
        z = model.draw_latents(Noise(EVALUATION_SEED, seed, first_draw), _DRAWS)
        return log_prob_of_pairs(model.likelihood(z[:, tf.newaxis]), x)

    return program
