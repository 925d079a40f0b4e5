"""Keras' `compile` for a model that brings its own loss: methods of `GuardedModel`, and what `fit` does beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from tfvae._support.checks import integer
from tfvae._support.layer_state import build_optimizer, notes_of_optimizer, require_known
from tfvae.parallel import multi_worker
from tfvae.training.choice import by_first_batch

if TYPE_CHECKING:
    from tfvae.models.model import GuardedModel

_NOTES = "optimizer_notes"  # in a compile config


def compile(
    model: GuardedModel, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
    weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: int | str = 1,
    jit_compile: bool | str = "auto", auto_scale_loss: bool = True,
) -> None:  # fmt: skip
    """Keras' `compile`, without a loss and metrics.

    With `jit_compile=True` XLA compiles the steps; of several replicas, what each of them does by itself.

    With `steps_per_execution="auto"` the next `fit` first tries on its own data which way of running the steps is
    the fastest on this machine (`by_measurement`, some seconds, once for each kind of model), prints it
    and compiles the model so.

    Raises:
        ValueError: a loss or metrics are given, which would not be used.
    """
    if any(given is not None for given in (loss, loss_weights, metrics, weighted_metrics)):
        raise ValueError(
            f"`compile` takes no `loss`, `loss_weights`, `metrics` or `weighted_metrics`: what `{model.name}` "
            "minimises and reports is part of the model, such as the `objective` of a VAE."
        )
    if not isinstance(steps_per_execution, str) or steps_per_execution != "auto":
        steps_per_execution = integer("steps_per_execution", steps_per_execution, 1)
    if jit_compile not in (True, False, "auto"):
        raise ValueError(f'`jit_compile` must be True, False or "auto"; received {jit_compile!r}.')
    multi_worker.require_single_steps(steps_per_execution)
    model._to_be_chosen = steps_per_execution == "auto" and not run_eagerly
    model._jit_compile_wished = None if jit_compile == "auto" else bool(jit_compile)
    # Of several replicas XLA compiles what each does by itself; Keras would have it compile their sums as well.
    several = model.distribute_strategy.num_replicas_in_sync > 1
    model._attempts_by_xla = several and jit_compile is True and not run_eagerly
    keras.Model.compile(
        model, optimizer, run_eagerly=run_eagerly, jit_compile=False if several else jit_compile,
        auto_scale_loss=auto_scale_loss,
        steps_per_execution=1 if steps_per_execution == "auto" else steps_per_execution,
    )  # fmt: skip


def get_compile_config(model: GuardedModel) -> Any:
    """Returns Keras' arguments of `compile` as they are now, and notes on the optimisers, if there are any."""
    config = keras.Model.get_compile_config(model)
    if not config:
        return config
    config |= {
        "run_eagerly": model.run_eagerly,
        "jit_compile": model.jit_compile or model._attempts_by_xla,
        "steps_per_execution": model.steps_per_execution,
    }
    if model._to_be_chosen:
        wished = model._jit_compile_wished
        config |= {"steps_per_execution": "auto", "jit_compile": "auto" if wished is None else wished}
    notes = [notes_of_optimizer(optimizer, model, trained) for optimizer, trained in model.trained_by()]
    return config | ({_NOTES: notes} if any(notes) else {})


def compile_again(model: GuardedModel, **kwargs: Any) -> None:
    """Compiles the model with the same optimiser and other options."""
    model.compile(model.optimizer, **kwargs)


def compile_from_config(model: GuardedModel, config: dict[str, Any]) -> None:
    """Does what Keras does when it loads a model, but not if `compile` is overridden."""
    config = keras.saving.deserialize_keras_object(config)
    unused = ("loss", "loss_weights", "metrics", "weighted_metrics", _NOTES)  # older files may have the first ones
    model.compile(**{name: value for name, value in config.items() if name not in unused})
    model.build_optimizers(config.get(_NOTES, ()))


def state(model: GuardedModel) -> list[Any]:
    """Returns every variable that a training step may change, as TensorFlow variables: of the compiled, built model."""
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return [variable.value for variable in variables]


def trained_by(model: GuardedModel) -> list[tuple[keras.optimizers.Optimizer, list[Any]]]:
    """Returns the optimisers, each with the variables that it trains."""
    return [(model.optimizer, model.trainable_variables)]


def build_optimizers(model: GuardedModel, notes: Sequence[dict[str, Any]] = ()) -> None:
    """Makes the variables of the optimisers.

    Args:
        notes: `notes_of_optimizer` for each optimiser, or nothing.
    """
    for index, (optimizer, trained) in enumerate(model.trained_by()):
        build_optimizer(optimizer, model, trained, notes[index] if notes else {})


def prepare_to_train(model: GuardedModel) -> None:
    """Makes the optimisers' variables, which cannot be made inside an XLA program.

    Raises:
        ValueError: nothing can be trained, or an optimiser was built without a part that it is to train.
    """
    if not model.trainable_variables:
        raise ValueError(
            f"`{model.name}` has nothing to train: all of its parts are frozen. Set `trainable = True` on some, and "
            "compile it again."
        )
    for optimizer, trained in model.trained_by():
        require_known(optimizer, trained)
    if not model.optimizer.built:  # a LossScaleOptimizer built twice forgets its scale
        with model.distribute_strategy.scope():
            model.build_optimizers()


def choose_way(model: GuardedModel, x: Any, y: Any, batch_size: int | None, verbose: Any) -> None:
    """Compiles the model so that its steps run in the fastest way for the data of `fit`; prints which way that is."""
    with model.distribute_strategy.scope():
        choice = by_first_batch(model, x, y, batch_size, model._jit_compile_wished)
        model.compile_again(**choice.arguments)
    if verbose:
        print(f"Training steps: {choice}", flush=True)
