"""Parts of the training step, `GuardedModel._step` in `models/model.py`.

They are the outcome of a step, the verdict on whether it may be taken, and how it is taken or left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfvae.noise import Noise
from tfvae.parallel import multi_worker
from tfvae.training.global_batch import clipped_together, over_replicas
from tfvae.training.guard import Guard, apply_if, count_not_finite, undo_unless, values_of
from tfvae.training.loss_scale import faults, overflowing_together, scales_loss


class Update(NamedTuple):
    """What an optimiser is to do to variables."""

    optimizer: keras.optimizers.Optimizer
    gradients: list[Any]
    variables: list[Any]


class Attempt(NamedTuple):
    """What a training step comes to before anything is changed.

    Attributes:
        scores: the numbers that are reported, of each example, `[B]` by name.
        not_finite: for each term of `Guard.judge` but the gradient, how many bad values this replica has.
        updates: what is to be done.
    """

    scores: dict[str, tf.Tensor]
    not_finite: dict[str, tf.Tensor]
    updates: list[Update]


class Passive:
    """Moving averages and the like, with their values: the forward pass changes them, a skipped step must not.

    Args:
        layers: layers of a model, before the step.
    """

    def __init__(self, layers: Iterable[keras.Layer]):
        self.variables = [variable.value for layer in layers for variable in layer.non_trainable_weights]
        self.before = values_of(self.variables)

    def undo_unless(self, fine: tf.Tensor) -> None:
        """Restores the values if the step was not `fine`, bool scalar."""
        undo_unless(fine, self.variables, self.before)


def compiled_by_xla(attempt: Callable[..., Attempt], seed: int) -> Callable[..., Attempt]:
    """Returns `GuardedModel.attempt` as an XLA program.

    Args:
        attempt: method of a model.
        seed: seed of the model's noise.
    """
    updates: list[Update] = []

    @tf.function(jit_compile=True, autograph=False)
    def program(raw: Any, y: Any, sample_weight: Any, step: Any, first_row: Any, global_rows: Any) -> Any:
        noise = Noise(seed, step, first_row)
        scores, not_finite, updates[:] = attempt(raw, y, sample_weight, noise, global_rows)
        return scores, not_finite, [each.gradients for each in updates]

    def compiled(raw: tf.Tensor, y: Any, sample_weight: Any, noise: Noise, global_rows: Any) -> Attempt:
        step = tf.convert_to_tensor(noise.step)  # of this replica
        scores, not_finite, gradients = program(raw, y, sample_weight, step, noise.first_row, global_rows)
        return Attempt(scores, not_finite, [u._replace(gradients=g) for u, g in zip(updates, gradients, strict=True)])

    return compiled


def judge(
    attempt: Attempt, bad_input: tf.Tensor, rows: Any, guard: Guard, step: tf.Tensor, optimizer: Any, guarded: bool
) -> tuple[tf.Tensor, list[Update]]:
    """Decides whether a step may be taken, on all replicas together.

    Args:
        attempt: this replica's.
        bad_input: number of its examples that are no input, int32 scalar.
        rows: number of examples on all replicas; of none there is nothing to learn.
        guard: judge, which counts the step if it is skipped.
        step: number of the step, int64 scalar.
        optimizer: optimiser that the model was compiled with.
        guarded: look at all gradients, and not only at those that leave no mark in the weights.

    Returns:
        Whether everything that was looked at is finite, bool scalar, and the updates to carry out.
    """
    # Infinite gradients that are cut off, or left out with their step, leave no mark.
    seen = [
        each
        for each in attempt.updates
        if guarded or each.optimizer.clipvalue is not None or scales_loss(each.optimizer)
    ]
    gradients = [gradient for each in seen for gradient in each.gradients if gradient is not None]
    counts = {"input": bad_input, **attempt.not_finite, "gradient": count_not_finite(gradients)}
    summed = over_replicas(tf.stack(list(counts.values())))
    problems = dict(zip(counts, tf.unstack(summed), strict=True))
    updates = [each for each in attempt.updates if each.variables]  # a frozen part of a model has none
    if scales_loss(optimizer):
        ((_, gradients, variables),) = updates
        updates = [Update(optimizer, overflowing_together(gradients, problems["gradient"]), variables)]
        problems["gradient"] = faults(problems["gradient"], optimizer)
    return guard.judge(problems, step, rows), updates


def carry_out(updates: Sequence[Update], fine: tf.Tensor, passive: Passive, guarded: bool, in_branch: bool) -> None:
    """Changes the weights of a model.

    Args:
        updates: what is to be done.
        fine: whether it may be done, bool scalar.
        passive: variables that the forward pass has changed.
        guarded: undo the step if it is not fine.
        in_branch: see `apply_if`.
    """
    updates = [each._replace(gradients=clipped_together(each.optimizer, each.gradients)) for each in updates]
    if guarded:
        for update in updates:
            apply_if(fine, *update, in_branch=in_branch)
        passive.undo_unless(fine)
    else:
        for optimizer, gradients, variables in updates:
            optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))


def averages(
    means: Sequence[keras.metrics.Metric], scores: dict[str, tf.Tensor], sample_weight: Any, counted: Any = True
) -> dict[str, tf.Tensor]:
    """Adds a batch's scores, `[B]` by name, to their averages, unless the step was skipped; gives those by name."""
    for metric in means:
        values = scores[metric.name]
        weights = weighted(tf.ones_like(values), sample_weight)
        # A skipped step has no say: not with weight 0 alone, since 0 times NaN is NaN.
        metric.update_state(tf.where(counted, values, 0.0), tf.where(counted, weights, 0.0))
    return {metric.name: multi_worker.as_log(metric.result()) for metric in means}


def weighted(values: tf.Tensor, sample_weight: Any) -> tf.Tensor:
    """Values of each example, `[B]`, times the weights that the data give them, if they do."""
    if sample_weight is None:
        return values
    return values * tf.reshape(tf.cast(sample_weight, values.dtype), tf.shape(values))
