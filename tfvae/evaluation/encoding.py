"""The codes of a fixed array: what stands for each example."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfvae._support.checks import check_some, integer
from tfvae._support.finite import require_finite
from tfvae.models import UnsupervisedModel


class Codes(NamedTuple):
    """Attributes: mean and stddev of q(z|x), both `[N, D]`; latents that are no vectors are flattened. The code itself
    and None for a model without a q(z|x)."""

    mean: np.ndarray
    stddev: np.ndarray | None


def encode(model: UnsupervisedModel, x: np.ndarray, batch_size: int = 500) -> Codes:
    """The code of each example: mean and standard deviation of q(z_d|x), exact, or what else a model has.

    Args:
        model: a model that gives `codes`.
        x: preprocessed examples `[N, *data]`, such as `fix(raw, model.preprocess).x` or `model.representative(raw)`.
        batch_size: examples at a time; it changes nothing but memory and speed.

    Raises:
        ValueError: there are no examples, or `batch_size` is below 1.
        NotImplementedError: the model has no codes.
        FloatingPointError: the codes are not finite.
    """
    check_examples(x, batch_size)
    batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
    if "latents" in model.lacks:
        parts = [np.concatenate([np.asarray(model.codes(batch)) for batch in batches])]
    else:
        moments = zip(*(model.moments(batch) for batch in batches), strict=True)
        parts = [np.concatenate([*map(np.asarray, each)]).reshape(len(x), -1) for each in moments]
    require_finite("The codes", *parts)
    return Codes(parts[0], parts[1] if len(parts) > 1 else None)


def check_examples(x: np.ndarray, batch_size: int) -> None:
    """ValueError if there are no examples or no batches of them."""
    check_some("x", x)
    integer("batch_size", batch_size, 1)
