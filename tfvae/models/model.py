"""Training that a batch which is not finite cannot spoil, for every model: the steps and what Keras calls them by."""

from __future__ import annotations

import abc
import functools
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import integer
from tfvae._support.devices import replicas
from tfvae._support.finite import require_finite
from tfvae._support.layer_state import (
    build_optimizer,
    notes_of_optimizer,
    require_known,
    set_state_of_layers,
    state_of_layers,
)
from tfvae._support.precision import at_least_float32, require_precision
from tfvae._support.serialization import SavedWhole, arguments, without_state
from tfvae.models import given
from tfvae.models.abilities import Abilities
from tfvae.networks.checks import refuse_quantization
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.parallel import multi_worker
from tfvae.preprocessing import Preprocessing
from tfvae.training import doors
from tfvae.training.average import Average
from tfvae.training.choice import by_first_batch
from tfvae.training.global_batch import clipped_together, never_empty, over_replicas, place_in_global_batch
from tfvae.training.guard import (
    Guard,
    SkippedShare,
    SkippedSteps,
    apply_if,
    checked,
    count_not_finite,
    undo_unless,
    values_of,
)
from tfvae.training.loss_scale import faults, overflowing_together, scales_loss
from tfvae.training.program import StepsLeft, many_steps_in_one_program
from tfvae.training.turns import Turns
from tfvae.units import Unit

_NOTES = "optimizer_notes"  # in a compile config
# Attributes that a traced step has taken in: it would not see that they have changed.
_TRACED = ("objective", "preprocess", "seed", "penalty", "draws", "corruption")


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


class GuardedModel(Abilities, SavedWhole, abc.ABC):
    """A Keras model that is trained on raw examples: `fit(raw)`, `evaluate(raw)`, `predict(raw)`.

    A training step whose input, loss or gradients are not finite changes nothing and is counted (`skipped_steps`, and
    `skipped` in the history: the share of an epoch's steps); ten in a row, or one non-finite input, stop `fit` with a
    FloatingPointError. Steps that a `LossScaleOptimizer` leaves out, because gradients overflow in float16, are not
    counted until its scale has come down to 2^-10. Figures are averages over the other steps, NaN if there are none.

    Several threads may predict at the same time. Evaluations take turns; while one thread trains, others cannot
    evaluate.

    What is minimised is the model's own business, so `compile` refuses a loss and metrics.

    Args:
        preprocess: from raw data to x.
        data_shape: shape of one example.
        unit: what log p(x) may be called.
        terms: names of the numbers that are reported.
        seed: of the noise of training.
    """

    train_function: Any
    test_function: Any

    def __init__(
        self,
        preprocess: Preprocessing,
        data_shape: tuple[int, ...],
        unit: Unit,
        terms: Sequence[str],
        seed: int = 0,
        name: str | None = None,
    ):
        # The networks inside may compute in half precision; losses and distributions may not.
        super().__init__(name=name, dtype=at_least_float32())
        if not isinstance(preprocess, Preprocessing):
            raise TypeError(f"`preprocess` must be an object of `Preprocessing`; received {preprocess!r}.")
        self.preprocess, self.seed = preprocess, integer("seed", seed)
        self.unit, self.data_shape = unit, data_shape
        self.guard = Guard()
        self.steps_left, self.skipped_share = StepsLeft(), SkippedShare()
        self._turns = Turns()
        self._attempts_by_xla = self._to_be_chosen = False
        self._obeyed = ""
        # Own counters, not the optimiser's: a skipped step counts here, so that neither its noise nor its data return.
        self._steps = self._counter("steps")
        self._evaluated = self._counter("evaluated")
        self._means = [Average(name, dtype=self.compute_dtype) for name in terms]
        self.built = True  # a final class makes all its parts when it is made; Keras has nothing to add

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _TRACED:
            self.train_function = self.test_function = self.predict_function = None

    def quantize(self, mode: Any = None, config: Any = None, **kwargs: Any) -> None:
        """Not done: raises NotImplementedError."""
        refuse_quantization(self.name)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GuardedModel:
        config, state = without_state(config)
        model = cls(**arguments(config))
        if state:
            set_state_of_layers(model, state)
        return model

    @abc.abstractmethod
    def attempt(self, raw: tf.Tensor, y: Any, sample_weight: Any, noise: Noise, global_rows: tf.Tensor) -> Attempt:
        """The losses and gradients of a training step; nothing is changed but what a forward pass changes.

        Args:
            raw: this replica's raw examples `[B, *data_shape]`.
            y: their labels, or None.
            sample_weight: `[B]`, or None.
            noise: of this step.
            global_rows: number of examples on all replicas, by which sums over them are divided.
        """

    def representative(self, raw: Any) -> tf.Tensor:
        """x for raw data, without noise: `[B, *data]`."""
        return self.preprocess(self.as_examples(raw))

    starts_from_data = False
    """Whether `start_at` does anything."""

    def start_at(self, x: Any, seed: int = 0) -> None:
        """Sets the weights that training starts from by examples `[N, *data]` in the units of x. Mostly nothing is.

        Args:
            x: examples.
            seed: of what is random in that.
        """

    @property
    def sample_size(self) -> int:
        """Samples for each example that the reported numbers are averages over."""
        return 1

    @property
    def steps(self) -> int:
        """Training steps taken so far, skipped ones included: where `training.batches(start=...)` goes on."""
        return int(keras.ops.convert_to_numpy(self._steps))

    @property
    def skipped_steps(self) -> int:
        """Training steps that were skipped because something was not finite."""
        return self.guard.skipped

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return self._means

    def reset_metrics(self) -> None:
        super().reset_metrics()
        self._evaluated.assign(0)  # Keras calls this at the start of every evaluation

    @abc.abstractmethod
    def test_scores(self, raw: tf.Tensor, y: Any, noise: Noise) -> dict[str, tf.Tensor]:
        """The reported numbers of each raw example in an evaluation, `[B]` by name; arguments as for `attempt`."""

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

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
        callbacks: Any = None, **kwargs: Any,
    ) -> keras.callbacks.History:  # fmt: skip
        """Keras' `fit`, except that `sample_weight` needs no labels (Keras drops the weights where y is None) and that
        under XLA `steps_per_execution` need not divide the epoch (Keras would go past its end)."""
        x, y, kwargs = given.for_training(self, x, y, kwargs)
        if kwargs.get("sample_weight") is not None and y is None:
            y = x
        multi_worker.require_dataset(self.distribute_strategy, x)
        validation = kwargs.get("validation_data")
        if isinstance(validation, tuple) and len(validation) == 3 and validation[1] is None:
            kwargs["validation_data"] = (validation[0], validation[0], validation[2])
        if self._to_be_chosen:
            with self.distribute_strategy.scope():
                choice = by_first_batch(self, x, y, batch_size, self._jit_compile_wished)
                self.compile_again(**choice.arguments)
            if verbose:
                print(f"Training steps: {choice}", flush=True)
        x = self._shared(x)
        if kwargs.get("validation_data") is not None:
            size = kwargs.get("validation_batch_size") or batch_size
            if doors.is_empty(kwargs["validation_data"]):
                raise ValueError(f"`validation_data`: {doors.NO_EXAMPLES}")
            kwargs["validation_data"] = self._shared(kwargs["validation_data"], size)
        steps, skipped = self.steps, self.skipped_steps
        kwargs |= {"batch_size": batch_size, "epochs": epochs, "verbose": verbose}
        with self._turns.training():
            history = super().fit(x, y, callbacks=self._with_own(callbacks), **kwargs)
        if self.skipped_steps > skipped:
            warnings.warn(SkippedSteps(self.skipped_steps - skipped, self.steps - steps), stacklevel=2)
        return history

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto",
        sample_weight: Any = None, *args: Any, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Keras' `evaluate`, except that `sample_weight` needs no labels.

        Raises:
            FloatingPointError: the data have values that are not finite or, for images, no images.
            ValueError: there are no examples, or some of another shape.
            RuntimeError: another thread is training the model.
        """
        x, y = given.checked(self, x, y)
        if sample_weight is not None and y is None:
            y = x
        if multi_worker.is_multi_worker(self.distribute_strategy):
            x, y, sample_weight = self._shared((x, y, sample_weight), batch_size), None, None
        with self._turns.evaluating(), checked(self.guard):
            figures = super().evaluate(x, y, batch_size, verbose, sample_weight, *args, **kwargs)
            if not keras.ops.convert_to_numpy(self._evaluated):
                raise ValueError(doors.NO_EXAMPLES)
        return figures

    def predict(self, x: Any, batch_size: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """Keras' `predict`: the mean of p(x|z) at the posterior mean z, for each example.

        Raises:
            FloatingPointError: the data have values that are not finite or, for images, no images, or an answer is not
                finite.
            ValueError: there are no examples, or some of another shape.
        """
        x, _ = given.checked(self, x, whole=False)
        with doors.some_examples():
            means = super().predict(self._shared(x, batch_size), batch_size, *args, **kwargs)
        require_finite(f"The answers of `{self.name}`", means)
        return means

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras' `train_on_batch`; several replicas share the batch. Raises as `fit` does."""
        with self._turns.evaluating():
            return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras' `test_on_batch`; several replicas share the batch. Raises as `evaluate` does."""
        with self._turns.evaluating(), checked(self.guard):
            return super().test_on_batch(*args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """Keras' `predict_on_batch`; several replicas share the batch. Raises as `predict` does."""
        means = super().predict_on_batch(doors.among_replicas(x, self.distribute_strategy))
        require_finite(f"The answers of `{self.name}`", means)
        return means

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        return self._step(data, guarded=True)[0]

    def _step(self, data: Any, guarded: bool) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """One training step.

        Args:
            data: a batch.
            guarded: undo the step if something is not finite. Otherwise neither is it undone, nor are gradients looked
                at that would leave their mark in the weights: `execution` does both for many steps at once.

        Returns:
            The logs, and whether everything that was looked at is finite, bool scalar.
        """
        raw, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        raw = self.as_examples(raw)
        first_row, global_rows = place_in_global_batch(raw)
        noise = Noise(self.seed, self._steps.value, first_row)
        # Moving averages and the like: the forward pass changes them, and a step that is skipped must not.
        passive = [v.value for layer in self.layers if layer is not self.guard for v in layer.non_trainable_weights]
        passive_before = values_of(passive)
        attempt = self._attempt_by_xla if self._attempts_by_xla else self.attempt
        scores, not_finite, updates = attempt(raw, y, sample_weight, noise, global_rows)
        # Infinite gradients that are cut off, or left out with their step, leave no mark.
        seen = [
            each for each in updates if guarded or each.optimizer.clipvalue is not None or scales_loss(each.optimizer)
        ]
        gradients = [gradient for each in seen for gradient in each.gradients if gradient is not None]
        counts = {"input": self.preprocess.problems(raw), **not_finite, "gradient": count_not_finite(gradients)}
        summed = over_replicas(tf.stack(list(counts.values())))
        problems = dict(zip(counts, tf.unstack(summed), strict=True))
        updates = [each for each in updates if each.variables]  # a frozen part of a model has none
        if scales_loss(self.optimizer):
            ((_, gradients, variables),) = updates
            updates = [Update(self.optimizer, overflowing_together(gradients, problems["gradient"]), variables)]
            problems["gradient"] = faults(problems["gradient"], self.optimizer)
        fine = self.guard.judge(problems, self._steps.value)
        with tf.control_dependencies([fine]):  # at the end of data of unknown size TensorFlow starts a step without any
            updates = [each._replace(gradients=clipped_together(each.optimizer, each.gradients)) for each in updates]
            if guarded:
                for update in updates:
                    apply_if(fine, *update, in_branch=not self.jit_compile)
                undo_unless(fine, passive, passive_before)
            else:
                for optimizer, gradients, variables in updates:
                    optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))
            self._steps.assign_add(1)
        return self._logs(scores, sample_weight, counted=fine), fine

    def _attempt_by_xla(self, raw: tf.Tensor, y: Any, sample_weight: Any, noise: Noise, global_rows: Any) -> Attempt:
        """`attempt` as an XLA program."""
        updates: list[Update] = []

        @tf.function(jit_compile=True, autograph=False)
        def program(raw: Any, y: Any, sample_weight: Any, step: Any, first_row: Any, global_rows: Any) -> Any:
            noise = Noise(self.seed, step, first_row)
            scores, not_finite, updates[:] = self.attempt(raw, y, sample_weight, noise, global_rows)
            return scores, not_finite, [each.gradients for each in updates]

        step = tf.convert_to_tensor(noise.step)  # of this replica
        scores, not_finite, gradients = program(raw, y, sample_weight, step, noise.first_row, global_rows)
        return Attempt(scores, not_finite, [u._replace(gradients=g) for u, g in zip(updates, gradients, strict=True)])

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        raw, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        raw = self.as_examples(raw)
        first_row, global_rows = place_in_global_batch(raw)
        noise = Noise(EVALUATION_SEED, 0, self._evaluated.value + tf.cast(first_row, tf.int64))
        scores = self.test_scores(raw, y, noise)
        self.guard.refuse_input(over_replicas(self.preprocess.problems(raw)))
        with tf.control_dependencies([raw]):  # TensorFlow starts a step without data at their end, also of none
            self._evaluated.assign_add(tf.cast(global_rows, tf.int64))
        return self._logs(scores, sample_weight)

    def predict_step(self, data: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """The predictions for a batch, and `[1]`, how many of its examples are no input: what `predict` refuses.

        The two go together because several threads may predict at the same time: no variable is changed.
        """
        raw, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        raw = self.as_examples(raw)
        predicted = self.predicted(never_empty(raw))[: tf.shape(raw)[0]]
        return predicted, tf.cast(self.preprocess.problems(raw), predicted.dtype)[tf.newaxis]

    def predicted(self, raw: tf.Tensor) -> tf.Tensor:
        """What `predict` gives: what calling the model gives, of a distribution its mean."""
        if reason := self._missing("predictions"):
            raise NotImplementedError(reason)
        answer = self(raw, training=False)
        return answer.mean() if isinstance(answer, tfp.distributions.Distribution) else answer

    def reconstructed(self, raw: tf.Tensor) -> tf.Tensor:
        """`predicted`, where no example's answer depends on its place in the batch."""
        return self.predicted(raw)

    def make_train_function(self, force: bool = False) -> Any:
        obeyed = repr((state_of_layers(self), self.run_eagerly, self.jit_compile, self.steps_per_execution))
        if self.train_function is not None and not force and obeyed == self._obeyed:
            return self.train_function
        self._obeyed = obeyed
        if not self.trainable_variables:
            raise ValueError(
                f"`{self.name}` has nothing to train: all of its parts are frozen. Set `trainable = True` on some, and "
                "compile it again."
            )
        for optimizer, trained in self.trained_by():
            require_known(optimizer, trained)
        if not self.optimizer.built:  # a LossScaleOptimizer built twice forgets its scale
            with self.distribute_strategy.scope():
                self.build_optimizers()  # variables cannot be made inside an XLA program
        super().make_train_function(force=True)
        one_by_one = self.train_function
        if self.jit_compile and self.steps_per_execution > 1 and not self.run_eagerly:
            unguarded_step = functools.partial(self._step, guarded=False)
            together = many_steps_in_one_program(unguarded_step, self.train_step, self.state, self.steps_per_execution)
        else:
            together = None

        step = self._entered(one_by_one, together)

        def run(iterator: Any) -> Any:
            logs = step(iterator)
            self.guard.check()
            return logs

        self.train_function = run
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        if self.test_function is None or force:
            super().make_test_function(force=True)
            self.test_function = self._entered(self.test_function)
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Any:
        return doors.make_predict_function(self, super().make_predict_function, self.require_shape, force)

    def _entered(self, one_by_one: Any, together: Any = None) -> Any:
        """A train or test function as Keras calls it, which looks at shapes first."""

        def run(iterator: Any) -> Any:
            batches = doors.entering(iterator, self.require_shape, self.distribute_strategy)
            # `train_on_batch` passes a Python generator, `fit` an iterator of TensorFlow's.
            of_data = hasattr(iterator, "get_next_as_optional")
            if together and of_data:
                logs = together(batches, self.steps_left.number)
            else:
                logs = doors.stepping(one_by_one, batches, self.steps_per_execution)
            if not of_data and self.distribute_strategy.num_replicas_in_sync > 1:
                return self.get_metrics_result()  # of the whole batch; Keras averages the averages of replicas
            return logs

        return run

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

    def as_examples(self, raw: Any) -> tf.Tensor:
        """The raw batch as `[B, *data_shape]`: a last axis of one channel may be missing.

        Raises:
            ValueError: the examples have another shape than the model was made for, or Keras' settings another
                precision.
        """
        require_precision(self.name, self.compute_dtype)
        raw = tf.convert_to_tensor(raw)
        if raw.dtype == tf.bool:
            raw = tf.cast(raw, self.compute_dtype)
        if not (raw.dtype.is_floating or raw.dtype.is_integer):
            raise ValueError(f"`{self.name}` takes integers or floats; received {raw.dtype.name}.")
        self.require_shape(raw.shape)
        if raw.shape[1:].is_fully_defined():
            return raw if raw.shape[1:] == self.data_shape else raw[..., tf.newaxis]
        rows, axes = tf.shape(raw)[:1], tf.shape(raw)
        if replicas() > 1:  # it has been looked at (`doors`), and one that has no examples may have axes of 0
            return tf.reshape(raw, tf.concat([rows, self.data_shape], axis=0))
        if self._may_lack_channel:
            axes = tf.concat([axes, [1]], axis=0)[: 1 + len(self.data_shape)]
        return tf.ensure_shape(tf.reshape(raw, axes), (None, *self.data_shape))

    def require_shape(self, shape: tf.TensorShape) -> None:
        """ValueError if a batch of that shape, as far as it is known, holds no examples of this model."""
        wanted = [self.data_shape, self.data_shape[:-1]] if self._may_lack_channel else [self.data_shape]
        if not any(shape[1:].is_compatible_with(each) for each in wanted):
            raise ValueError(f"`{self.name}` takes examples of shape {self.data_shape}; received {tuple(shape[1:])}.")

    @property
    def _may_lack_channel(self) -> bool:
        return len(self.data_shape) > 1 and self.data_shape[-1] == 1

    def _with_own(self, callbacks: Any) -> Any:
        """The callbacks of a `fit`, after this model's own."""
        own = [self.steps_left, self.skipped_share]
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            return [*own, *tf.nest.flatten(callbacks or [])]
        callbacks.callbacks[:0] = own  # before the history, which takes figures as it finds them
        callbacks.set_model(self)
        callbacks.set_params(callbacks.params)
        return callbacks

    def _shared(self, data: Any, batch_size: int | None = None) -> Any:
        return multi_worker.shared(self.distribute_strategy, data, batch_size)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Nothing: the model is built when it is made. Keras would take a batch from the data under a strategy and
        average it over the replicas, which fails when the first batch does not split evenly."""

    def _counter(self, name: str) -> keras.Variable:
        return self.add_weight(
            shape=(), initializer="zeros", dtype="int64", trainable=False, autocast=False,
            aggregation="only_first_replica", name=name,
        )  # fmt: skip

    def _logs(self, scores: dict[str, tf.Tensor], sample_weight: Any, counted: Any = True) -> dict[str, tf.Tensor]:
        for metric in self._means:
            values = scores[metric.name]
            weights = weighted(tf.ones_like(values), sample_weight)
            # A skipped step has no say: not with weight 0 alone, since 0 times NaN is NaN.
            metric.update_state(tf.where(counted, values, 0.0), tf.where(counted, weights, 0.0))
        return {metric.name: multi_worker.as_log(metric.result()) for metric in self._means}


def weighted(values: tf.Tensor, sample_weight: Any) -> tf.Tensor:
    """Values of each example, `[B]`, times the weights that the data give them, if they do."""
    if sample_weight is None:
        return values
    return values * tf.reshape(tf.cast(sample_weight, values.dtype), tf.shape(values))
