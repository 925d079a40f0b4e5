"""How a run's steps are run: as the settings say, and where they say nothing, as is fastest."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from tfvae._support.devices import replicas
from tfvae.app.settings import Settings
from tfvae.training.choice import Choice, by_measurement, by_rule, estimated_seconds

_WORTH_MEASURING = 30  # seconds of training by estimate: measuring takes five to ten


def choose(
    settings: Settings, model: keras.Model, optimizer: keras.optimizers.Optimizer, images: Any, steps_per_epoch: int
) -> Choice:
    """What to compile the model with: `xla` and `steps_per_execution` of the settings, measured where they are None."""
    xla, steps, batch_size = settings.xla, settings.steps_per_execution, settings.batch_size
    if replicas() > 1:
        if (steps or 1) > 1:
            raise ValueError(f"`steps_per_execution` of {replicas()} replicas must be 1; received {steps}.")
        return by_rule(model, batch_size, xla)
    if xla is None and steps is not None and steps > 1:
        xla = True
    if xla is not None and steps is not None:
        return Choice(xla, steps, "by the settings")
    if estimated_seconds(model, batch_size) * steps_per_epoch * settings.epochs < _WORTH_MEASURING:
        choice = by_rule(model, batch_size, xla)
    else:
        choice = by_measurement(model, optimizer, images.first(batch_size).images, xla)
    return dataclasses.replace(choice, steps_per_execution=steps or choice.steps_per_execution)


def resolved(settings: Settings, model: keras.Model) -> Settings:
    """The settings with what the model was compiled with where they say nothing: they repeat the run bit for bit."""
    xla = model.jit_compile if settings.xla is None else settings.xla
    steps = settings.steps_per_execution or model.steps_per_execution
    return dataclasses.replace(settings, xla=xla, steps_per_execution=steps)
