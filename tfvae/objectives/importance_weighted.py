"""The importance-weighted bound."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.checks import check_choice
from tfvae.objectives.base import (
    Objective,
    Scores,
    check_sample_size,
    importance_weighted_bound,
    log_weights,
    mean_distortion,
    sampled_rates,
    total,
)
from tfvae.trace import Trace

GRADIENTS = ("plain", "stl", "dreg")


@keras.saving.register_keras_serializable("tfvae")
@dataclasses.dataclass(frozen=True)
class ImportanceWeighted(Objective):
    """The importance-weighted bound: log p(x) >= E[log 1/S sum_s w_s] >= ELBO, with w_s = p(x, z_s) / q(z_s|x).

        loss = -(logsumexp_s log w_s - log S)

    `elbo`, `distortion` and `rate` are averages over the same samples, so that `-loss` can be compared with `elbo`.

    Args:
        sample_size: number S of samples for each example; with 1 this is the ELBO with a sampled rate.
        gradient: how the gradient for the parameters of q is estimated; the decoder's and the prior's is the same.
            With v_s = w_s / sum_r w_r:
            "plain": of the bound as it stands. Its noise drowns its signal as S grows.
            "stl": sum_s v_s dlog w_s/dz_s dz_s/dphi ("sticking the landing"), without the score of q. Unbiased for
            S = 1 only.
            "dreg": sum_s v_s^2 dlog w_s/dz_s dz_s/dphi (doubly reparameterised). Unbiased; of one group of latents.
            Both are exactly 0 where q is the posterior, whatever the samples.

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv:1509.00519); stl: Roeder, Wu and Duvenaud 2017
    (arXiv:1703.09194); dreg: Tucker, Lawson, Gu and Maddison 2018 (arXiv:1810.04152).
    """

    sample_size: int = 50
    gradient: str = "plain"

    def __post_init__(self) -> None:
        check_sample_size(self)
        check_choice("gradient", self.gradient, GRADIENTS)

    def __call__(self, trace: Trace, step: Any = None) -> Scores:
        del step  # nothing here changes in the course of training
        distortion = mean_distortion(trace)
        rate = total(sampled_rates(trace), distortion)
        log_w = log_weights(trace, through_z_only=self.gradient != "plain")
        loss = -importance_weighted_bound(log_w)
        path_weights = None
        if self.gradient == "dreg":
            if len(trace.latents) > 1:
                raise ValueError('`gradient="dreg"` is for models with one group of latents; use "plain" or "stl".')
            path_weights = tf.stop_gradient(tf.nn.softmax(log_w, axis=0))
        return Scores(loss, -(distortion + rate), distortion, rate, path_weights)
