"""What the reproductions share: figures with their standard error, and results kept as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.files import written_whole
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
        found.append(model.objective(trace).elbo.numpy())
    return np.concatenate(found)


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Writes a result whole or not at all, in a folder that is made if missing.

    Raises:
        OSError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as unfinished:
            unfinished.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}.") from error


def read_json(path: Path) -> dict[str, Any] | None:
    """A result that was written before, or None.

    Raises:
        ValueError: the file holds something else.
    """
    if not path.exists():
        return None
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no result as this writes them; delete it to have it made again.") from error
