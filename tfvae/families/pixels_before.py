"""A network of what precedes each pixel, in the order of reading."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfvae._support.checks import check_sizes, integers_at_least
from tfvae._support.configured import Configured
from tfvae._support.precision import at_least_float32


@keras.saving.register_keras_serializable("tfvae")
class PixelsBefore(Configured, keras.layers.Layer):
    """The same small dense network at each pixel, of the pixels near it that are read before it.

    Those are the `reach` rows above, as far as `reach` to the left and to the right, and the `reach` pixels to the
    left: 2 reach (reach + 1) of them. What lies outside of the image is 0.

        [B, H, W, C] -> [outputs, B, H, W, C]

    A channel sees the pixels before its own, all their channels, and none of its own pixel.

    Values are kept with the pixels last: each layer is then one product of matrices, and neighbourhoods are copied in
    whole rows. On a processor this takes three quarters of the time of a convolution of neighbourhoods.

    Args:
        reach: how far it sees, in pixels.
        hidden: units of the layers, with relu between them.
        outputs: numbers for each channel of each pixel.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, reach: int, hidden: Sequence[int], outputs: int, name: str | None = None):
        super().__init__(name=name, dtype=at_least_float32())
        self.reach, self.outputs = integers_at_least(1, reach=reach, outputs=outputs)
        self.hidden = check_sizes("hidden", hidden)

    def build(self, input_shape: Sequence[int | None]) -> None:
        channels = int(input_shape[-1])  # type: ignore[arg-type]
        sizes = (self.neighbours * channels, *self.hidden, self.outputs * channels)
        self._kernels = [
            self.add_weight(shape=shape, initializer="glorot_uniform", name=f"kernel_{index}")
            for index, shape in enumerate(itertools.pairwise(sizes))
        ]
        self._biases = [
            self.add_weight(shape=(size, 1), initializer="zeros", name=f"bias_{index}")
            for index, size in enumerate(sizes[1:])
        ]
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        height, width, channels = images.shape[1:]
        reach, rows = self.reach, tf.shape(images)[0]
        padded = tf.pad(tf.transpose(images, [3, 0, 1, 2]), [[0, 0], [0, 0], [reach, 0], [reach, reach]])
        corners = [(top, left) for top in range(reach + 1) for left in range(2 * reach + 1)][: self.neighbours]
        before = [padded[:, :, top : top + height, left : left + width] for top, left in corners]
        found = self.ofneighbours(tf.reshape(tf.stack(before), [self.neighbours * channels, -1]))
        return tf.transpose(tf.reshape(found, [self.outputs, channels, rows, height, width]), [0, 2, 3, 4, 1])

    def one_by_one(
        self, draw: Callable[..., tf.Tensor], height: int, width: int, channels: int, rows: tf.Tensor, dtype: tf.DType
    ) -> tf.Tensor:
        """Images `[rows, H, W, C]` whose pixels are drawn in order, each when those before it are known.

        Args:
            draw: of the number of a pixel and its `[outputs, C, rows]` the pixel, `[C, rows]`.
            height, width, channels, rows, dtype: of the images.
        """
        reach = self.reach

        def next_pixel(pixel: tf.Tensor, canvas: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            row, column = pixel // width, pixel % width
            around = tf.slice(canvas, [row, column, 0, 0], [reach + 1, 2 * reach + 1, channels, rows])
            before = tf.reshape(around, [-1, channels, rows])[: self.neighbours]
            found = self.ofneighbours(tf.reshape(before, [self.neighbours * channels, rows]))
            value = draw(pixel, tf.reshape(found, [self.outputs, channels, rows]))
            at = tf.stack([row + reach, column + reach])[tf.newaxis]
            return pixel + 1, tf.tensor_scatter_nd_update(canvas, at, value[tf.newaxis])

        canvas = tf.zeros([height + reach, width + 2 * reach, channels, rows], dtype)
        pixels = height * width
        _, canvas = tf.while_loop(lambda pixel, _: pixel < pixels, next_pixel, (0, canvas), maximum_iterations=pixels)
        return tf.transpose(canvas[reach:, reach : reach + width], [3, 0, 1, 2])

    @property
    def neighbours(self) -> int:
        """How many pixels each pixel sees."""
        return 2 * self.reach * (self.reach + 1)

    def ofneighbours(self, values: tf.Tensor) -> tf.Tensor:
        """`[neighbours C, any]`, in the order of reading with channels last, -> `[outputs C, any]`."""
        layers = list(zip(self._kernels, self._biases, strict=True))
        for kernel, bias in layers[:-1]:
            values = tf.nn.relu(tf.matmul(kernel, values, transpose_a=True) + bias)
        kernel, bias = layers[-1]
        return tf.matmul(kernel, values, transpose_a=True) + bias
