"""The machine's speed in matrix products, to hold training against: GFLOP/s of float32 `tf.matmul`.

Variants: "" is a plain graph, "XLA" the same under XLA.
"""

from __future__ import annotations

import time

import tensorflow as tf


def gflops(size: int, seconds: float, variant: str = "") -> float:
    """The fastest of the products of two square matrices that fit into some seconds."""
    left, right = tf.random.normal([size, size]), tf.random.normal([size, size])
    product = tf.function(tf.matmul, jit_compile=variant == "XLA", autograph=False)
    product(left, right).numpy()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        product(left, right).numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9
