"""Training steps of a copy of a model, timed in several ways in turn."""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfvae.datasets.batches import untuned

_TRIAL_STEPS = 10  # of an execution that is timed, at most
_TRIAL_SECONDS = 0.4  # of timing one way, without its compilation
_ROUNDS, _SLOW_ROUNDS = 5, 3  # the latter where a step takes longer than `_TRIAL_SECONDS`
_AGREEMENT = 1.25  # between the quartiles: a machine that others use halves its speed for seconds at a time
_BUSY = 1.5  # processes that want a core, for each core
_clock = time.perf_counter


class Times(NamedTuple):
    """Seconds a step. Attributes: low, median, high, the quartiles over the rounds of a trial."""

    low: float
    median: float
    high: float

    @property
    def agree(self) -> bool:
        """Whether the rounds gave nearly the same."""
        return self.high <= _AGREEMENT * self.low

    def overlaps(self, other: Times) -> bool:
        """Whether the two may be equal."""
        return self.low <= other.high and other.low <= self.high


NEVER = Times(math.inf, math.inf, math.inf)
"""The times of a way that does not work."""


def timed(copies: Mapping[bool, keras.Model], optimizer: Any, batch: Any) -> dict[bool, Times]:
    """Times training steps with XLA (True) and without (False), in turn, so that a slow second meets both ways.

    Args:
        copies: for each way a copy of a model, which is trained.
        optimizer: of which copies are taken.
        batch: of tensors, which all steps take.

    Returns:
        The times of each way; `NEVER` for XLA if it does not know an operation.

    Raises:
        FloatingPointError: something was not finite.
    """
    trials, times = {}, {}
    for way, copy in copies.items():
        try:
            trials[way] = _Trial(copy, optimizer, batch, way)
        except tf.errors.OpError:
            if not way:
                raise
            times[way] = NEVER
    seconds: dict[bool, list[float]] = {way: [] for way in trials}
    for _ in range(_SLOW_ROUNDS if any(each.alone > _TRIAL_SECONDS for each in trials.values()) else _ROUNDS):
        for way, trial in trials.items():
            seconds[way].append(trial.round())
    return times | {way: Times(*statistics.quantiles(each, method="inclusive")) for way, each in seconds.items()}


def is_busy() -> bool:
    """Whether more processes want this machine than it has cores. Asked before a trial, which uses all of them."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1)


class _Trial:
    """A model that is trained on one batch again and again.

    Args:
        copy: whose weights are changed.
        optimizer: of which a copy is taken.
        batch: of tensors.
        jit_compile: whether XLA compiles the steps.

    Attributes:
        alone: seconds of one step by itself.
    """

    def __init__(self, copy: keras.Model, optimizer: Any, batch: Any, jit_compile: bool):
        copy.compile(
            keras.optimizers.deserialize(keras.optimizers.serialize(optimizer)),
            jit_compile=jit_compile,
            steps_per_execution=_TRIAL_STEPS if jit_compile else 1,
        )
        self._copy, self._train = copy, copy.make_train_function()
        self._iterator = iter(untuned(tf.data.Dataset.from_tensors(batch).repeat()))
        self._seconds(1)  # compiles
        self.alone = self._seconds(1)
        # One step on its own also pays for launching the program, which many share; where it is slow, that is nothing.
        seconds = _TRIAL_SECONDS / _ROUNDS
        self._steps = max(1, min(_TRIAL_STEPS, int(seconds / self.alone))) if jit_compile else 1
        self._repeats = max(1, min(100 // _ROUNDS, int(seconds / (self._steps * self.alone))))

    def round(self) -> float:
        """Seconds a step: the median of some executions."""
        return statistics.median(self._seconds(self._steps) for _ in range(self._repeats))

    def _seconds(self, steps: int) -> float:
        self._copy.steps_left.number = steps
        start = _clock()
        logs = self._train(self._iterator)
        keras.ops.convert_to_numpy(logs["loss"])  # on a GPU the program would otherwise still be running
        return max(_clock() - start, 1e-9) / steps


def copied(model: keras.Model) -> keras.Model:
    """A copy of a model with the same weights.

    Raises:
        NotImplementedError, TypeError, ValueError: the model's configuration does not make one.
    """
    state = random.getstate()  # Keras draws seeds of initial weights from it
    try:
        copy = type(model).from_config(model.get_config())
        copy.set_weights(model.get_weights())
    finally:
        random.setstate(state)
    return copy
