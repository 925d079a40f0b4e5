"""Names of TensorFlow, Keras and TensorFlow Datasets that are not public, each with its reason.

Such a name may move with any release. `tests/support/test_private_names.py` has a test for each, which fails when
the name is gone or is needed no longer, and one that finds private names anywhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

_SECOND = 1000  # milliseconds


def is_compiled_by_xla(graph: tf.Graph) -> bool:
    """Tells whether XLA compiles what is traced into a graph: TensorFlow's public API does not say."""
    return bool(GraphOrParentsInXlaContext(graph))


def is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """Tells whether a strategy spans several processes. Keras asks in the same way, for want of a public name."""
    return bool(getattr(strategy.extended, "_in_multi_worker_mode", lambda: False)())


def number_of_worker(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> int:
    """Returns this process's number in its cluster: resolvers know its task only, and tasks are of several jobs."""
    from tensorflow.python.distribute import multi_worker_util

    return int(multi_worker_util.id_in_cluster(resolver.cluster_spec(), resolver.task_type, resolver.task_id))


def configure_coordination(spec: tf.train.ClusterSpec, registration: int, heartbeat: int) -> None:
    """Sets up the service through which workers hear of one another.

    A strategy does this by itself, but its public arguments do not say how long a lost worker may go unnoticed.

    Args:
        spec: cluster.
        registration: seconds in which all workers must come.
        heartbeat: seconds without a sign of life after which a worker is lost.
    """
    from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
    from tensorflow.python.distribute import multi_worker_util
    from tensorflow.python.eager import context

    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=multi_worker_util.coordination_leader(spec),
        cluster_register_timeout_in_ms=registration * _SECOND,
        heartbeat_timeout_in_ms=heartbeat * _SECOND,
        coordinated_jobs=[
            coordination_config_pb2.CoordinatedJob(name=job, num_tasks=spec.num_tasks(job)) for job in spec.jobs
        ],
    )


def coordination_store() -> Any:
    """Returns the key-value store of that service (`set_config_key_value`), which has no public name."""
    from tensorflow.python.eager import context

    return context.context()


def change_datasets_of_devices(change: Callable[[tf.data.Dataset], tf.data.Dataset]) -> None:
    """Changes, in this process, the datasets that a strategy makes for each of its devices: no option reaches them.

    Each fetches what the dataset on the host gives, some batches ahead. Does nothing if they are changed already, or if
    this version of TensorFlow makes them by another name.
    """
    from tensorflow.python.data.ops import multi_device_iterator_ops

    make = getattr(multi_device_iterator_ops, "_create_device_dataset", None)
    if make is None or hasattr(make, "__wrapped__"):
        return

    @functools.wraps(make)
    def changed(*args: Any, **kwargs: Any) -> tf.data.Dataset:
        return change(make(*args, **kwargs))

    multi_device_iterator_ops._create_device_dataset = changed


def layers_inside(layer: keras.Layer) -> list[keras.Layer]:
    """Returns a layer's own layers: `layers` exists for models only."""
    return list(getattr(layer, "_layers", ()))


def flat_layers(layer: keras.Layer) -> list[keras.Layer]:
    """Returns a layer and all layers inside it, each once: `layers` ends at the first level."""
    return list(layer._flatten_layers())


def has_call_losses(layer: keras.Layer) -> bool:
    """Tells whether a layer's last call added losses: `losses` also has its regularisers, and its inner layers'."""
    return bool(layer._losses)


def made_trainable(layer: keras.Layer) -> list[Any]:
    """Returns the weights that a layer made to be trained: `trainable_weights` leaves frozen ones out."""
    return list(layer._trainable_variables)


def known_variables(optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """Returns the variables that an optimiser was built for: `variables` has its own state only."""
    return list(optimizer._trainable_variables)


def is_decayed(optimizer: keras.optimizers.Optimizer, variable: Any) -> bool:
    """Tells whether `exclude_from_weight_decay` was not called with a variable: no public name lists those."""
    return optimizer._var_key(variable) not in getattr(optimizer, "_exclude_from_weight_decay", ())


def names_not_decayed(optimizer: keras.optimizers.Optimizer) -> str:
    """Returns the pattern of names that `exclude_from_weight_decay` was called with; "" if it was not."""
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return pattern.pattern if pattern else ""


def clip(optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any]) -> list[Any]:
    """Returns gradients clipped as `apply_gradients` would clip them: no public name clips without applying."""
    return list(optimizer._clip_gradients(list(gradients)))


class BuiltWhenMade(keras.Model):
    """A Keras model whose first batch Keras does not need in order to build it."""

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Does nothing. Under a strategy Keras would take a batch from the data and average it over the replicas, also
        for a built model, which fails when the first batch does not split evenly."""


class ExactSwap(keras.callbacks.SwapEMAWeights):
    """Keras' callback, which puts an optimiser's averaged weights into the model for each validation, made exact.

    Keras exchanges the two by additions, whose rounding leaves other weights behind, so that a resumed run would not
    equal one that was never interrupted. Here they are exchanged as they are.
    """

    def _tf_swap_variables(self, optimizer: Any) -> None:
        self._backend_swap_variables(optimizer)

    def exchange(self) -> None:
        """Averaged weights into the model, and the model's to where they were; and back."""
        self._swap_variables()


class SoftmaxOfAnyRank:
    """A mixin for `tfd.Categorical` with any number of axes.

    TensorFlow's softmax on a CPU refuses more than five, and samples of images with levels have six. All that needs
    probabilities in the class asks this method for them.
    """

    logits: tf.Tensor

    def _probs_parameter_no_checks(self) -> tf.Tensor:
        flat = tf.reshape(self.logits, [-1, tf.shape(self.logits)[-1]])
        return tf.reshape(tf.nn.softmax(flat), tf.shape(self.logits))


def is_registered_feature(class_name: str) -> bool:
    """Tells whether TensorFlow Datasets finds a feature without importing a module: it does not say otherwise."""
    import tensorflow_datasets as tfds

    return class_name in tfds.features.FeatureConnector._registered_features
