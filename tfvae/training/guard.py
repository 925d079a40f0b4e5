"""What happens to a training step whose numbers are not finite: nothing, except that it is counted."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.preprocessing import BAD_INPUT
from tfvae.training.doors import NO_EXAMPLES, bad_input

PATIENCE = 10
"""Skipped steps in a row after which training stops."""

_TERMS = ("input", "distortion", "rate", "loss", "gradient")
_INPUT = 1 + _TERMS.index("input")
# Entries of the guard's counters.
_SKIPPED, _IN_A_ROW, _STOP_TERM, _STOP_STEP = range(4)
_IN_EVALUATION = -1  # instead of a step


class Guard(keras.layers.Layer):
    """Counts the steps that were skipped and says when training has to stop. Its counters are saved with the model."""

    def __init__(self, name: str = "guard"):
        super().__init__(name=name)
        self.counters = self.add_weight(
            shape=(4,), initializer="zeros", dtype="int64", trainable=False, autocast=False,
            aggregation="only_first_replica", name="counters",
        )  # fmt: skip
        self.built = True

    def judge(self, problems: dict[str, tf.Tensor], step: tf.Tensor, rows: Any) -> tf.Tensor:
        """Whether the step may change the weights; counts it if not, unless that is for want of examples.

        Args:
            problems: for each term ("input", "distortion", "rate", "loss", "gradient") that the model has, the number
                of bad values over the global batch, int32 scalars.
            step: int64 scalar.
            rows: number of examples in the global batch, of which no average is finite where it is 0.

        Returns:
            bool scalar.
        """
        bad = tf.stack([(problems.get(term, 0) > 0) & (rows > 0) for term in _TERMS])
        fine = ~tf.reduce_any(bad)
        skipped, in_a_row, stop_term, stop_step = tf.unstack(tf.convert_to_tensor(self.counters.value))
        in_a_row = tf.where(rows > 0, tf.where(fine, tf.zeros_like(in_a_row), in_a_row + 1), in_a_row)
        term = 1 + tf.argmax(tf.cast(bad, tf.int32))  # the first bad one: those after it only follow from it
        stop = ~fine & (stop_term == 0) & ((in_a_row >= PATIENCE) | (term == _INPUT))
        self.counters.assign(
            tf.stack(
                [
                    skipped + tf.cast(~fine, tf.int64),
                    in_a_row,
                    tf.where(stop, term, stop_term),
                    tf.where(stop, step, stop_step),
                ]
            )
        )
        return fine & (rows > 0)

    def refuse_input(self, problems: tf.Tensor) -> None:
        """Makes `check` stop an evaluation unless `problems`, the number of examples that are no input, int32 scalar,
        is 0."""
        before = tf.convert_to_tensor(self.counters.value)
        refused = tf.stack([before[_SKIPPED], before[_IN_A_ROW], tf.constant(_INPUT, tf.int64), _IN_EVALUATION])
        self.counters.assign(tf.where(problems > 0, refused, before))

    @property
    def skipped(self) -> int:
        """Number of training steps skipped so far."""
        return int(keras.ops.convert_to_numpy(self.counters)[_SKIPPED])

    def check(self) -> None:
        """Raises FloatingPointError if training or an evaluation has to stop; afterwards it may be tried again."""
        counters = keras.ops.convert_to_numpy(self.counters)
        if counters[_STOP_TERM] == 0:
            return
        term, step = int(counters[_STOP_TERM]), int(counters[_STOP_STEP])
        self.counters.assign([counters[_SKIPPED], 0, 0, 0])
        if step == _IN_EVALUATION:
            raise bad_input()
        if term == _INPUT:
            raise FloatingPointError(
                f"Training stopped at step {step}: {BAD_INPUT}. The weights were not changed by that batch."
            )
        raise FloatingPointError(
            f"Training stopped at step {step}: the {_TERMS[term - 1]} was not finite in {PATIENCE} steps in a row. "
            "The weights are those from before. A lower learning rate or gradient clipping usually helps."
        )


@contextlib.contextmanager
def checked(guard: Guard) -> Iterator[None]:
    """Around an evaluation: `check` at its end. A verdict does not outlive the call that it belongs to."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(FloatingPointError):
            guard.check()
        raise
    guard.check()


class SkippedSteps(UserWarning):
    """Warning that some steps of a `fit` were skipped."""

    def __init__(self, skipped: int, steps: int):
        super().__init__(
            f"{skipped} of {steps} training steps were skipped, because their losses or gradients were not finite. "
            "A lower learning rate or gradient clipping usually helps."
        )


class SkippedShare(keras.callbacks.Callback):
    """Adds `skipped` to the figures of an epoch: the share of its training steps that were skipped.

    Attributes:
        began: the model's steps and its skipped steps when the epoch began.
    """

    began: tuple[int, int] = (0, 0)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._first = self.model.steps

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.began = (self.model.steps, self.model.skipped_steps)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.model.steps == self._first:
            raise ValueError(NO_EXAMPLES)
        steps, skipped = self.model.steps - self.began[0], self.model.skipped_steps - self.began[1]
        if logs is not None:
            logs["skipped"] = skipped / steps if steps else math.nan


def values_of(variables: Sequence[Any]) -> list[tf.Tensor]:
    """What the variables hold now."""
    return [tf.convert_to_tensor(variable) for variable in variables]


def undo_unless(fine: tf.Tensor, variables: Sequence[Any], before: Sequence[tf.Tensor]) -> None:
    """Sets variables back to the values they had `before`, if not `fine`; on each replica by itself."""
    for variable, old in zip(variables, before, strict=True):
        variable.assign(tf.where(fine, variable, old))


def apply_if(
    fine: tf.Tensor, optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any], variables: Sequence[Any],
    in_branch: bool,
) -> None:  # fmt: skip
    """Applies gradients where `fine`; otherwise leaves the variables and the optimiser as they are.

    Args:
        fine: bool scalar, equal on all replicas.
        optimizer: built.
        gradients, variables: as for `optimizer.apply_gradients`.
        in_branch: whether the update may stand inside a `tf.cond`, which costs nothing. It should not under XLA, where
            a branch copies its variables while a selection fuses with the update. Then it is made and undone.
    """

    def update(gradients: Sequence[Any]) -> None:
        optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))

    if not in_branch:
        changed = [variable.value for variable in [*variables, *optimizer.variables]]
        before = values_of(changed)
        update(gradients)
        undo_unless(fine, changed, before)
        return

    def update_all(strategy: tf.distribute.Strategy, fine: Any, gradients: Sequence[Any]) -> None:
        # The optimiser lets replicas wait for each other, which no replica may do in a branch of its own, but all of
        # them in one branch may.
        def of_each() -> bool:
            strategy.run(update, args=(gradients,))
            return True

        tf.cond(strategy.experimental_local_results(fine)[0], of_each, lambda: False)

    tf.distribute.get_replica_context().merge_call(update_all, args=(fine, list(gradients)))


def count_not_finite(tensors: list[tf.Tensor]) -> tf.Tensor:
    """Columns (of matrices) and entries (of vectors and scalars) that are not finite, int32 scalar."""
    bad = [~tf.math.is_finite(each) for each in tensors]
    # Down the columns first: XLA vectorises that on a CPU, but not the reduction of a whole matrix to one number.
    columns = [tf.reduce_any(each, axis=0) if each.shape.rank >= 2 else each for each in bad]
    counts = [tf.reduce_sum(tf.cast(each, tf.int32)) for each in columns]
    return tf.add_n(counts) if counts else tf.constant(0)
