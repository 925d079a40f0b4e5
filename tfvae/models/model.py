"""Keras' verbs around the training step of every model, which a batch that is not finite cannot spoil."""

from __future__ import annotations

import abc
import functools
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfvae._support.checks import integer
from tfvae._support.layer_state import state_of_layers
from tfvae._support.precision import at_least_float32
from tfvae._support.private import BuiltWhenMade
from tfvae._support.serialization import SavedWhole
from tfvae.models import abilities, compiling, examples, given, predicting
from tfvae.networks.checks import refuse_quantization
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.parallel import multi_worker
from tfvae.preprocessing import Preprocessing
from tfvae.training import doors, step
from tfvae.training.average import Average
from tfvae.training.global_batch import over_replicas, place_in_global_batch
from tfvae.training.guard import Guard, SkippedShare, SkippedSteps, checked
from tfvae.training.program import StepsLeft, many_steps_in_one_program
from tfvae.training.step import Attempt
from tfvae.training.turns import Turns
from tfvae.units import Unit

# Attributes that a traced step has taken in: it would not see that they have changed.
_TRACED = ("objective", "preprocess", "seed", "penalty", "draws", "corruption")


class GuardedModel(SavedWhole, BuiltWhenMade, abc.ABC):
    """A Keras model that is trained on raw examples: `fit(raw)`, `evaluate(raw)`, `predict(raw)`.

    A training step whose input, loss or gradients are not finite changes nothing and is counted (`skipped_steps`, and
    `skipped` in the history: the share of an epoch's steps); ten in a row, or one non-finite input, stop `fit` with a
    FloatingPointError. An empty batch is no step. Steps that a `LossScaleOptimizer` leaves out, because gradients
    overflow in float16, are not counted until its scale has come down to 2^-10. Figures are averages over the other
    steps, NaN if there are none.

    Several threads may predict at the same time. Evaluations take turns; while one thread trains, others cannot
    evaluate.

    What it can do beside training it says by the methods that it defines; `lacks` has the reason for the others.

    Args:
        preprocess: from raw data to x.
        data_shape: shape of one example.
        unit: what log p(x) may be called.
        terms: names of the numbers that are reported.
        seed: of the noise of training.
    """

    train_function: Any
    test_function: Any

    # Methods whose code, with what they do, is in a file of its own. `abilities` are what a final class may define.
    compile, compile_again, build_optimizers = compiling.compile, compiling.compile_again, compiling.build_optimizers
    get_compile_config, compile_from_config = compiling.get_compile_config, compiling.compile_from_config
    trained_by, state = compiling.trained_by, compiling.state
    predict, predict_on_batch, predict_step = predicting.predict, predicting.predict_on_batch, predicting.predict_step
    predicted, reconstructed = predicting.predicted, predicting.reconstructed
    make_predict_function = predicting.make_predict_function
    require, sample, sample_title = abilities.require, abilities.sample, abilities.sample_title
    likelihood, log_likelihood = abilities.likelihood, abilities.log_likelihood
    moments, draw_codes, draw_latents = abilities.moments, abilities.draw_codes, abilities.draw_latents
    codes, clusters, views = abilities.codes, abilities.clusters, abilities.views
    interpolate = abilities.interpolate

    latent_shape: tuple[int, ...] | None = None  # of the z that `likelihood` takes, if there is one
    levels = 1  # of latents
    sample_size = 1  # samples for each example that the reported numbers are averages over
    mean_note = ""  # in the title of a picture of means; see `Family.mean_note`
    exact_likelihood = False  # `log_likelihood` is log p(x) itself, and not a bound
    judged_by_loss = True  # a lower val_loss means a better model, so that training can wait for one
    adam: ClassVar[dict[str, float]] = {}  # momenta that suit this model, if Keras' defaults do not
    draws_quickly = True  # a draw takes one pass through the networks, not one for each element of an example
    interpolates = False  # it is a flow, whose samples have a temperature and whose images have ways between them
    starts_from_data = False  # `start_at` does something

    _attempts_by_xla = False  # of several replicas XLA compiles what each does by itself
    _to_be_chosen = False  # the next `fit` chooses the way of running the steps
    _jit_compile_wished: bool | None = None

    def __init__(
        self, preprocess: Preprocessing, data_shape: tuple[int, ...], unit: Unit, terms: Sequence[str], seed: int = 0,
        name: str | None = None,
    ):  # fmt: skip
        # The networks inside may compute in half precision; losses and distributions may not.
        super().__init__(name=name, dtype=at_least_float32())
        if not isinstance(preprocess, Preprocessing):
            raise TypeError(f"`preprocess` must be an object of `Preprocessing`; received {preprocess!r}.")
        self.preprocess, self.seed = preprocess, integer("seed", seed)
        self.unit, self.data_shape = unit, data_shape
        self.guard = Guard()
        self.steps_left, self.skipped_share = StepsLeft(), SkippedShare()
        self._turns = Turns()
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

    @abc.abstractmethod
    def test_scores(self, raw: tf.Tensor, y: Any, noise: Noise) -> dict[str, tf.Tensor]:
        """The reported numbers of each raw example in an evaluation, `[B]` by name; arguments as for `attempt`."""

    @property
    def lacks(self) -> dict[str, str]:
        """Sentence about each ability that the model does not have, by section of an evaluation; see `abilities`."""
        return abilities.lacking(self)

    def representative(self, raw: Any) -> tf.Tensor:
        """x for raw data, without noise: `[B, *data]`."""
        return self.preprocess(self.as_examples(raw))

    def start_at(self, x: Any, seed: int = 0) -> None:
        """Initialises weights from examples `[N, *data]` in the units of x; a seed is for draws. Nothing by default."""

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

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
        callbacks: Any = None, **kwargs: Any,
    ) -> keras.callbacks.History:  # fmt: skip
        """Keras' `fit`, except that `sample_weight` needs no labels (Keras drops the weights where y is None) and that
        under XLA `steps_per_execution` need not divide the epoch (Keras would go past its end)."""
        x, y, kwargs = given.for_training(self, x, y, kwargs | {"batch_size": batch_size})
        multi_worker.require_dataset(self.distribute_strategy, x)
        if self._to_be_chosen:
            compiling.choose_way(self, x, y, batch_size, verbose)
        x = multi_worker.shared(self.distribute_strategy, x)
        if kwargs["validation_data"] is not None:
            size = kwargs.get("validation_batch_size") or batch_size
            kwargs["validation_data"] = multi_worker.shared(self.distribute_strategy, kwargs["validation_data"], size)
        steps, skipped = self.steps, self.skipped_steps
        own = given.with_own([self.steps_left, self.skipped_share], callbacks, self)
        kwargs |= {"batch_size": batch_size, "epochs": epochs, "verbose": verbose, "callbacks": own}
        with self._turns.training():
            history = super().fit(x, y, **kwargs)
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
        x, y, sample_weight = given.for_evaluation(self, x, y, sample_weight, batch_size)
        strategy = self.distribute_strategy
        if multi_worker.is_multi_worker(strategy):
            x, y, sample_weight = multi_worker.shared(strategy, (x, y, sample_weight), batch_size), None, None
        with self._turns.evaluating(), checked(self.guard):
            figures = super().evaluate(x, y, batch_size, verbose, sample_weight, *args, **kwargs)
            if not keras.ops.convert_to_numpy(self._evaluated):
                raise ValueError(doors.NO_EXAMPLES)
        return figures

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras' `train_on_batch`; several replicas share the batch. Raises as `fit` does."""
        with self._turns.evaluating():
            return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras' `test_on_batch`; several replicas share the batch. Raises as `evaluate` does."""
        with self._turns.evaluating(), checked(self.guard):
            return super().test_on_batch(*args, **kwargs)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        return self._step(data, guarded=True)[0]

    def _step(self, data: Any, guarded: bool) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Takes one training step.

        Args:
            data: a batch.
            guarded: undo the step if something is not finite. Otherwise neither is it undone, nor are gradients looked
                at that would leave their mark in the weights: `training.program` does both for many steps at once.

        Returns:
            The logs, and whether everything that was looked at is finite, bool scalar.
        """
        raw, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        raw = self.as_examples(raw)
        first_row, global_rows = place_in_global_batch(raw)
        noise = Noise(self.seed, self._steps.value, first_row)
        passive = step.Passive(layer for layer in self.layers if layer is not self.guard)
        attempt = step.compiled_by_xla(self.attempt, self.seed) if self._attempts_by_xla else self.attempt
        attempted = attempt(raw, y, sample_weight, noise, global_rows)
        bad_input = self.preprocess.problems(raw)
        fine, updates = step.judge(
            attempted, bad_input, global_rows, self.guard, self._steps.value, self.optimizer, guarded
        )
        with tf.control_dependencies([fine]):  # at the end of data of unknown size TensorFlow starts a step without any
            step.carry_out(updates, fine, passive, guarded, in_branch=not self.jit_compile)
            self._steps.assign_add(tf.cast(global_rows > 0, tf.int64))
        return step.averages(self._means, attempted.scores, sample_weight, counted=fine), fine

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        raw, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        raw = self.as_examples(raw)
        first_row, global_rows = place_in_global_batch(raw)
        noise = Noise(EVALUATION_SEED, 0, self._evaluated.value + tf.cast(first_row, tf.int64))
        scores = self.test_scores(raw, y, noise)
        self.guard.refuse_input(over_replicas(self.preprocess.problems(raw)))
        with tf.control_dependencies([raw]):  # TensorFlow starts a step without data at their end, also of none
            self._evaluated.assign_add(tf.cast(global_rows, tf.int64))
        return step.averages(self._means, scores, sample_weight)

    def make_train_function(self, force: bool = False) -> Any:
        obeyed = repr((state_of_layers(self), self.run_eagerly, self.jit_compile, self.steps_per_execution))
        if self.train_function is not None and not force and obeyed == self._obeyed:
            return self.train_function
        self._obeyed = obeyed
        compiling.prepare_to_train(self)
        super().make_train_function(force=True)
        together = None
        if self.jit_compile and self.steps_per_execution > 1 and not self.run_eagerly:
            unguarded_step = functools.partial(self._step, guarded=False)
            together = many_steps_in_one_program(unguarded_step, self.train_step, self.state, self.steps_per_execution)
        self.train_function = doors.entered(self, self.train_function, together, then=self.guard.check)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        if self.test_function is None or force:
            super().make_test_function(force=True)
            self.test_function = doors.entered(self, self.test_function)
        return self.test_function

    def as_examples(self, raw: Any) -> tf.Tensor:
        """Returns a raw batch as `[B, *data_shape]`; raises as `examples.as_examples`."""
        return examples.as_examples(self.name, raw, self.data_shape, self.compute_dtype)

    def require_shape(self, shape: tf.TensorShape) -> None:
        """ValueError if a batch of that shape, as far as it is known, holds no examples of this model."""
        examples.require_shape(self.name, shape, self.data_shape)

    def _counter(self, name: str) -> keras.Variable:
        return self.add_weight(
            shape=(), initializer="zeros", dtype="int64", trainable=False, autocast=False,
            aggregation="only_first_replica", name=name,
        )  # fmt: skip
