"""The average over draws from the prior."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from tfvae.objectives.base import Objective, Scores, check_sample_size, importance_weighted_bound, mean_distortion
from tfvae.trace import Trace


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class NaiveAverage(Objective):
    """The average of p(x|z) over draws from the prior: log p(x) >= E[log 1/L sum_l p(x|z_l)], z_l ~ p(z).

        loss = -(logsumexp_l log p(x|z_l) - log L)

    Args:
        sample_size: number L of draws.
    """

    sample_size: int = 1000

    terms = ("loss",)

    def __post_init__(self) -> None:
        check_sample_size(self)

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        del step  # nothing here changes in the course of training
        loss = -importance_weighted_bound(trace.log_px_z)
        return Scores(loss=loss, elbo=None, distortion=mean_distortion(trace), rate=None)
