"""tfvae on two replicas, each a logical device of the one processor, and on one device, in the `WAYS`."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

import tfvae
from cases import LEARNING_RATE, Case
from peers.clock import Clock
from peers.tfvae_vae import build
from tfvae.parallel import strategies

WAYS = {
    "one device, fastest": ("one", {"steps_per_execution": "auto"}),
    "one device": ("one", {"jit_compile": False}),
    "two replicas": ("mirrored", {"jit_compile": False}),
}


def train(case: Case, images: np.ndarray, variant: str) -> float:
    """Seconds of all epochs but the first."""
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    name, how = WAYS[variant]
    if name == "mirrored":
        tf.config.threading.set_intra_op_parallelism_threads(1)
    with strategies.strategy(name).scope():
        model = build(case)
        model.compile(keras.optimizers.Adam(LEARNING_RATE), **how)
    clock = Clock()
    model.fit(
        tfvae.training.batches(images, case.batch, seed=0),
        steps_per_epoch=case.steps,
        epochs=1 + case.epochs,
        shuffle=False,
        callbacks=[clock],
        verbose=0,
    )
    return clock.seconds
