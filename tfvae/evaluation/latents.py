"""Which latent dimensions a model uses: the rate of each, and how far its posterior mean moves with the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae._support.checks import check_some, integer
from tfvae.models import VAE, LadderVAE, StackedVAE
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.trace import Inferred, latent

ACTIVE = 1e-2
"""Variance of the posterior mean above which a latent dimension is called active."""


class LatentStatistics(NamedTuple):
    """What `latent_statistics` finds. Latents that are no vectors are flattened, and those of several levels stand side
    by side, the lowest level first: D dimensions.

    Attributes:
        rate: average over the examples of KL(q(z_d|x) || p(z_d)), `[D]` in nats, exact (of several levels for two draws
            of the latents that it depends on); None where TFP has no closed form for single dimensions (a full
            covariance, or a prior that is a mixture).
        level_rate: average over the examples of KL(q(z|x) || p(z)) of each level in nats, `[L]`.
        sampled: whether `level_rate` is an estimate, from one draw of z for each example (of several levels from two),
            because TFP has no closed form; otherwise it is exact.
        variance_of_mean: variance over the examples of the mean of q(z_d|x), `[D]`. Where that mean depends on a draw
            of other levels, the covariance of two of them: an unbiased estimate for their average, which may be
            negative.
        level_of: the level of each dimension, `[D]`, counted from 1 at the data.
    """

    rate: np.ndarray | None
    level_rate: np.ndarray
    sampled: bool
    variance_of_mean: np.ndarray
    level_of: np.ndarray

    @property
    def total_rate(self) -> float:
        """Average over the examples of KL(q(z|x) || p(z)) of all levels in nats."""
        return float(np.sum(self.level_rate))

    @property
    def active(self) -> np.ndarray:
        """Whether the variance of the posterior mean is above 0.01, `[D]` bool."""
        return self.variance_of_mean > ACTIVE

    @property
    def active_units(self) -> int:
        """Number of active dimensions."""
        return int(np.sum(self.active))

    @property
    def level_active_units(self) -> np.ndarray:
        """Number of active dimensions of each level, `[L]`."""
        return np.bincount(self.level_of[self.active], minlength=len(self.level_rate) + 1)[1:]


def latent_statistics(
    model: VAE | LadderVAE | StackedVAE, raw: Any, batch_size: int = 500, seed: int = EVALUATION_SEED
) -> LatentStatistics:
    """The rate of each latent dimension and the number of active units.

        rate_d = 1/N sum_x KL(q(z_d|x) || p(z_d)),   active: Var_x(E_q[z_d|x]) > 0.01 (divided by N, not N - 1)

    x is the example's own fixed draw of binarisation or dequantisation, by its index in `raw`; with seed 0 that is the
    array that `evaluate` and `fix` use. The result is the same whatever the batch size, to rounding: sums are kept in
    float64. What is sampled, too, has its draws by index.

    Args:
        model: a VAE whose posterior has a density.
        raw: raw examples `[N, *data]`, or a `tf.data.Dataset` of batches of them, with or without labels.
        batch_size: examples at a time, where `raw` is no dataset.
        seed: of x, and of draws of z.

    Raises:
        ValueError: there are no examples or bad ones, `batch_size` is below 1, or the posterior is a point.

    Source: Burda et al. 2015, arXiv:1509.00519, for active units and their threshold.
    """
    model.require("latents")
    draws = 1 if model.levels == 1 else 2
    levels, count = [_Level() for _ in range(model.levels)], 0
    if not isinstance(raw, tf.data.Dataset):
        model.preprocess.check(raw)
    for batch in _batches(raw, batch_size):
        examples = model.as_examples(batch)
        model.preprocess.check(examples, whole=False)
        noise = Noise(seed, 0, first_row=count)
        for level, group in zip(levels, model.groups(model.preprocess(examples, noise), noise, draws), strict=True):
            level.add(group)
        count += len(examples)
    check_some("raw", range(count))
    by_dimension = all(level.rate.mean.shape == level.mean.mean.shape and not level.sampled for level in levels)
    return LatentStatistics(
        rate=np.concatenate([level.rate.mean for level in levels]) if by_dimension else None,
        level_rate=np.array([np.sum(level.rate.mean) for level in levels]),
        sampled=any(level.sampled for level in levels),
        variance_of_mean=np.concatenate([level.variance_of_mean for level in levels]),
        level_of=np.repeat(1 + np.arange(len(levels)), [level.mean.mean.size for level in levels]),
    )


class _Level:
    """Sums over the examples of one level's figures."""

    def __init__(self) -> None:
        self.mean, self.half_difference, self.rate, self.sampled = _Moments(), _Moments(), _Moments(), False

    def add(self, group: Inferred) -> None:
        numbers = latent(*group)
        self.sampled = numbers.kl is None
        kl = tf.reduce_mean(numbers.log_q - numbers.log_p, axis=0)[:, tf.newaxis] if self.sampled else numbers.kl
        self.rate.add(kl)
        means = np.asarray(group.posterior.mean())
        if group.posterior.batch_shape.rank == 1:  # the same whatever was drawn
            means = np.stack([means, means])
        self.mean.add((means[0] + means[1]) / 2)
        self.half_difference.add((means[0] - means[1]) / 2)

    @property
    def variance_of_mean(self) -> np.ndarray:
        """Cov(a, b) = Var((a + b)/2) - Var((a - b)/2)."""
        return self.mean.variance - self.half_difference.variance


class _Moments:
    """Mean and variance over rows that come in batches, by Chan, Golub and LeVeque's update: no large sums of squares
    are subtracted from each other."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, np.zeros(1), np.zeros(1)

    def add(self, rows: Any) -> None:
        rows = np.asarray(rows, np.float64)
        rows = rows.reshape(len(rows), -1)
        if not len(rows):
            return
        mean, total = rows.mean(axis=0), self.count + len(rows)
        shift = mean - self.mean
        self._squares = self._squares + np.sum((rows - mean) ** 2, axis=0)
        self._squares = self._squares + shift**2 * (self.count * len(rows) / total)
        self.mean = self.mean + shift * (len(rows) / total)
        self.count = total

    @property
    def variance(self) -> np.ndarray:
        return self._squares / self.count


def _batches(raw: Any, batch_size: int) -> Iterator[Any]:
    if isinstance(raw, tf.data.Dataset):
        for batch in raw:
            yield keras.utils.unpack_x_y_sample_weight(batch)[0]
        return
    batch_size = integer("batch_size", batch_size, 1)
    for start in range(0, len(raw), batch_size):
        yield raw[start : start + batch_size]
