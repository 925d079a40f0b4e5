"""Which latent dimensions a model uses: the rate of each, and how far its posterior mean moves with the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae.models import VAE
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.trace import latent

ACTIVE = 1e-2
"""Variance of the posterior mean above which a latent dimension is called active."""


class LatentStatistics(NamedTuple):
    """What `latent_statistics` finds. Latents that are no vectors are flattened to D dimensions.

    Attributes:
        rate: average over the examples of KL(q(z_d|x) || p(z_d)), `[D]` in nats, exact; None where TFP has no closed
            form for single dimensions (a full covariance, or a prior that is a mixture).
        total_rate: average over the examples of KL(q(z|x) || p(z)) in nats.
        sampled: whether `total_rate` is an estimate, from one draw of z for each example, because TFP has no closed
            form; otherwise it is exact.
        variance_of_mean: variance over the examples of the mean of q(z_d|x), `[D]`.
    """

    rate: np.ndarray | None
    total_rate: float
    sampled: bool
    variance_of_mean: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """Whether the variance of the posterior mean is above 0.01, `[D]` bool."""
        return self.variance_of_mean > ACTIVE

    @property
    def active_units(self) -> int:
        """Number of active dimensions."""
        return int(np.sum(self.active))


def latent_statistics(model: VAE, raw: Any, batch_size: int = 500, seed: int = EVALUATION_SEED) -> LatentStatistics:
    """The rate of each latent dimension and the number of active units.

        rate_d = 1/N sum_x KL(q(z_d|x) || p(z_d)),   active: Var_x(E_q[z_d|x]) > 0.01 (divided by N, not N - 1)

    x is the example's own fixed draw of binarisation or dequantisation, by its index in `raw`; with seed 0 that is the
    array that `evaluate` and `fix` use. The result is the same whatever the batch size, to rounding: sums are kept in
    float64. The sampled total rate, too, has its draws by index.

    Args:
        model: a VAE whose posterior has a density.
        raw: raw examples `[N, *data]`, or a `tf.data.Dataset` of batches of them, with or without labels.
        batch_size: examples at a time, where `raw` is no dataset.
        seed: of x, and of the draws of a sampled rate.

    Raises:
        ValueError: there are no examples or bad ones, `batch_size` is below 1, or the posterior is a point.

    Source: Burda et al. 2015, arXiv:1509.00519, for active units and their threshold.
    """
    if model.encoder.family.scores == "point":
        raise ValueError("A posterior that is a point has no rate: it is infinite.")
    means, rates, sampled = _Moments(), _Moments(), False
    for batch in _batches(raw, batch_size):
        examples = model.as_examples(batch)
        model.preprocess.check(examples)
        noise = Noise(seed, 0, first_row=means.count)
        posterior = model.posterior(model.preprocess(examples, noise))
        z = model.encoder.family.draw(posterior, noise, "posterior", sample_size=1)
        numbers = latent(z, posterior, model.prior.distribution(model.encoder))
        means.add(posterior.mean())
        sampled = numbers.kl is None
        kl = tf.reduce_mean(numbers.log_q - numbers.log_p, axis=0)[:, tf.newaxis] if sampled else numbers.kl
        rates.add(kl)
    if not means.count:
        raise ValueError("`raw` must hold at least one example; received none.")
    by_dimension = not sampled and rates.mean.shape == means.mean.shape
    return LatentStatistics(
        rate=rates.mean if by_dimension else None,
        total_rate=float(np.sum(rates.mean)),
        sampled=sampled,
        variance_of_mean=means.variance,
    )


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
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1; received {batch_size}.")
    for start in range(0, len(raw), batch_size):
        yield raw[start : start + batch_size]
