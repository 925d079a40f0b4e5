"""The distortion alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from tfvae.objectives.base import Objective, Scores, check_sample_size, mean_distortion
from tfvae.trace import Trace


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class Distortion(Objective):
    """What the model scores of x, and nothing else: -log p(x) of a density, the squared error of an autoencoder.

        loss = -1/S sum_s log p(x|z_s)

    It has no rate and so no ELBO: the latents may hold as much of x as they can.

    Args:
        sample_size: number S of samples for each example; 1 where the model has no noise of its own.
    """

    sample_size: int = 1

    terms = ("loss",)

    def __post_init__(self) -> None:
        check_sample_size(self)

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        del step  # nothing here changes in the course of training
        distortion = mean_distortion(trace)
        return Scores(loss=distortion, elbo=None, distortion=distortion, rate=None)
