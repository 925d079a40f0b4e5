"""What the reproductions share: figures with their standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.models import VAE
from tfvae.noise import EVALUATION_SEED, Noise

_ROWS = 500  # images at a time


def mean_and_error(values: Any) -> dict[str, float]:
    """The mean of N independent figures and its standard error.

        standard error = s / sqrt(N),  s^2 = sum (value - mean)^2 / (N - 1)

    Args:
        values: `[N]`, N >= 2.

    Raises:
        ValueError: there are fewer than two values.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"`values` must be [N] with N >= 2; received shape {values.shape}.")
    return {"mean": float(values.mean()), "standard_error": float(values.std(ddof=1) / np.sqrt(len(values)))}


def elbos(model: VAE, raw: np.ndarray) -> np.ndarray:
    """The ELBO of each image in nats, `[N]`, whose mean is the `elbo` of `model.evaluate(raw)`.

    An estimate of a lower bound on log p(x), from as many samples as the model's objective takes.

    Args:
        model: whose objective is about a likelihood.
        raw: raw images `[N, H, W, C]`.
    """
    found = []
    for start in range(0, len(raw), _ROWS):
        rows = tf.convert_to_tensor(raw[start : start + _ROWS])
        trace = model.sample_trace(rows, Noise(EVALUATION_SEED, 0, start), model.objective.sample_size)
        found.append(np.asarray(model.objective(trace).elbo))
    return np.concatenate(found)
