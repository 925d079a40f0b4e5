"""Convolutions of few channels, which on a processor are fastest as matrix products."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.devices import inside_xla, on_gpu


@keras.saving.register_keras_serializable("tfvae")
class ThinConv2D(keras.layers.Conv2D):
    """A convolution that keeps height and width, for inputs or outputs of few channels, as couplings of flows have.

    The same function and the same weights as `keras.layers.Conv2D`. XLA's convolutions on a processor are slow, and
    oneDNN's, which run without XLA, fill up one or two channels to sixteen. So under XLA, which fuses all else that a
    flow does, this layer becomes a matrix product: of the neighbourhoods of pixels if it has fewer inputs than outputs
    (im2col), and otherwise of pixels, whose contributions to their neighbours are then added up (col2im). Without XLA,
    and on a GPU, it is a convolution.

    Args:
        filters, activation, kernel_initializer: as of `keras.layers.Conv2D`.
        kernel_size: an odd number.

    Raises:
        ValueError: the size of the kernel is even.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ):
        given = {"activation": activation, "kernel_initializer": kernel_initializer, "data_format": "channels_last"}
        super().__init__(filters, kernel_size, padding="same", **given, name=name, dtype=dtype, trainable=trainable)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"`kernel_size` must be odd; received {kernel_size!r}.")

    @property
    def operations(self) -> int:
        """Multiplications for one example; known once it is built."""
        height, width = self.get_build_config()["input_shape"][1:3]
        return height * width * math.prod(self.kernel.shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if on_gpu() or not inside_xla():
            return super().call(inputs)
        kernel, bias = tf.cast(self.kernel, self.compute_dtype), tf.cast(self.bias, self.compute_dtype)
        return self.activation(_product(inputs, kernel, bias))

    def get_config(self) -> dict[str, Any]:
        kept = ("filters", "kernel_size", "activation", "kernel_initializer", "name", "dtype", "trainable")
        return {name: value for name, value in super().get_config().items() if name in kept}


def _product(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`[B, H, W, I]` -> `[B, H, W, O]`, for a kernel `[K, K, I, O]` and a bias `[O]`."""
    height, width, inputs, outputs = kernel.shape
    plane = x.shape[1:3]
    taps = [(row, column) for row in range(height) for column in range(width)]
    padding = [[0, 0], [height // 2] * 2, [width // 2] * 2, [0, 0]]

    def shifted(padded: tf.Tensor, row: int, column: int) -> tf.Tensor:
        return padded[:, row : row + plane[0], column : column + plane[1]]

    if inputs < outputs:
        padded = tf.pad(x, padding)
        neighbourhoods = tf.concat([shifted(padded, *tap) for tap in taps], axis=-1)
        return _rows_times(neighbourhoods, tf.reshape(kernel, [-1, outputs])) + bias
    matrix = tf.reshape(tf.transpose(kernel, [2, 0, 1, 3]), [inputs, -1])
    # Of a pixel and its contributions, one for each tap: the one of tap (i, j) is for the pixel that sees it there.
    padded = tf.pad(_rows_times(x, matrix), padding)
    contributions = tf.split(padded, len(taps), axis=-1)
    return tf.add_n([shifted(each, *tap) for each, tap in zip(contributions, taps, strict=True)]) + bias


def _rows_times(x: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    product = tf.reshape(x, [-1, x.shape[-1]]) @ matrix
    return tf.reshape(product, [-1, *x.shape[1:-1], matrix.shape[-1]])
