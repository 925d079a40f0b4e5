"""How steps are run: several of them as one XLA program, and which choice suits a model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

_SECONDS = 0.3  # of one execution at most, by the estimate below: the progress bar moves once per execution
_MOST_STEPS = 50
_CPU_SPEED, _GPU_SPEED = 1e11, 1e13  # floating-point operations a second, assumed


def settings(model: keras.Model, steps_per_epoch: int, batch_size: int = 100) -> dict[str, Any]:
    """Arguments of `compile` that run a model's steps fast: `jit_compile` and `steps_per_execution`.

    Rules of thumb, not measurements of this model on this machine. On a CPU, XLA makes dense networks about 1.8 times
    faster and convolutions 1.7 times slower; on a GPU it helps both. Under XLA as many steps are run together as are
    estimated to take 0.3 s, at most 50, because progress shows and Ctrl-C is heard between executions only:

        seconds a step = 6 * parameters * batch_size * samples / speed

    Six operations a parameter and example, for a multiplication and an addition forwards and two of each backwards, at
    an assumed 100 GFLOP/s on a CPU and 10 TFLOP/s on a GPU. Dense networks on a good CPU are several times faster than
    that. Convolutions use a parameter once for every position, so the estimate is too low for them.

    Args:
        model: the model that is going to be trained.
        steps_per_epoch: training steps of an epoch, which `steps_per_execution` divides.
        batch_size: examples in a batch.
    """
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    convolves = any(isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose) for layer in _layers(model))
    jit_compile = on_gpu or not convolves
    parameters = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    samples = model.objective.sample_size if hasattr(model, "objective") else 1
    speed = _GPU_SPEED if on_gpu else _CPU_SPEED
    seconds = 6 * parameters * batch_size * samples / speed
    at_most = min(_MOST_STEPS, max(1, int(_SECONDS / seconds))) if jit_compile else 1
    return {
        "jit_compile": jit_compile,
        "steps_per_execution": max(k for k in range(1, at_most + 1) if steps_per_epoch % k == 0),
    }


def many_steps_in_one_program(
    step: Callable[[Any], tuple[dict[str, tf.Tensor], tf.Tensor]],
    guarded_step: Callable[[Any], dict[str, tf.Tensor]],
    state: Callable[[], list[tf.Variable]],
    steps: int,
) -> Callable[[Any], dict[str, tf.Tensor]]:
    """A function of an iterator that runs `steps` training steps as one XLA program.

    Keras' own loop launches one XLA program a step, which costs more than a small model's step. So does looking at
    every gradient in every step, so the program is hopeful: whatever is not finite stays so in the weights or in the
    optimiser's variables, which are looked at once in the end. If hope was in vain, the state of before is put back and
    the same batches go through guarded steps. They also do where fewer than `steps` batches are left, or batches are
    not all of one shape. The result is the same: bit for bit where all batches have one shape, else to the rounding of
    sums.

    Args:
        step: a training step that is not guarded, from a batch (tensors in any nest) to logs and to a bool scalar,
            whether what it looked at is finite.
        guarded_step: the same step, which changes nothing if something is not finite.
        state: gives all variables that a step may change.
        steps: number of steps, at least 2.
    """
    one = tf.function(guarded_step, jit_compile=True, autograph=False)

    @tf.function(jit_compile=True, autograph=False)
    def many(batches: Any) -> Any:
        def body(index: tf.Tensor, fine: tf.Tensor, _: Any) -> Any:
            del fine  # True, or the loop had ended
            logs, fine = step(tf.nest.map_structure(lambda each: each[index], batches))
            return index + 1, fine, logs

        batch = tf.nest.map_structure(lambda each: tf.TensorSpec(each.shape[1:], each.dtype), batches)
        logs, _ = tf.function(step, autograph=False).get_concrete_function(batch).structured_outputs
        no_logs = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), logs)
        _, fine, logs = tf.while_loop(
            lambda index, fine, _: fine & (index < steps), body, (tf.constant(0), tf.constant(True), no_logs)
        )
        for variable in state():
            if variable.dtype.is_floating:
                fine &= tf.reduce_all(tf.math.is_finite(variable))
        return fine, logs

    def run(iterator: Any) -> Any:
        batches = list(itertools.islice(iterator, steps))
        if not batches:
            raise StopIteration  # what Keras expects at the end of the data
        shapes = {tuple(each.shape for each in tf.nest.flatten(batch)) for batch in batches}
        if len(batches) == steps and len(shapes) == 1:
            before = [tf.convert_to_tensor(variable) for variable in state()]
            fine, logs = many(tf.nest.map_structure(lambda *each: tf.stack(each), *batches))
            if fine:
                return logs
            for variable, value in zip(state(), before, strict=True):
                variable.assign(value)
        for batch in batches:
            logs = one(batch)
        return logs

    return run


def _layers(layer: keras.Layer) -> list[keras.Layer]:
    """All layers inside a layer."""
    return [layer] + [inner for child in getattr(layer, "_layers", []) for inner in _layers(child)]
