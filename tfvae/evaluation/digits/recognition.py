"""Whether a model's images are digits, in the eyes of a classifier: what bits per dimension do not tell."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tfvae._support.checks import check_one_each, check_some, integer
from tfvae.evaluation.digits.classifier import CLASSES, IMAGE_SHAPE, classify

SURE = 0.9
"""Least probability of one class for which an image counts as recognised."""


class Recognition(NamedTuple):
    """What the classifier says of samples.

    Attributes:
        share: of the samples that are recognised.
        standard_error: of the share, sqrt(share (1 - share) / n).
        class_entropy: in nats, of how the recognised samples fall into the ten classes; at most ln 10 = 2.303, and 0
            if there are none or all are of one class.
        classes: how many were recognised as each digit, int `[10]`.
        n: number of samples.
    """

    share: float
    standard_error: float
    class_entropy: float
    classes: np.ndarray
    n: int


def recognition(model: Any, n: int = 2000, seed: int = 0) -> Recognition:
    """The share of decoded prior samples that a classifier takes for a digit, and how evenly digits come up.

        share = 1/n sum_i [max_c p(c | mean of p(x|z_i)) > 0.9],  z_i ~ p(z)

    An estimate from n samples, with its standard error; the same for the same seed. Of real test images 99.1 % are
    recognised. The share means nothing without the class entropy (a model that always makes the same image may have a
    share of 1), and the classifier knows digits only and may recognise what is none: look at a grid of samples too. The
    class entropy is the plug-in estimate, on average too low by about (10 - 1) / (2 n share).

    Args:
        model: a `VAE` of 28x28x1 images.
        n: number of samples.
        seed: of the samples.

    Raises:
        ValueError: the model is of other images, or `n` is below 1.
    """
    _check_shape(model)
    n = integer("n", n, 1)
    _, means = model.sample(n, seed=seed, mean=True)
    probabilities = classify(model.preprocess.grey(means))
    sure = probabilities.max(axis=1) > SURE
    share = float(sure.mean())
    classes = np.bincount(probabilities[sure].argmax(axis=1), minlength=CLASSES)
    return Recognition(share, math.sqrt(share * (1 - share) / n), _entropy(classes), classes, n)


def reconstruction_accuracy(model: Any, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of reconstructions (`model.predict`) that the classifier gives to their image's class.

    Args:
        model: a `VAE` of 28x28x1 images.
        images: raw images `[N, 28, 28, 1]`.
        labels: `[N]`, 0 to 9.

    Raises:
        ValueError: the model is of other images, or there is not one label for each image.
    """
    _check_shape(model)
    check_some("images", images, "image")
    check_one_each("labels", labels, len(images))
    means = model.predict(images, batch_size=500, verbose=0)
    found = classify(model.preprocess.grey(means)).argmax(axis=1)
    return float(np.mean(found == np.asarray(labels)))


def _entropy(counts: np.ndarray) -> float:
    """Of the distribution that the counts stand for, in nats."""
    present = counts[counts > 0] / max(counts.sum(), 1)
    return float(-np.sum(present * np.log(present))) + 0.0  # not -0.0


def _check_shape(model: Any) -> None:
    if tuple(model.data_shape) != IMAGE_SHAPE:
        raise ValueError(
            f"The classifier knows images of shape {IMAGE_SHAPE} only; `model` is of data of shape "
            f"{tuple(model.data_shape)}."
        )
