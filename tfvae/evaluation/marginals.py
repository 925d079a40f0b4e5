"""How far the marginals of the aggregate posterior are from the prior's, by numerical quadrature."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation.pairwise import log_sum_densities

_REACH = 9  # standard deviations beyond which a normal has 1e-19 of its mass
_FIRST, _LAST = 2**8, 2**15  # intervals of the coarsest and of the finest grid
_ERROR = 1e-6  # nats


class TooNarrow(Exception):
    """The finest grid does not resolve a dimension's posteriors."""


def marginal_kl(mean: np.ndarray, stddev: np.ndarray, prior: tfp.distributions.Independent) -> np.ndarray:
    """KL(q(z_d) || p(z_d)) for q(z_d) = 1/N sum_n N(z_d; mean_nd, stddev_nd^2).

    By the trapezoidal rule over all of q's mass. Its intervals are halved until that changes the KL divergence by less
    than 1e-6 nats and the mass is within 1e-6 of 1; for smooth densities that vanish at both ends the rule converges
    faster than any power, so the error is then far below the last change.

    Args:
        mean, stddev: `[N, D]`.
        prior: of independent elements, event size D.

    Returns:
        float64 `[D]` in nats.

    Raises:
        TooNarrow: 32,768 intervals are too few.
    """
    mean, stddev = np.asarray(mean, np.float64), np.asarray(stddev, np.float64)
    log_priors = [functools.partial(_log_prior, prior, dimension) for dimension in range(mean.shape[1])]
    return np.array([_kl(*each) for each in zip(mean.T, stddev.T, log_priors, strict=True)])


def _kl(mean: np.ndarray, stddev: np.ndarray, log_prior: Callable[[np.ndarray], np.ndarray]) -> float:
    """KL of a mixture of normals, `[N]` each, from a density."""
    components = tfp.distributions.Independent(
        tfp.distributions.Normal(mean[:, np.newaxis], stddev[:, np.newaxis]), reinterpreted_batch_ndims=1
    )

    def sums(z: np.ndarray) -> np.ndarray:
        """Of the integrands: q, whose integral is 1, and q log(q/p)."""
        log_q = log_sum_densities(components, tf.constant(z[:, np.newaxis])).numpy() - math.log(len(mean))
        q = np.exp(log_q)
        with np.errstate(invalid="ignore"):  # 0 times minus infinity, where both densities vanish
            return np.array([q.sum(), np.where(q > 0, q * (log_q - log_prior(z)), 0.0).sum()])

    low, high = np.min(mean - _REACH * stddev), np.max(mean + _REACH * stddev)
    intervals, width = _FIRST, (high - low) / _FIRST
    mass, kl = width * sums(np.linspace(low, high, _FIRST + 1))
    while intervals < _LAST:
        coarser = kl
        mass, kl = (np.array([mass, kl]) + width * sums(low + width * (np.arange(intervals) + 0.5))) / 2
        intervals, width = 2 * intervals, width / 2
        if abs(mass - 1) < _ERROR and (kl == coarser or abs(kl - coarser) < _ERROR):
            return float(kl)
    raise TooNarrow


def _log_prior(prior: Any, dimension: int, z: np.ndarray) -> np.ndarray:
    """log p(z_d) at points `[P]`."""
    ones = np.ones(prior.event_shape)
    points = tf.cast(z.reshape(-1, *(1,) * ones.ndim) * ones, prior.dtype)
    return prior.distribution.log_prob(points).numpy().reshape(len(z), -1)[:, dimension].astype(np.float64)
