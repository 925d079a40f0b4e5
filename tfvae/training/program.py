"""Several training steps as one XLA program."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def many_steps_in_one_program(
    step: Callable[[Any], tuple[dict[str, tf.Tensor], tf.Tensor]],
    guarded_step: Callable[[Any], dict[str, tf.Tensor]],
    state: Callable[[], list[tf.Variable]],
    steps: int,
) -> Callable[[Any, int], dict[str, tf.Tensor]]:
    """A function of an iterator that runs up to `steps` training steps as one XLA program.

    Keras' own loop launches one XLA program a step, which costs more than a small model's step. So does looking at
    every gradient in every step, so the program is hopeful: whatever is not finite stays so in the weights or in the
    optimiser's variables, which are looked at once in the end. If hope was in vain, the state of before is put back and
    the same batches go through guarded steps. They also do where batches are not all of one shape. The result is the
    same: bit for bit where all batches have one shape, else to the rounding of sums.

    Args:
        step: a training step that is not guarded, from a batch (tensors in any nest) to logs and to a bool scalar,
            whether what it looked at is finite.
        guarded_step: the same step, which changes nothing if something is not finite.
        state: gives all variables that a step may change.
        steps: number of steps, at least 2.

    Returns:
        A function of an iterator of batches and of how many steps there are still to take, which is fewer than `steps`
        at the end of an epoch.
    """
    one = tf.function(guarded_step, jit_compile=True, autograph=False)
    most = 0  # batches that came at once so far, which are fewer than `steps` where an epoch has no more

    @tf.function(jit_compile=True, autograph=False)
    def many(batches: Any, count: tf.Tensor) -> Any:
        def body(index: tf.Tensor, fine: tf.Tensor, _: Any) -> Any:
            del fine  # True, or the loop had ended
            logs, fine = step(tf.nest.map_structure(lambda each: each[index], batches))
            return index + 1, fine, logs

        batch = tf.nest.map_structure(lambda each: tf.TensorSpec(each.shape[1:], each.dtype), batches)
        logs, _ = tf.function(step, autograph=False).get_concrete_function(batch).structured_outputs
        no_logs = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), logs)
        _, fine, logs = tf.while_loop(
            lambda index, fine, _: fine & (index < count), body, (tf.constant(0), tf.constant(True), no_logs)
        )
        for variable in state():
            if variable.dtype.is_floating:
                fine &= tf.reduce_all(tf.math.is_finite(variable))
        return fine, logs

    def run(iterator: Any, left: int) -> Any:
        nonlocal most
        batches = list(itertools.islice(iterator, min(steps, left)))
        if not batches:
            raise StopIteration  # what Keras expects at the end of the data
        shapes = {tuple(each.shape for each in tf.nest.flatten(batch)) for batch in batches}
        if len(shapes) == 1:
            before = [tf.convert_to_tensor(variable) for variable in state()]
            # Always as many batches, lest a shorter execution be compiled anew; the last ones are not looked at.
            most = max(most, len(batches))
            padded = batches + [batches[-1]] * (most - len(batches))
            stacked = tf.nest.map_structure(lambda *each: tf.stack(each), *padded)
            fine, logs = many(stacked, tf.constant(len(batches)))
            if fine:
                return logs
            for variable, value in zip(state(), before, strict=True):
                variable.assign(value)
        for batch in batches:
            logs = one(batch)
        return logs

    return run


class StepsLeft(keras.callbacks.Callback):
    """Hears how many steps the epoch still has when an execution begins; `number` is huge where nobody knows."""

    number: int = sys.maxsize

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        steps = self.params["steps"]
        self.number = sys.maxsize if steps is None else steps - batch

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.number = sys.maxsize
