"""What a process says about its GPUs before it uses them."""

from __future__ import annotations

import contextlib

import tensorflow as tf


def grow_memory() -> None:
    """Lets TensorFlow take the memory of GPUs as it needs it; otherwise it takes nearly all at its first operation.

    The commands of `tfvae` call it, so that a run leaves room for other processes. To be called before TensorFlow's
    first operation; afterwards, and where there is no GPU, it changes nothing. TensorFlow's environment variable
    TF_FORCE_GPU_ALLOW_GROWTH is stronger than it.
    """
    with contextlib.suppress(RuntimeError):  # TensorFlow has started
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
