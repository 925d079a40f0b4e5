"""How heavy the tail of importance weights is: whether their average can be trusted."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

UNRELIABLE = 0.7
"""Shape above which an average of so many weights is far from its limit, and its standard error says nothing."""
_FEWEST = 5  # weights in a tail
_ROUNDING = 2.0**-21  # of log weights in float32, relative


def tail_size(sample_size: int) -> int:
    """How many of the S largest weights are the tail: min(S/5, 3 sqrt(S)), rounded down, as ArviZ has it."""
    return math.floor(min(sample_size / 5, 3 * math.sqrt(sample_size)))


def pareto_shape(largest: np.ndarray) -> np.ndarray:
    """The shape k of the generalised Pareto distribution that fits the largest weights.

    Moments of the weights of order 1/k and above are infinite: below 1/2 the variance is finite, from 1 on not even
    the mean exists. An estimate, by Zhang and Stephens' weighted average over a grid of profile likelihoods, drawn
    towards 1/2 as by ten more weights.

    Args:
        largest: `[M + 1, ...]`, the logarithms of the M = `tail_size(S)` largest of S weights and of the next one,
            which is where the tail begins; in any order.

    Returns:
        `[...]`, float64; -inf where the tail's weights are all the same, to float32's rounding of their logarithms; inf
        where most of them vanish beside the largest; NaN where there are fewer than 5.

    Source: Vehtari, Simpson, Gelman, Yao and Gabry, arXiv:1507.02646; Zhang and Stephens 2009, Technometrics 51(3).
    """
    ordered = np.sort(np.asarray(largest, np.float64), axis=0)
    size = len(ordered) - 1
    if size < _FEWEST:
        return np.full(ordered.shape[1:], np.nan)
    weights = np.exp(ordered - ordered[-1])
    excess = weights[1:] - weights[0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        shape = _fit(excess)
    shape = np.where(np.isfinite(shape), shape, np.inf)  # the quartile is 0, to 300 digits
    all_the_same = ordered[-1] - ordered[0] <= _ROUNDING * (1 + np.abs(ordered[-1]))
    return np.where(all_the_same, -np.inf, shape)


def _fit(excess: np.ndarray) -> np.ndarray:
    """Of excesses over the threshold, ascending along the first axis: density (1 - b x)^(-1/k - 1), up to a factor."""
    size = len(excess)
    grid = 30 + int(math.sqrt(size))
    quartile = excess[int(size / 4 + 0.5) - 1]
    steps = (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))).reshape(-1, *[1] * quartile.ndim)
    b = steps / (3 * quartile) + 1 / excess[-1]
    profile = np.stack([_shape(each, excess) for each in b])
    likelihood = size * (np.log(-b / profile) - profile - 1)
    best = np.sum(b * special.softmax(likelihood, axis=0), axis=0)
    return (size * _shape(best, excess) + 10 * 0.5) / (size + 10)


def _shape(b: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """The most likely shape for a given b."""
    return np.mean(np.log1p(-b * excess), axis=0)
