"""Binarised images whose pixels depend on z and on the pixels before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import check_event_shape, check_image_shape, integer
from tfvae.families.base import Family, Parameter
from tfvae.families.bernoulli import Bernoulli, OneSoftplus
from tfvae.families.pixels_before import PixelsBefore
from tfvae.noise import EVALUATION_SEED, Noise


class PixelByPixel(tfp.distributions.Distribution):
    """What `AutoregressiveBernoulli` makes: its log p(x) takes one pass, its draws one pixel after the other.

    `mean()` is an estimate without bias, from one draw with fixed noise: of each pixel the probability given the drawn
    pixels before it.

    Args:
        logits: `[..., H, W, C]`.
        gates: `[..., K]`.
        before: the network, with K outputs.
    """

    def __init__(self, logits: tf.Tensor, gates: tf.Tensor, before: PixelsBefore):
        parameters = dict(locals())
        self.logits, self.gates = tf.convert_to_tensor(logits), tf.convert_to_tensor(gates)
        self.before = before
        super().__init__(
            dtype=self.logits.dtype,
            reparameterization_type=tfp.distributions.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=type(self).__name__,
        )

    def logits_given(self, x: tf.Tensor) -> tf.Tensor:
        """The logits of all pixels, each given those of x before it, `[..., H W C]`, flat.

        Args:
            x: `[..., H, W, C]`; its leading axes and those of the parameters are broadcast.
        """
        x, size = tf.convert_to_tensor(x), self.event_shape.num_elements()
        leading = tf.shape(x)[:-3]
        found = self.before(tf.reshape(x, [-1, *self.event_shape]))
        found = tf.reshape(found, tf.concat([tf.shape(found)[:1], leading, [size]], axis=0))
        logits = tf.reshape(self.logits, tf.concat([tf.shape(self.logits)[:-3], [size]], axis=0))
        several = (x.shape.rank, self.logits.shape.rank) == (4, 5) and self.logits.shape[1] != 1
        # Of several z for each x this is a product of matrices; a broadcast one would copy what was found.
        sums = "sbk,kbp->sbp" if several else "...k,k...p->...p"
        return logits + tf.einsum(sums, self.gates, found)

    def draws_of(self, base: tf.Tensor) -> tf.Tensor:
        """Draws as a function of uniform noise `[..., H, W, C]`, whose shape they have."""
        height, width, channels = self.event_shape
        leading = tf.shape(base)[:-3]
        gates = tf.broadcast_to(self.gates, tf.concat([leading, tf.shape(self.gates)[-1:]], axis=0))
        gates = tf.transpose(tf.reshape(gates, [-1, self.before.outputs]))[:, tf.newaxis]
        logits, base = (
            tf.transpose(tf.reshape(each, [-1, height * width, channels]), [1, 2, 0])
            for each in (tf.broadcast_to(self.logits, tf.shape(base)), base)
        )

        def draw(pixel: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
            logit = logits[pixel] + tf.reduce_sum(gates * context, axis=0)
            return tf.cast(base[pixel] < tf.sigmoid(logit), base.dtype)

        images = self.before.one_by_one(draw, height, width, channels, tf.shape(base)[-1], base.dtype)
        return tf.reshape(images, tf.concat([leading, self.event_shape], axis=0))

    def probabilities_of(self, base: tf.Tensor) -> tf.Tensor:
        """Of each pixel given the pixels before it in `draws_of` the same noise."""
        return tf.reshape(tf.sigmoid(self.logits_given(self.draws_of(base))), tf.shape(base))

    def _log_prob(self, x: tf.Tensor) -> tf.Tensor:
        logits = self.logits_given(x)
        x = tf.reshape(x, tf.concat([tf.shape(x)[:-3], tf.shape(logits)[-1:]], axis=0))
        return tf.reduce_sum(OneSoftplus(logits=logits, dtype=self.dtype).log_prob(x), axis=-1)

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        shape = tf.concat([[n], tf.shape(self.logits)], axis=0)
        return self.draws_of(tf.random.stateless_uniform(shape, tfp.random.sanitize_seed(seed), dtype=self.dtype))

    def _mean(self) -> tf.Tensor:
        noise = Noise(EVALUATION_SEED).uniform("mean of an autoregressive decoder", 1, self.event_shape)[0]
        return self.probabilities_of(tf.broadcast_to(tf.cast(noise, self.dtype), tf.shape(self.logits)))

    def _batch_shape(self) -> tf.TensorShape:
        return self.logits.shape[:-3]

    def _batch_shape_tensor(self, **_: Any) -> tf.Tensor:
        return tf.shape(self.logits)[:-3]

    def _event_shape(self) -> tf.TensorShape:
        return self.logits.shape[-3:]

    def _event_shape_tensor(self, **_: Any) -> tf.Tensor:
        return tf.constant(list(self.logits.shape[-3:]), tf.int32)


@keras.saving.register_keras_serializable("tfvae")
class AutoregressiveBernoulli(Family):
    """p(x|z) of binarised images, pixel by pixel in the order of reading.

        log p(x|z) = sum_i log Bernoulli(x_i; logits_i(z) + sum_k gates_k(z) context_ik(pixels near i, before it))

    What pixels have in common with their neighbours need not be in z: edges and strokes are left to the context, a
    small network that is the same at each pixel (see `PixelsBefore`), and z says where and what. It costs a fraction of
    an autoregressive network with z inside: the context of an image is computed once for all its samples of z, as in
    the 5,000 of a likelihood's estimate. Draws take one small step a pixel.

    Args:
        event_shape: `(H, W, C)`.
        reach: how far a pixel sees, in pixels: that many rows up, to the left and, above it, to the right.
        hidden: units of the layers of the context's network.
        gates: number K.

    Raises:
        ValueError: an argument is out of range.

    Source: autoregressive decoders with a small receptive field: Chen et al. 2017, arXiv:1611.02731, and Gulrajani et
    al. 2017, arXiv:1611.05013. That z enters by gates is for speed and is ours.
    """

    scores = "bits"  # no grey values: a draw sees pixels of 0 and 1, and so must the context in training
    base = "uniform"
    mean_note = " (each pixel given a draw of those before it)"

    def __init__(self, event_shape: Sequence[int], reach: int = 5, hidden: Sequence[int] = (64, 32), gates: int = 16):
        super().__init__(check_image_shape(check_event_shape(event_shape), "event_shape"))
        self.before = PixelsBefore(reach, hidden, integer("gates", gates, 1), name="before")
        self.reach, self.hidden, self.gates = self.before.reach, self.before.hidden, self.before.outputs
        self.before.build((None, *self.event_shape))

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        return (self.before,)

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"logits": Parameter("element"), "gates": Parameter("example", self.gates)}

    def parameters_at(self, mean: np.ndarray) -> dict[str, np.ndarray]:
        return Bernoulli(self.event_shape).parameters_at(mean)

    def distribution(self, logits: tf.Tensor, gates: tf.Tensor) -> PixelByPixel:
        return PixelByPixel(logits, gates, self.before)

    def transform(self, distribution: PixelByPixel, base: tf.Tensor) -> tf.Tensor:
        return distribution.draws_of(base)

    def mean(self, distribution: PixelByPixel, noise: Noise, stream: str) -> tf.Tensor:
        """The probabilities of the pixels in the draw with this noise, each given those before it.

        Their expectation is the mean, and of independent pixels they are the mean.
        """
        rows = distribution.batch_shape_tensor()[-1]
        base = tf.cast(noise.uniform(stream, rows, self.event_shape), distribution.dtype)
        return distribution.probabilities_of(base)
