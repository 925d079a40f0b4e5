"""Which way of running training steps is the fastest: by measurement, or by a rule of thumb."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae._support import private
from tfvae._support.checks import integer
from tfvae._support.devices import on_gpu, replicas
from tfvae.networks.thin_convolution import ThinConv2D
from tfvae.training import memory, trial
from tfvae.training.trial import NEVER, Times

_SECONDS = 0.3  # of one execution at most: the progress bar moves, and Ctrl-C is heard, between executions
_BYTES = 2**26  # of the batches of one execution at most
_MOST_STEPS = 200
_CPU_SPEED, _GPU_SPEED = 1e11, 1e13  # floating-point operations a second, assumed
_KERAS_BATCH = 32  # examples, where nobody says how many


@dataclasses.dataclass(frozen=True)
class Choice:
    """A way of running training steps.

    Attributes:
        jit_compile: whether XLA compiles them.
        steps_per_execution: how many are run as one XLA program; 1 without XLA, where Keras' loop gains nothing.
        reason: one line about what it was chosen by.
    """

    jit_compile: bool
    steps_per_execution: int
    reason: str

    @property
    def arguments(self) -> dict[str, Any]:
        """For `compile`."""
        return {"jit_compile": self.jit_compile, "steps_per_execution": self.steps_per_execution}

    def __str__(self) -> str:
        way = f"XLA, {self.steps_per_execution} steps an execution" if self.jit_compile else "without XLA, step by step"
        return f"{way} ({self.reason})"


def by_measurement(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, batch: Any, jit_compile: bool | None = None
) -> Choice:
    """Tries a model's training steps with and without XLA on this machine, and takes the faster way.

        optimizer = keras.optimizers.Adam(1e-3)
        choice = tfvae.training.by_measurement(model, optimizer, images[:100])
        model.compile(optimizer, **choice.arguments)

    What is trained are copies of the model with copies of the optimiser: the trial leaves no trace. It takes some
    seconds, nearly all of them compilation, and is done once: the times are kept in the user's cache folder and found
    again for a model of the same configuration with the same kind of optimiser, batches of the same shape and type, the
    same machine and versions. Every way trains the same, to rounding: see docs/training.md.

    Both ways are timed in five rounds, in turn. Where the quartiles of the rounds overlap, neither is the faster, and
    the rule of `by_rule` decides. Nothing is kept where the machine has more to do than it has cores, or where the
    quartiles of a way differ by more than a quarter.

    On a GPU only XLA is tried. With several replicas nothing is: they run step by step, by XLA where it is asked for.

    Args:
        model: of this package, uncompiled or not; its weights are not changed.
        optimizer: what it is going to be compiled with.
        batch: as training will have them: raw examples `[B, *data]`, or those with labels and weights in a tuple.
        jit_compile: True or False tries this way only.

    Returns:
        The choice: XLA with as many steps as take 0.3 s together (at most 200, and at most 64 MiB of batches), or
        single steps without. Where the trial cannot be made, what `by_rule` says.
    """
    if replicas() > 1:
        return by_rule(model, jit_compile=jit_compile)
    ways = [True] if on_gpu() else [True, False]
    ways = ways if jit_compile is None else [jit_compile]
    batch = tf.nest.map_structure(tf.convert_to_tensor, batch)

    def by_rule_because(reason: str) -> Choice:
        return dataclasses.replace(by_rule(model, _examples(batch), jit_compile), reason=f"by rule: {reason}")

    try:
        key = memory.key(model, optimizer, batch)
        times, origin = memory.read(key), "measured before"
        copies = {way: trial.copied(model) for way in ways if _name(way) not in times}
    except (NotImplementedError, TypeError, ValueError):
        return by_rule_because("the model's configuration does not make a copy of it")
    if copies:
        is_busy = trial.is_busy()
        try:
            found = trial.timed(copies, optimizer, batch)
        except FloatingPointError:  # training itself will say what is wrong, if it comes to that
            return by_rule_because("in the trial something was not finite")
        times |= {_name(way): each for way, each in found.items()}
        origin = "measured" + _remembered(key, times, is_busy)
    return _faster(
        {way: times[_name(way)] for way in ways}, origin, batch, by_rule(model, _examples(batch), jit_compile)
    )


def _remembered(key: str, times: dict[str, Times], is_busy: bool) -> str:
    """Keeps the times for the next run if they can be relied on; else gives the reason, for people."""
    if is_busy:
        return " on a busy machine and not kept"
    if not all(each.agree for each in times.values()):
        return ", differently each time, and not kept"
    memory.write(key, times)
    return ""


def _faster(times: dict[bool, Times], origin: str, batch: Any, ruled: Choice) -> Choice:
    """The faster way, or that of the rule where none is."""
    best = min(times, key=lambda way: times[way].median)
    if times[best] == NEVER:
        return Choice(False, 1, "XLA does not know an operation of this model")
    figures = ", ".join(f"{_name(way)} {1e3 * each.median:.3g} ms" for way, each in times.items())
    reason = f"{origin}: {figures} a step"
    if any(times[best].overlaps(each) for way, each in times.items() if way != best):
        best, reason = ruled.jit_compile, f"by rule, as the times overlap; {reason}"
    return Choice(best, _steps(times[best].median, batch) if best else 1, reason)


def by_first_batch(model: keras.Model, x: Any, y: Any, batch_size: int | None, jit_compile: bool | None) -> Choice:
    """What suits the data that `fit` is given: `by_measurement` on their first batch.

    Where a dataset's batches are of one known shape, random numbers of that shape and type stand for them; others of
    known length are begun (which moves a seeded `shuffle` on by one round). By rule where that could lose a batch.

    Args:
        model: compiled.
        x, y, batch_size: as for Keras' `fit`.
        jit_compile: as for `by_measurement`.
    """
    if isinstance(x, tf.data.Dataset) and all(
        spec.shape.is_fully_defined() for spec in tf.nest.flatten(x.element_spec)
    ):
        batch = tf.nest.map_structure(_random, x.element_spec)
    elif isinstance(x, tf.data.Dataset) and x.cardinality() > 0:
        batch = next(iter(x))
    elif hasattr(x, "__array__"):
        first = slice(0, batch_size or _KERAS_BATCH)
        batch = x[first] if y is None else (x[first], y[first])
    else:
        return by_rule(model, batch_size or _KERAS_BATCH, jit_compile)
    return by_measurement(model, model.optimizer, batch, jit_compile)


def _random(spec: tf.TensorSpec) -> np.ndarray:
    """Grey levels, or numbers in [0, 1)."""
    numbers = np.random.default_rng(0).random(spec.shape.as_list())
    return (numbers if spec.dtype.is_floating else 256 * numbers).astype(spec.dtype.as_numpy_dtype)


def by_rule(model: keras.Model, batch_size: int = 100, jit_compile: bool | None = None) -> Choice:
    """What is probably fast, without trying it.

    On a CPU, XLA makes dense networks about 1.8 times faster, `ThinConv2D` in flows 1.4 times faster and other
    convolutions 1.7 times slower; on a GPU it helps all. Under XLA as many steps are run together as are estimated to
    take 0.3 s, at most 50:

        seconds a step = 6 * parameters * batch_size * samples / speed

    Six operations a parameter and example, for a multiplication and an addition forwards and two of each backwards, at
    an assumed 100 GFLOP/s on a CPU and 10 TFLOP/s on a GPU. Dense networks on a good CPU are several times faster than
    that. Convolutions use a parameter once for every position, which is counted for `ThinConv2D`; for others the
    estimate is too low.

    Args:
        model: the model that is going to be trained.
        batch_size: examples in a batch.
        jit_compile: True or False leaves only the number of steps to the rule.
    """
    batch_size = integer("batch_size", batch_size, 1)
    if replicas() > 1:  # XLA has to compile a program for each, and made them no faster on CPUs
        return Choice(bool(jit_compile), 1, f"{replicas()} replicas")
    convolutions = [
        each for each in _layers(model) if isinstance(each, keras.layers.Conv2D | keras.layers.Conv2DTranspose)
    ]
    convolves = any(not isinstance(each, ThinConv2D) for each in convolutions)
    if jit_compile is None:
        jit_compile = on_gpu() or not convolves
    steps = min(50, max(1, int(_SECONDS / estimated_seconds(model, batch_size)))) if jit_compile else 1
    return Choice(jit_compile, steps, "by rule")


def estimated_seconds(model: keras.Model, batch_size: int) -> float:
    """Seconds a training step may take, by the rule of `by_rule`."""
    uses = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    uses += sum(layer.operations for layer in _layers(model) if isinstance(layer, ThinConv2D))
    samples = model.objective.sample_size if hasattr(model, "objective") else 1
    return 6 * uses * batch_size * samples / (_GPU_SPEED if on_gpu() else _CPU_SPEED)


def _steps(seconds: float, batch: Any) -> int:
    """How many steps may be run as one program."""
    size = sum(each.dtype.size * math.prod(each.shape) for each in tf.nest.flatten(batch))
    return int(max(1, min(_SECONDS / max(seconds, 1e-9), _BYTES / max(size, 1), _MOST_STEPS)))


def _examples(batch: Any) -> int:
    return int(tf.nest.flatten(batch)[0].shape[0])


def _name(jit_compile: bool) -> str:
    return "with XLA" if jit_compile else "without"


def _layers(layer: keras.Layer) -> list[keras.Layer]:
    """All layers inside a layer."""
    return [layer] + [inner for child in private.layers_inside(layer) for inner in _layers(child)]
