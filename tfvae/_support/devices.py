"""What computes: a GPU or the processor, XLA or not."""

from __future__ import annotations

import contextlib

import tensorflow as tf

from tfvae._support.private import is_compiled_by_xla


def grow_memory() -> None:
    """Lets TensorFlow take the memory of GPUs as it needs it; otherwise it takes nearly all at its first operation.

    The commands of `tfvae` call it, so that a run leaves room for other processes. To be called before TensorFlow's
    first operation; afterwards, and where there is no GPU, it changes nothing. TensorFlow's environment variable
    TF_FORCE_GPU_ALLOW_GROWTH is stronger than it.
    """
    with contextlib.suppress(RuntimeError):  # TensorFlow has started
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


def on_gpu() -> bool:
    """Whether TensorFlow has a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def replicas() -> int:
    """Number of devices that the current strategy trains on together."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def inside_xla() -> bool:
    """Whether a function is being traced that XLA compiles."""
    return not tf.executing_eagerly() and is_compiled_by_xla(tf.compat.v1.get_default_graph())
