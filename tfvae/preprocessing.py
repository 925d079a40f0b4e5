"""From raw images to x, inside the model.

Raw images are integers (grey levels u = 0 ... 255) or floats in [0, 1] (which mean u/255). With noise a preprocessing
draws x; without noise it gives the stated representative, which is what `predict`, the encoder's codes and serving
use. x is float32, or float64 where that is Keras' `floatx`.
"""

from __future__ import annotations

import abc
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import raw_images
from tfvae._support.configured import Configured
from tfvae._support.finite import LARGEST
from tfvae._support.precision import at_least_float32
from tfvae.noise import Noise
from tfvae.raw_images import BAD_INPUT as BAD_INPUT
from tfvae.raw_images import FEW, LEVELS, ROUNDING


class Preprocessing(Configured, abc.ABC):
    """Turns raw images into x."""

    makes: str
    """What x is, for the units table: "bits", "dequantized", "levels", "grey" or "reals"."""

    @abc.abstractmethod
    def __call__(self, raw: Any, noise: Noise | None = None) -> tf.Tensor:
        """x for raw images, both `[B, *event]`; a draw where noise is given, else the representative."""

    def grey(self, x: Any) -> tf.Tensor:
        """x as grey values, in [0, 1] for images: what pictures show and what encoders see."""
        return tf.convert_to_tensor(x)

    def bad(self, raw: tf.Tensor) -> tf.Tensor:
        """Returns the examples of `[B, *event]` that are no images, each by itself, bool `[B]`: with NaN, floats
        outside [0, 1] or levels outside 0 to 255."""
        if raw.dtype in (tf.bool, tf.uint8):
            return tf.zeros(tf.shape(raw)[:1], tf.bool)
        if raw.dtype.is_integer:
            levels = tf.cast(raw, tf.int64)
            good = (levels >= 0) & (levels < LEVELS)
        else:
            good = (raw >= -ROUNDING) & (raw <= 1 + ROUNDING)
        return ~tf.reduce_all(good, axis=list(range(1, raw.shape.rank)))

    def problems(self, raw: tf.Tensor) -> tf.Tensor:
        """Returns the number of bad examples of a batch `[B, *event]`, int32 scalar.

        They are all bad if they are integers and each of the first eight holds 0 and 1 and nothing else: then these
        are black and white, and no levels.
        """
        number = tf.reduce_sum(tf.cast(self.bad(raw), tf.int32))
        if not raw.dtype.is_integer:
            return number
        few, axes, rows = raw[:FEW], list(range(1, raw.shape.rank)), tf.shape(raw)[0]
        binary = tf.reduce_all((tf.reduce_min(few, axes) == 0) & (tf.reduce_max(few, axes) == 1)) & (rows >= FEW)
        return tf.where(binary, rows, number)

    def fault(self, raw: np.ndarray, whole: bool = True) -> str | None:
        """Returns why an array in memory is refused, as the end of a sentence, or None; see `raw_images.fault`."""
        return raw_images.fault(raw, whole)

    def check(self, raw: Any, what: str = "`raw`", whole: bool = True) -> None:
        """Refuses raw data that are no images. Not for use inside a `tf.function`.

        Args:
            raw: `[N, *event]`.
            what: names the data in the error.
            whole: the data are a set of images, such as all test images, and not a batch that may be dark.

        Raises:
            NotImages: a ValueError whose sentence says what was received and what to do.
        """
        if tf.is_tensor(raw) and raw.dtype.is_floating:
            raw = tf.cast(raw, at_least_float32())  # NumPy has no bfloat16
        raw_images.refuse_masked(raw, what)
        reason = self.fault(np.asarray(raw), whole)
        if reason is not None:
            raise raw_images.NotImages(f"{what} {reason}.")


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
        return tf.reduce_sum(tf.cast(self.bad(raw), tf.int32))

    def bad(self, raw: tf.Tensor) -> tf.Tensor:
        values = self(raw)
        return ~tf.reduce_all(tf.abs(values) < LARGEST, axis=list(range(1, values.shape.rank)))

    def fault(self, raw: np.ndarray, whole: bool = True) -> str | None:
        if raw.dtype.kind not in "biuf":
            return f"must hold numbers; received {raw.dtype}"
        if not np.isfinite(raw).all():
            return raw_images.NOT_FINITE
        return None if (np.abs(raw) < LARGEST).all() else "holds numbers of 2^64 and more"


def _grey(raw: Any) -> tf.Tensor:
    raw = tf.convert_to_tensor(raw)
    if not raw.dtype.is_integer:  # rounding may have left [0, 1]
        return tf.clip_by_value(tf.cast(raw, at_least_float32()), 0, 1)
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
