"""A small classifier of handwritten digits, with its weights in the package: a judge of a model's images."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable
from importlib import resources
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.networks.checks import CHANNELS_LAST

FILE = resources.files("tfvae.evaluation.digits") / "data" / "digits.npz"
SHA256 = "e4b68aee8e0eaaddb914bc2a0472e37e8b86a58c66026cb0f785880df8ffdaea"
IMAGE_SHAPE = (28, 28, 1)
CLASSES = 10
_BATCH = 500


def classify(images: Any) -> np.ndarray:
    """Class probabilities of grey images, by the classifier in the package.

    An ordinary convolutional network, trained on MNIST's training images less the 5,000 of `split_validation()`;
    `data/README.md` has its accuracy and how it was made. It knows nothing but digits: of an image that is none it may
    be sure all the same.

    Args:
        images: grey values `[N, 28, 28, 1]`, floats, 0 (background) to 1 (ink). What lies outside is clipped: the mean
            of a normal decoder may leave [0, 1].

    Returns:
        float32 `[N, 10]`; rows sum to one.

    Raises:
        ValueError: images of another shape, or integers (grey levels have to be divided by 255 first).
        OSError: the weights are missing or damaged.
    """
    return _in_batches(_trained(), images, CLASSES, tf.nn.softmax)


def features(images: Any) -> np.ndarray:
    """What the classifier's last layer sees of grey images: its 1600 features, none of them negative.

    Args:
        images: as for `classify`.

    Returns:
        float32 `[N, 1600]`.

    Raises:
        ValueError, OSError: as for `classify`.
    """
    penultimate = _trained().layers[-2].output
    return _in_batches(keras.Model(_trained().inputs, penultimate), images, penultimate.shape[-1], tf.identity)


def _in_batches(model: keras.Model, images: Any, size: int, after: Callable[[tf.Tensor], tf.Tensor]) -> np.ndarray:
    """`after(model(images))`, `[N, size]`, of images that are checked and clipped."""
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or tuple(images.shape[1:]) != IMAGE_SHAPE or not images.dtype.is_floating:
        raise ValueError(
            f"`images` must be floats of shape (N, 28, 28, 1); received {images.dtype.name} {tuple(images.shape)}."
        )
    grey = tf.clip_by_value(tf.cast(images, tf.float32), 0.0, 1.0)
    parts = [after(model(grey[start : start + _BATCH])) for start in range(0, len(grey), _BATCH)]
    return np.concatenate([np.zeros((0, size), "float32"), *parts])


def network() -> keras.Model:
    """The classifier without its weights: `[N, 28, 28, 1]` -> logits `[N, 10]`; 72,266 parameters."""
    # Always float32: the probabilities are a measurement, whatever policy the measured model has.
    float32: dict[str, Any] = {"dtype": "float32"}
    images: dict[str, Any] = float32 | CHANNELS_LAST
    return keras.Sequential(
        [
            keras.Input(IMAGE_SHAPE, **float32),
            keras.layers.Conv2D(32, 5, strides=2, padding="same", activation="relu", **images),
            keras.layers.Conv2D(64, 3, strides=2, padding="same", activation="relu", **images),
            keras.layers.Conv2D(64, 3, activation="relu", **images),
            keras.layers.Flatten(**images),
            keras.layers.Dropout(0.4, **float32),
            keras.layers.Dense(CLASSES, **float32),
        ]
    )


@functools.cache
def _trained() -> keras.Model:
    model = network()
    model.set_weights(_weights())
    return model


def _weights() -> list[np.ndarray]:
    content = FILE.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise OSError(
            f"{FILE} is damaged: it does not hold the classifier; install tfvae again or check the file out anew."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return [arrays[f"arr_{index}"].astype("float32") for index in range(len(arrays.files))]
