"""Keras' `compile` for a model that brings its own loss: its arguments, its configuration and its optimisers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfvae._support.checks import integer
from tfvae._support.layer_state import build_optimizer, notes_of_optimizer, require_known
from tfvae._support.private import BuiltWhenMade
from tfvae._support.serialization import SavedWhole
from tfvae.parallel import multi_worker

_NOTES = "optimizer_notes"  # in a compile config


class CompiledModel(SavedWhole, BuiltWhenMade):
    """A Keras model that is compiled without a loss and metrics, and whose optimisers are saved with all they know."""

    _attempts_by_xla = False
    """Whether XLA compiles what each of several replicas does by itself."""
    _to_be_chosen = False
    """Whether the next `fit` chooses the way of running the steps."""
    _jit_compile_wished: bool | None = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
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
                f"`compile` takes no `loss`, `loss_weights`, `metrics` or `weighted_metrics`: what `{self.name}` "
                "minimises and reports is part of the model, such as the `objective` of a VAE."
            )
        if not isinstance(steps_per_execution, str) or steps_per_execution != "auto":
            steps_per_execution = integer("steps_per_execution", steps_per_execution, 1)
        if jit_compile not in (True, False, "auto"):
            raise ValueError(f'`jit_compile` must be True, False or "auto"; received {jit_compile!r}.')
        multi_worker.require_single_steps(steps_per_execution)
        self._to_be_chosen = steps_per_execution == "auto" and not run_eagerly
        self._jit_compile_wished = None if jit_compile == "auto" else bool(jit_compile)
        # Of several replicas XLA compiles what each does by itself; Keras would have it compile their sums as well.
        several = self.distribute_strategy.num_replicas_in_sync > 1
        self._attempts_by_xla = several and jit_compile is True and not run_eagerly
        super().compile(
            optimizer, run_eagerly=run_eagerly, jit_compile=False if several else jit_compile,
            auto_scale_loss=auto_scale_loss,
            steps_per_execution=1 if steps_per_execution == "auto" else steps_per_execution,
        )  # fmt: skip

    def get_compile_config(self) -> Any:
        """Keras' arguments of `compile` as they are now, and notes on the optimisers, if there are any."""
        config = super().get_compile_config()
        if not config:
            return config
        config |= {
            "run_eagerly": self.run_eagerly,
            "jit_compile": self.jit_compile or self._attempts_by_xla,
            "steps_per_execution": self.steps_per_execution,
        }
        if self._to_be_chosen:
            wished = self._jit_compile_wished
            config |= {"steps_per_execution": "auto", "jit_compile": "auto" if wished is None else wished}
        notes = [notes_of_optimizer(optimizer, self, trained) for optimizer, trained in self.trained_by()]
        return config | ({_NOTES: notes} if any(notes) else {})

    def compile_again(self, **kwargs: Any) -> None:
        """`compile` with the same optimiser and other options."""
        self.compile(self.optimizer, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """What Keras does when it loads a model, but not where `compile` is overridden."""
        config = keras.saving.deserialize_keras_object(config)
        unused = ("loss", "loss_weights", "metrics", "weighted_metrics", _NOTES)  # older files may have the first ones
        self.compile(**{name: value for name, value in config.items() if name not in unused})
        self.build_optimizers(config.get(_NOTES, ()))

    def state(self) -> list[Any]:
        """Every variable that a training step may change, as TensorFlow variables: of the compiled, built model."""
        variables = [*self.variables, *self.metrics_variables, *self.optimizer.variables]
        return [variable.value for variable in variables]

    def trained_by(self) -> list[tuple[keras.optimizers.Optimizer, list[Any]]]:
        """The optimisers, each with the variables that it trains."""
        return [(self.optimizer, self.trainable_variables)]

    def build_optimizers(self, notes: Sequence[dict[str, Any]] = ()) -> None:
        """Makes the variables of what trains this model.

        Args:
            notes: of `notes_of_optimizer`, for each optimiser, or nothing.
        """
        for index, (optimizer, trained) in enumerate(self.trained_by()):
            build_optimizer(optimizer, self, trained, notes[index] if notes else {})

    def prepare_to_train(self) -> None:
        """Makes the optimisers' variables, which cannot be made inside an XLA program.

        Raises:
            ValueError: nothing can be trained, or an optimiser was built without a part that it is to train.
        """
        if not self.trainable_variables:
            raise ValueError(
                f"`{self.name}` has nothing to train: all of its parts are frozen. Set `trainable = True` on some, and "
                "compile it again."
            )
        for optimizer, trained in self.trained_by():
            require_known(optimizer, trained)
        if not self.optimizer.built:  # a LossScaleOptimizer built twice forgets its scale
            with self.distribute_strategy.scope():
                self.build_optimizers()
