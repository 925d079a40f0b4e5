"""From raw images to x, inside the model.

Raw images are integers (grey levels u = 0 ... 255) or floats in [0, 1] (which mean u/255). With noise a preprocessing
draws x; without noise it gives the stated representative, which is what `predict`, the encoder's codes and serving
use. x is float32, or float64 where that is Keras' `floatx`.
"""

from __future__ import annotations

import abc
from typing import Any

import keras
import tensorflow as tf

from tfvae.noise import Noise
from tfvae.precision import at_least_float32

LEVELS = 256
BAD_INPUT = "the input has values that are not finite or, for images, floats outside [0, 1] or levels outside 0 to 255"


class Preprocessing(abc.ABC):
    """Turns raw images into x."""

    makes: str
    """What x is, for the units table: "bits", "dequantized", "levels", "grey" or "reals"."""

    @abc.abstractmethod
    def __call__(self, raw: Any, noise: Noise | None = None) -> tf.Tensor:
        """x for raw images, both `[B, *event]`; a draw where noise is given, else the representative."""

    def grey(self, x: Any) -> tf.Tensor:
        """x as grey values, in [0, 1] for images: what pictures show and what encoders see."""
        return tf.convert_to_tensor(x)

    def problems(self, raw: tf.Tensor) -> tf.Tensor:
        """Number of examples of `[B, *event]` that are no images, int32 scalar: NaN, floats outside [0, 1], or levels
        outside 0 to 255."""
        if raw.dtype == tf.uint8:
            return tf.constant(0)
        values, most = (tf.cast(raw, tf.int64), LEVELS - 1) if raw.dtype.is_integer else (raw, 1)
        good = tf.reduce_all((values >= 0) & (values <= most), axis=list(range(1, raw.shape.rank)))
        return tf.reduce_sum(tf.cast(~good, tf.int32))

    def check(self, raw: Any) -> None:
        """Raises ValueError if `problems` finds any in `raw`, `[B, *event]`. Not for use inside a `tf.function`."""
        problems = int(self.problems(tf.convert_to_tensor(raw)))
        if problems:
            raise ValueError(f"`raw` has {problems} bad examples: {BAD_INPUT}.")

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preprocessing:
        return cls(**config)


@keras.saving.register_keras_serializable("tfvae")
class Binarize(Preprocessing):
    """x in {0, 1}: a draw that is 1 with probability u/255 (fresh at every use), or the pixel at 0.5 (u >= 128)."""

    makes = "bits"

    def __call__(self, raw: Any, noise: Noise | None = None) -> tf.Tensor:
        grey = _grey(raw)
        threshold = 0.5 if noise is None else tf.cast(_uniform(noise, "binarize", grey), grey.dtype)
        return tf.cast(grey > threshold, grey.dtype)


@keras.saving.register_keras_serializable("tfvae")
class Dequantize(Preprocessing):
    """x = (u + U)/256 with U uniform in (0, 1), or the bin centre (u + 0.5)/256.

    A density of x then bounds the probability of the 8-bit image u (Theis et al. 2016, arXiv:1511.01844), which makes
    it worth quoting; see `tfvae.units`.
    """

    makes = "dequantized"

    def __call__(self, raw: Any, noise: Noise | None = None) -> tf.Tensor:
        level = _level(raw)
        if noise is None:
            offset: Any = 0.5
        else:
            # In 2^15 cells, so that u + U is exact in float32: finer, it rounds up into the next bin (u = 255: to 1.0).
            cell = tf.floor(_uniform(noise, "dequantize", level) * 2.0**15)
            offset = tf.cast((cell + 0.5) * 2.0**-15, level.dtype)
        return (level + offset) / LEVELS


@keras.saving.register_keras_serializable("tfvae")
class Levels(Preprocessing):
    """x = u in {0, ..., 255}, as floats, for families that give probabilities to levels. No noise."""

    makes = "levels"

    def __call__(self, raw: Any, noise: Noise | None = None) -> tf.Tensor:
        return _level(raw)

    def grey(self, x: Any) -> tf.Tensor:
        return tf.convert_to_tensor(x) * (1 / (LEVELS - 1))  # not /, which XLA rounds in another way


@keras.saving.register_keras_serializable("tfvae")
class Rescale(Preprocessing):
    """x = u/255 in [0, 1]. No noise, and no bound on anything: a density of such x can be driven up without limit."""

    makes = "grey"

    def __call__(self, raw: Any, noise: Noise | None = None) -> tf.Tensor:
        return _grey(raw)


@keras.saving.register_keras_serializable("tfvae")
class Identity(Preprocessing):
    """x = the data themselves, for real-valued data that are no images. No noise."""

    makes = "reals"

    def __call__(self, raw: Any, noise: Noise | None = None) -> tf.Tensor:
        return tf.cast(raw, at_least_float32())

    def problems(self, raw: tf.Tensor) -> tf.Tensor:
        values = self(raw)
        good = tf.reduce_all(tf.math.is_finite(values), axis=list(range(1, values.shape.rank)))
        return tf.reduce_sum(tf.cast(~good, tf.int32))


def _grey(raw: Any) -> tf.Tensor:
    raw = tf.convert_to_tensor(raw)
    if not raw.dtype.is_integer:
        return tf.cast(raw, at_least_float32())
    # In float64, because graphs and XLA turn a division by a constant into a multiplication by its rounded reciprocal:
    # in float32 half of the levels would then differ from those made eagerly.
    return tf.cast(tf.cast(raw, tf.float64) / (LEVELS - 1), at_least_float32())


def _level(raw: Any) -> tf.Tensor:
    raw = tf.convert_to_tensor(raw)
    level = tf.cast(raw, at_least_float32())
    return level if raw.dtype.is_integer else tf.round(level * (LEVELS - 1))


def _uniform(noise: Noise, stream: str, x: tf.Tensor) -> tf.Tensor:
    rows = x.shape[0] if x.shape[0] is not None else tf.shape(x)[0]
    return noise.uniform(stream, rows, x.shape[1:].as_list())
