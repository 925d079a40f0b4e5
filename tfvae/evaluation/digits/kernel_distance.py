"""How far a model's draws are from test images, in the features of the package's classifier of digits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae._support.checks import integer
from tfvae.evaluation.digits.classifier import IMAGE_SHAPE, features
from tfvae.noise import Noise

_ROWS = 500  # of the kernel matrix at a time


class TwoSamples(NamedTuple):
    """What `two_samples` finds.

    Attributes:
        distance: unbiased estimate of the squared maximum mean discrepancy; below zero about half of the time where
            both samples are of the same distribution.
        p_value: share of the permutations, the given one among them, whose distance is at least as large.
        null_quantile: the distance that 95 % of the permutations do not exceed.
        permutations: their number.
    """

    distance: float
    p_value: float
    null_quantile: float
    permutations: int


class KernelDistance(NamedTuple):
    """What `kernel_distance` finds.

    Attributes:
        model: draws of the model against test images.
        baseline: training against test images, what a model would have that gives training images away.
        n: number of images on either side.
    """

    model: TwoSamples
    baseline: TwoSamples
    n: int


def kernel_distance(
    model: Any, train: np.ndarray, test: np.ndarray, n: int = 2000, permutations: int = 500, seed: int = 0
) -> KernelDistance:
    """The kernel distance of draws x ~ p(x|z), z ~ p(z), from test images; see `two_samples`.

    The form is that of the Kernel Inception Distance, but the features are those of a small classifier of digits, so
    the figure is *not comparable with any published FID or KID*, and is one of digits only. It compares draws, not the
    decoder's means, with x as the model sees it: for binarised images with binarised images. Features of a classifier
    miss what does not matter for telling digits apart. The baseline need not be within its null distribution: the
    classifier has learned from most of the training images, and MNIST's test images are by other hands.

    Args:
        model: a `VAE` of 28x28x1 images.
        train, test: preprocessed images, `[N, 28, 28, 1]` each with N >= n, such as `fix(raw, model.preprocess).x`; n
            of each are taken at random.
        n: number of images on either side, at least 2.
        permutations: at least 1.
        seed: of the draws, of the choice of images and of the permutations.

    Returns:
        Estimates, with their null distributions.

    Raises:
        ValueError: the model is of other images, there are too few images, or the model's draws are not finite.
    """
    if tuple(model.data_shape) != IMAGE_SHAPE:
        raise ValueError(
            f"The kernel distance is one of digits, {IMAGE_SHAPE}; `model` is of data of shape "
            f"{tuple(model.data_shape)}."
        )
    n = integer("n", n, 2, min(len(train), len(test)), "the number of images on either side, ")
    draws = model.sample(n, seed)[1]
    if not np.all(np.isfinite(draws)):  # relu would hide it
        raise ValueError("The model's draws must be finite; some are not.")
    chosen = [images[_order(seed, stream, len(images))[:n]] for stream, images in (("train", train), ("test", test))]
    of_draws, of_train, of_test = (features(model.preprocess.grey(images)) for images in (draws, *chosen))
    return KernelDistance(
        model=two_samples(of_draws, of_test, permutations, seed),
        baseline=two_samples(of_train, of_test, permutations, seed),
        n=n,
    )


def two_samples(a: np.ndarray, b: np.ndarray, permutations: int = 500, seed: int = 0) -> TwoSamples:
    """The squared maximum mean discrepancy of two samples with a cubic kernel, and whether chance explains it.

        k(x, y) = (x.y / d + 1)^3
        distance = mean of k(a_i, a_j), i != j, + mean of k(b_i, b_j), i != j, - 2 mean of k(a_i, b_j)

    An unbiased estimate. The null distribution is that of the distance when it is permuted which example is of which
    sample; p = (1 + number of permutations at least as far) / (1 + permutations), so that p <= u has at most
    probability u where the samples are of one distribution. The kernel tells distributions apart by their first three
    moments.

    Args:
        a, b: `[N, d]`, `[M, d]`, at least two rows each.
        permutations: at least 1.
        seed: of the permutations.

    Raises:
        ValueError: the samples are too small or of different d, or `permutations` is below 1.

    Source: Binkowski et al. 2018, arXiv:1801.01401; the estimator from Gretton et al. 2012, JMLR 13; the p-value from
    Phipson and Smyth 2010.
    """
    if a.ndim != 2 or b.ndim != 2 or min(len(a), len(b)) < 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"Samples must be [N, d] and [M, d], N and M at least 2; received {a.shape} and {b.shape}.")
    permutations = integer("permutations", permutations, 1)
    together = np.concatenate([a, b]).astype(np.float64)
    given = np.arange(len(together)) < len(a)
    order = _order(seed, "permutations", len(together), permutations)
    distances = _distances(together, np.concatenate([given[np.newaxis], given[order]]))
    observed, null = distances[0], distances[1:]
    # A permutation that swaps equal examples must not fall below by rounding.
    as_far = np.sum(null >= observed - 1e-12 * abs(observed))
    return TwoSamples(
        distance=float(observed),
        p_value=float((1 + as_far) / (1 + permutations)),
        null_quantile=float(np.quantile(null, 0.95, method="inverted_cdf")),
        permutations=permutations,
    )


def _distances(together: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The distance between examples `[N + M, d]` of the first and of the second sample, for each row of labels.

    With s 1 in the first sample and 0 in the second, sums of the kernel matrix K over pairs are s'Ks, s'K1 and 1'K1.

    Args:
        together: float64.
        first: bool `[P, N + M]`, N of each row true.
    """
    labels = tf.constant(first, tf.float64)
    within, rows, diagonal = [], [], []
    for start in range(0, len(together), _ROWS):  # of K no more than some rows are held
        part = together[start : start + _ROWS]
        kernel = (tf.matmul(part, together, transpose_b=True) / together.shape[1] + 1.0) ** 3
        own = labels[:, start : start + _ROWS]
        within.append(tf.reduce_sum(own * tf.matmul(labels, kernel, transpose_b=True), axis=1))
        rows.append(tf.reduce_sum(kernel, axis=1))
        diagonal.append((np.sum(part**2, axis=1) / together.shape[1] + 1.0) ** 3)
    row, own = tf.concat(rows, axis=0).numpy(), np.concatenate(diagonal)
    aa, a_any, a_own = np.sum(within, axis=0), first @ row, first @ own
    ab, bb, b_own = a_any - aa, row.sum() - 2 * a_any + aa, own.sum() - a_own
    n, m = first[0].sum(), (~first[0]).sum()
    return (aa - a_own) / (n * (n - 1)) + (bb - b_own) / (m * (m - 1)) - 2 * ab / (n * m)


def _order(seed: int, stream: str, size: int, rows: int | None = None) -> np.ndarray:
    """A permutation of `size` indices, or `rows` of them."""
    numbers = Noise(seed).uniform(f"kernel distance {stream}", rows or 1, (size,)).numpy()
    orders = np.argsort(numbers, axis=1, kind="stable")
    return orders[0] if rows is None else orders
