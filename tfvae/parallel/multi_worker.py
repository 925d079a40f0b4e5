"""What Keras 3 does not do by itself where several processes train one model (`MultiWorkerMirroredStrategy`).

Each function is one workaround, with the library behaviour that forces it. `tests/parallel/test_same_maths.py`
fails when one of them is needed no longer. Every worker has to take part in everything that reads a metric, evaluates
or saves: TensorFlow sums metrics over the workers when they are read, and waits for all of them.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfvae._support import private
from tfvae.datasets.batches import untuned
from tfvae.parallel.late_decoding import undecoded


def is_multi_worker(strategy: tf.distribute.Strategy | None = None) -> bool:
    """Whether a strategy, the current one if not given, is one of several processes."""
    return private.is_multi_worker(strategy or tf.distribute.get_strategy())


def as_log(result: tf.Tensor) -> tf.Tensor:
    """A metric's result, scalar, as a step may return it.

    Keras 3.15 averages the logs of several workers over an axis that scalars do not have (`reduce_per_replica` in
    keras/src/backend/tensorflow/trainer.py: `strategy.reduce("MEAN", v, axis=0)`; keras issue 20585): "Invalid
    reduction dimension 0 for input with 0 dimensions". With shape (1,) it is right.
    """
    return tf.reshape(result, (1,)) if is_multi_worker() else result


def require_single_steps(steps_per_execution: Any) -> None:
    """Refuses several steps an execution to several workers: Keras' loop over them loses its data beside collective
    operations ("You must feed a value for placeholder tensor").

    Raises:
        ValueError: several steps an execution.
    """
    if is_multi_worker() and steps_per_execution not in (1, "auto"):
        raise ValueError(
            f"Several workers train step by step: `steps_per_execution` must be 1; received {steps_per_execution!r}."
        )


def shared(strategy: tf.distribute.Strategy, data: Any, batch_size: int | None = None) -> Any:
    """The data of one process as those of several: each worker takes its rows of every global batch.

    Row by row it is the batch of one device, so that noise and sums are the same. Replica r of R takes the rows from
    floor(r n / R) to floor((r+1) n / R) - 1 of the n in a batch, which may be none. (TensorFlow's own sharding cuts by
    its own rules, and Keras' shuffling of arrays gives every worker another order.) Of images on disk a worker reads
    all, since their order is that of the whole data, and decodes its rows.

    Args:
        strategy: the model's.
        data: a dataset of global batches, the same on every worker; of an evaluation also an array, or a tuple of
            arrays, None where there is none.
        batch_size: of arrays, 32 if not given.

    Returns:
        For one process the data as they are.
    """
    if not is_multi_worker(strategy):
        return data
    if isinstance(data, tuple):
        data = tuple(each for each in data if each is not None)
        data = data[0] if len(data) == 1 else data
    if isinstance(data, tf.distribute.DistributedDataset):
        return data
    if not isinstance(data, tf.data.Dataset):
        data = tf.data.Dataset.from_tensor_slices(data).batch(batch_size or 32)
    records, decode = undecoded(data)
    return strategy.distribute_datasets_from_function(
        lambda context: untuned(decode(_rows_of_worker(records, context)))
    )


def require_dataset(strategy: tf.distribute.Strategy, data: Any) -> None:
    """Refuses arrays for training: Keras shuffles them, on every worker in an order of its own.

    Raises:
        ValueError: several workers are to train on arrays.
    """
    if is_multi_worker(strategy) and not isinstance(data, (tf.data.Dataset, tf.distribute.DistributedDataset)):
        raise ValueError(
            "Several workers train on a tf.data.Dataset of global batches that is the same on every worker, such as "
            f"`training.batches`; received {type(data).__name__}."
        )


def rows_of_replica(replica: Any, replicas: int, size: Any) -> slice:
    """The rows of a batch of `size` examples that a replica takes: as many as the others, or one more or less."""
    return slice(replica * size // replicas, (replica + 1) * size // replicas)


def _rows_of_worker(data: tf.data.Dataset, context: tf.distribute.InputContext) -> tf.data.Dataset:
    """One batch for each replica of this worker, one after the other, for every global batch."""
    replicas = context.num_replicas_in_sync
    local = replicas // context.num_input_pipelines
    first = context.input_pipeline_id * local

    def rows(replica: Any, *batch: Any) -> Any:
        """The rows of one replica, of a static shape where the batch has one that R divides."""
        leading = tf.nest.flatten(batch)[0]
        size = leading.shape[0] if leading.shape[0] is not None else tf.shape(leading)[0]
        own = rows_of_replica(replica, replicas, size)
        return tf.nest.map_structure(lambda each: each[own], batch[0] if len(batch) == 1 else batch)

    if local == 1:
        return data.map(lambda *batch: rows(first, *batch))
    cardinality = data.cardinality()
    many = data.flat_map(
        lambda *batch: tf.data.Dataset.range(first, first + local, output_type=tf.int32).map(
            lambda replica: rows(replica, *batch)
        )
    )
    if cardinality == tf.data.INFINITE_CARDINALITY:
        many = many.apply(tf.data.experimental.assert_cardinality(cardinality))
    return many
