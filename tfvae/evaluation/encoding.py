"""The codes of a fixed array: mean and standard deviation of each example's posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfvae.models import VAE


class Codes(NamedTuple):
    """Attributes: mean and stddev of q(z|x), both `[N, D]`; latents that are no vectors are flattened."""

    mean: np.ndarray
    stddev: np.ndarray


def encode(model: VAE, x: np.ndarray, batch_size: int = 500) -> Codes:
    """Mean and standard deviation of q(z_d|x) for each example, exact.

    Args:
        model: a VAE.
        x: preprocessed examples `[N, *data]`, such as `fix(raw, model.preprocess).x` or `model.representative(raw)`.
        batch_size: examples at a time; it changes nothing but memory and speed.

    Raises:
        ValueError: there are no examples, or `batch_size` is below 1.
    """
    check_examples(x, batch_size)
    means, stddevs = [], []
    for start in range(0, len(x), batch_size):
        posterior = model.posterior(x[start : start + batch_size])
        means.append(np.asarray(posterior.mean()))
        stddevs.append(np.asarray(posterior.stddev()))
    return Codes(*(np.concatenate(each).reshape(len(x), -1) for each in (means, stddevs)))


def check_examples(x: np.ndarray, batch_size: int) -> None:
    """ValueError if there are no examples or no batches of them."""
    if not len(x):
        raise ValueError("`x` must hold at least one example; received none.")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"`batch_size` must be an integer of at least 1; received {batch_size!r}.")
