"""A schedule for the weight of a rate."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae._support.checks import integer, number
from tfvae._support.configured import Configured


@keras.saving.register_keras_serializable("tfvae")
class WarmUp(Configured, keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to `final` in `steps` steps and stays there: a schedule for `ELBO(beta=...)`."""

    def __init__(self, steps: int, final: float = 1.0):
        self.steps, self.final = integer("steps", steps, 1), number("final", final, least=0)

    def __call__(self, step: Any) -> tf.Tensor:
        return self.final * tf.minimum(1.0, tf.cast(step, tf.float32) / self.steps)
