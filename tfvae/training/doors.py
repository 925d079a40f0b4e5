"""Batches on the host, just before they enter a compiled step.

A step is traced for shapes that it does not know if a dataset does not know them, such as images that are decoded from
files, or if Keras has seen arrays with and without a channel. An assertion inside it would end in an error of
TensorFlow's, and XLA leaves assertions out. So shapes are looked at here, where they are known.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae._support.checks import check_batch_sizes
from tfvae.parallel.multi_worker import is_multi_worker, rows_of_replica
from tfvae.raw_images import BAD_INPUT

NO_EXAMPLES = "There must be at least one example; received none."
_ITERATORS = (tf.data.Iterator, tf.distribute.DistributedIterator)
_making = threading.RLock()

Look = Callable[[tf.TensorShape], None]
"""Raises ValueError if a batch of that shape, as far as it is known, holds no examples of a model."""


def entering(batches: Any, look: Look, strategy: tf.distribute.Strategy) -> Any:
    """The batches that a train or test function is given, of which each has been looked at.

    Args:
        batches: an iterator over a dataset as in `fit`, or a generator of one batch on the host as in `train_on_batch`.
        look: raises what is wrong with a shape.
        strategy: the model's. A batch on the host is divided among its replicas.

    Raises:
        ValueError: `look` has raised it; a batch on the host is empty or meant for several workers.
    """
    if not isinstance(batches, _ITERATORS):
        return (_on_the_host(batch, look, strategy) for batch in batches)
    x = _examples(batches.element_spec)
    if isinstance(x, (dict, list, tuple, tf.RaggedTensorSpec, tf.SparseTensorSpec)):
        return batches  # the model says by itself that these are no examples
    shapes = [spec.shape for spec in tf.nest.flatten(x, expand_composites=True)]  # one for each replica
    for shape in shapes:
        look(shape)
    if all(shape[1:].is_fully_defined() for shape in shapes):
        return batches
    return _seen(batches, look, strategy)


def stepping(function: Callable[[Any], Any], batches: Any, steps: int) -> Any:
    """Calls Keras' train or test function with `entering` batches, up to `steps` of them.

    Raises:
        StopIteration: there is no batch. Keras 3.15 expects it, but notices only the end of TensorFlow's iterators.
    """
    if isinstance(batches, _ITERATORS):
        return function(batches)
    first = list(itertools.islice(batches, steps))
    if not first:
        raise StopIteration
    return function(iter(first))


def entered(
    model: keras.Model, one_by_one: Callable[[Any], Any], together: Any = None, then: Callable[[], None] | None = None
) -> Callable[[Any], Any]:
    """Returns a train or test function as Keras calls it, which looks at the shapes of batches first.

    Args:
        model: model of this package.
        one_by_one: Keras' function of an iterator of batches.
        together: function of such an iterator, and of how many steps are left, that takes many steps as one program.
        then: function to call after each execution.
    """

    def run(iterator: Any) -> Any:
        batches = entering(iterator, model.require_shape, model.distribute_strategy)
        # `train_on_batch` passes a Python generator, `fit` an iterator of TensorFlow's.
        of_data = hasattr(iterator, "get_next_as_optional")
        if together and of_data:
            logs = together(batches, model.steps_left.number)
        else:
            logs = stepping(one_by_one, batches, model.steps_per_execution)
        if not of_data and model.distribute_strategy.num_replicas_in_sync > 1:
            logs = model.get_metrics_result()  # of the whole batch; Keras averages the averages of replicas
        if then is not None:
            then()
        return logs

    return run


def make_predict_function(model: keras.Model, make: Callable[..., None], look: Look, force: bool = False) -> Any:
    """Keras' `make_predict_function`, whose function looks at each batch first, and refuses bad input.

    The model's `predict_step` gives the answer and, `[1]`, how many of a batch are no input.

    Args:
        model: whose function it is.
        make: Keras' own method.
        look: raises what is wrong with a shape.
        force: make it anew.
    """
    with _making:  # no other thread may meet Keras' own function meanwhile
        if model.predict_function is not None and not force:
            return model.predict_function
        make(force=True)
        predict = model.predict_function

        def run(data: list[Any]) -> Any:
            for batch in data:
                _look_at(batch, look, model.distribute_strategy)
            answer, problems = predict(data)
            if np.any(problems):
                raise bad_input()
            return answer

        model.predict_function = run
        return run


def bad_input() -> FloatingPointError:
    """The error of an evaluation or a prediction of examples that are no input."""
    return FloatingPointError(f"Evaluation or prediction stopped: {BAD_INPUT}.")


def among_replicas(batch: Any, strategy: tf.distribute.Strategy) -> Any:
    """A batch on the host as `strategy.run` takes it: each replica gets its rows. (Keras gives every replica all.)

    Args:
        batch: arrays or tensors `[B, ...]` in any nest, None where there is nothing.
        strategy: the model's.

    Raises:
        ValueError: the replicas belong to several processes.
    """
    count = strategy.num_replicas_in_sync
    if is_multi_worker(strategy):
        raise ValueError("Several workers cannot share a single batch: use `fit`, `evaluate` or `predict`.")
    if count == 1:
        return batch

    def divided(each: Any) -> Any:
        each = tf.convert_to_tensor(each)
        return strategy.experimental_distribute_values_from_function(
            lambda context: each[rows_of_replica(context.replica_id_in_sync_group, count, each.shape[0])]
        )

    return tf.nest.map_structure(lambda each: None if each is None else divided(each), batch)


@contextlib.contextmanager
def some_examples(batch_size: Any = None) -> Iterator[None]:
    """Around Keras' `predict`: raises ValueError if there were no examples, or if `batch_size` is none.

    Keras 3.15 reads a variable then that no batch has set.
    """
    check_batch_sizes(batch_size=batch_size)
    try:
        yield
    except UnboundLocalError as error:
        if "batch_outputs" not in str(error):
            raise
        raise ValueError(NO_EXAMPLES) from None


def required(what: str, data: Any) -> Any:
    """Data that hold examples: ValueError for None and for a single number."""
    if data is None or (hasattr(data, "__array__") and np.shape(data) == ()):
        received = "None" if data is None else "a single number"
        raise ValueError(
            f"{what} must be an array or a tensor of examples, a list or a dict of them, or a dataset of batches; "
            f"received {received}."
        )
    return data


def is_empty(data: Any) -> bool:
    """Whether data, as `fit` and `evaluate` take them, are known to hold no examples before they are read."""
    data = data[0] if isinstance(data, tuple) and data else data
    if isinstance(data, tf.data.Dataset):
        return bool(data.cardinality() == 0)
    return tuple(getattr(data, "shape", ()))[:1] == (0,)


def _seen(batches: Iterable[Any], look: Look, strategy: tf.distribute.Strategy) -> Iterator[Any]:
    for batch in batches:
        _look_at(batch, look, strategy)
        yield batch


def _on_the_host(batch: Any, look: Look, strategy: tf.distribute.Strategy) -> Any:
    _look_at(batch, look, strategy)
    if is_empty(_examples(batch)):
        raise ValueError(NO_EXAMPLES)
    return among_replicas(batch, strategy)


def _look_at(batch: Any, look: Look, strategy: tf.distribute.Strategy) -> None:
    parts = [each for each in strategy.experimental_local_results(_examples(batch)) if hasattr(each, "shape")]
    for part in parts:
        # Where shapes are unknown, a replica without examples has axes of 0.
        if len(parts) == 1 or tuple(part.shape[:1]) != (0,):
            look(tf.TensorShape(part.shape))


def _examples(batch: Any) -> Any:
    return keras.utils.unpack_x_y_sample_weight(batch)[0]
