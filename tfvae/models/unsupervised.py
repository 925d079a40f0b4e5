"""The model with a single hole, `trace_of`: losses, gradients and scores by an objective."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.devices import replicas
from tfvae.families import Family
from tfvae.models.model import GuardedModel
from tfvae.networks.checks import refuse_losses_of_calls
from tfvae.noise import Noise
from tfvae.objectives import Objective, Scores
from tfvae.objectives.elbo import by_level
from tfvae.preprocessing import Preprocessing
from tfvae.priors import Prior
from tfvae.trace import Trace, require_full_precision
from tfvae.training import path_gradient
from tfvae.training.global_batch import never_empty
from tfvae.training.guard import count_not_finite
from tfvae.training.step import Attempt, Update, weighted
from tfvae.units import unit

_NO_LABELS = ("None values not supported", "NoneType", "received None")  # Python's and TensorFlow's words


class UnsupervisedModel(GuardedModel):
    """A Keras model that learns x from x by an objective.

    A final class gives `trace_of`, best by `tfvae.latent` for each group of its latents; this one gives the steps. What
    else it can do it says by the methods that it defines: `call` (predictions), `sample`, `codes`, `views`
    (reconstructions) and so on; `models/abilities.py` lists them. It keeps each argument of its
    constructor as the attribute of that name, from which it is saved and loaded (`tfvae.Configured`).

    Labels in the data are passed through to `trace_of`, sample weights multiply each example's loss. The loss is the
    sum over the examples of the global batch divided by their number, whatever the number of replicas.

    Args:
        preprocess: from raw data to x.
        family: of p(x|z), or the density of x itself. Its event is one example; with the preprocessing it says what
            log p(x) may be called (`unit`), and where that is no likelihood no `elbo` is reported.
        objective: from the trace to each example's loss. Part of the model, so that it is saved with it.
        seed: of the noise of training.
    """

    def __init__(
        self,
        preprocess: Preprocessing,
        family: Family | Prior,
        objective: Objective,
        seed: int = 0,
        name: str | None = None,
    ):
        for argument, part, kind in (("preprocess", preprocess, Preprocessing), ("objective", objective, Objective)):
            if not isinstance(part, kind):
                raise TypeError(f"`{argument}` must be an object of `{kind.__name__}`; received {part!r}.")
        self._terms = objective.terms
        found = unit(preprocess, family)
        terms = [term for term in objective.terms if term != "elbo" or found.is_likelihood]
        super().__init__(preprocess, family.event_shape, found, terms, seed=seed, name=name)
        self.objective = objective
        if isinstance(family, Family):
            self.mean_note = family.mean_note

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "objective" and hasattr(self, name):
            self.check_objective(value)
        super().__setattr__(name, value)

    def check_objective(self, objective: Objective) -> None:
        """Raises unless a model that is made already can be trained by this objective.

        Raises:
            TypeError: it is no objective.
            ValueError: it reports other numbers, or has a gradient or a number of weights that is not for this model.
        """
        if not isinstance(objective, Objective):
            raise TypeError(f"`objective` must be an object of `Objective`; received {objective!r}.")
        if objective.terms != self._terms:
            raise ValueError(
                f"`objective` must report {', '.join(self._terms)}, as that of `{self.name}` before; make a new model "
                "of the same parts for another one."
            )
        for name in ("beta", "free_bits"):
            by_level(name, getattr(objective, name, 0.0), self.levels)
        gradient = getattr(objective, "gradient", "plain")
        if self.levels > 1 and gradient != "plain":
            raise ValueError(f'`objective` has the gradient "{gradient}", which is of one level of latents.')

    @property
    def lacks(self) -> dict[str, str]:
        found = super().lacks
        if not self.unit.is_likelihood:
            found["likelihood"] = f"There is no log p(x), nor an ELBO: this model scores the {self.unit.scored}."
        return found

    @property
    def sample_size(self) -> int:  # type: ignore[override]
        return self.objective.sample_size

    def called_twice(self) -> tuple[keras.Layer, ...]:
        """Parts that a step calls more than once: for data, and for a prior that is made of them.

        A method, because Keras names weights in a file by the first attribute in the alphabet that leads to them.
        """
        return ()

    @abc.abstractmethod
    def trace_of(
        self, x: tf.Tensor, noise: Noise, sample_size: int = 1, y: Any = None, training: bool = False
    ) -> Trace:
        """Runs S samples for each of B examples through the model.

        Args:
            x: preprocessed examples `[B, *data_shape]`, such as a fixed array or draws from the model.
            noise: the source of every random number.
            sample_size: S.
            y: the labels of the data, or None; most models ignore them.
            training: as for Keras layers.
        """

    def traced(self, x: tf.Tensor, noise: Noise, sample_size: int = 1) -> Trace:
        """Returns `trace_of` without labels; NotImplementedError if it needs some."""
        with _labels_named(self, None):
            return self.trace_of(x, noise, sample_size)

    def sample_trace(
        self, raw: tf.Tensor, noise: Noise, sample_size: int, y: Any = None, training: bool = False
    ) -> Trace:
        """Returns `trace_of` for raw examples `[B, *data_shape]`, whose x is drawn with the same noise.

        A replica without examples gets the trace of one.

        Raises:
            NotImplementedError: it needs labels, and there are none.
            TypeError: a number is in half precision.
        """
        x = self.preprocess(never_empty(raw), noise)
        labels = None if y is None else tf.nest.map_structure(never_empty, y)
        with _labels_named(self, labels):
            trace = self.trace_of(x, noise, sample_size, y=labels, training=training)
        require_full_precision(trace)
        return trace

    def attempt(self, raw: tf.Tensor, y: Any, sample_weight: Any, noise: Noise, global_rows: tf.Tensor) -> Attempt:
        variables = self.trainable_variables
        with tf.GradientTape(persistent=True) as tape:
            trace = self.sample_trace(raw, noise, self.objective.sample_size, y=y, training=True)
            scores = _first_rows(self.objective(trace, self._steps.value), raw)
            for part in self.called_twice():
                refuse_losses_of_calls(part.name, part, "the prior is made of it too")
            loss = tf.reduce_sum(weighted(scores.loss, sample_weight)) / tf.cast(global_rows, scores.loss.dtype)
            if self.losses:  # regularisers of the networks; replicas are summed
                loss += tf.cast(tf.add_n(self.losses), loss.dtype) / replicas()
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = path_gradient.gradients(tape, scaled_loss, variables, trace, scores.path_weights)
        not_finite = {
            "distortion": count_not_finite([scores.distortion]),
            "rate": count_not_finite([] if scores.rate is None else [scores.rate]),
            "loss": count_not_finite([loss]),
        }
        return Attempt(scores._asdict(), not_finite, [Update(self.optimizer, gradients, variables)])

    def test_scores(self, raw: tf.Tensor, y: Any, noise: Noise) -> dict[str, tf.Tensor]:
        trace = self.sample_trace(raw, noise, self.objective.sample_size, y=y)
        return _first_rows(self.objective(trace), raw)._asdict()


def _first_rows(scores: Scores, raw: tf.Tensor) -> Scores:
    """Returns the scores of the examples that there are: none if the trace is of a row that stands for no example."""
    numbers = {name: getattr(scores, name) for name in ("loss", "elbo", "distortion", "rate")}
    rows = tf.shape(raw)[0]
    return scores._replace(**{name: each[:rows] for name, each in numbers.items() if each is not None})


@contextlib.contextmanager
def _labels_named(model: UnsupervisedModel, y: Any) -> Iterator[None]:
    """Around `trace_of`: NotImplementedError in one sentence if it needs labels and there are none."""
    try:
        yield
    except (TypeError, ValueError, AttributeError) as error:
        if y is None and any(words in str(error) for words in _NO_LABELS):
            raise NotImplementedError(
                f"`{type(model).__name__}.trace_of` needs labels, `y`, which are not given here."
            ) from error
        raise
