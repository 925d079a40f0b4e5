"""How well labels can be read off codes, by a linear classifier and by neighbours, and how far classes lie apart."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tfvae._support.checks import integer

_ITERATIONS = 10_000  # at most; some hundreds are usual, and scikit-learn warns if these are too few


class Accuracy(NamedTuple):
    """Of a classifier on test examples.

    Attributes:
        accuracy: share of the test examples that are given their label.
        standard_error: of it, sqrt(accuracy (1 - accuracy) / n): the error from the test examples, not from those that
            the classifier was fitted on.
        n: number of test examples.
        n_train: number of examples that the classifier was fitted on.
    """

    accuracy: float
    standard_error: float
    n: int
    n_train: int


def linear_probe(train_means: Any, train_labels: Any, test_means: Any, test_labels: Any) -> Accuracy:
    """Accuracy of multinomial logistic regression on posterior means.

    Each dimension is centred and divided by its standard deviation over the training examples, so shifting or scaling
    one changes nothing. The penalty on the weights is scikit-learn's default, half their sum of squares against the
    summed log loss: it matters only where examples are few.

    Args:
        train_means, test_means: `[N, D]`, `[M, D]`.
        train_labels, test_labels: one for each mean, of any kind that can be compared.

    Returns:
        An estimate for other examples of the test examples' distribution.

    Raises:
        ValueError: labels or means are missing or do not fit, there is one class only, or a mean is not finite.
    """
    # Imported when it is used: it takes a second, and `tfvae train` comes by here.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    examples = _checked(train_means, train_labels, test_means, test_labels)
    # The solver makes thousands of small products. In threads that wait for one another on a busy machine, 10,000
    # examples took 50 s instead of 0.3.
    with threadpool_limits(1):
        return _accuracy(make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS)), *examples)


def nearest_neighbours(train_means: Any, train_labels: Any, test_means: Any, test_labels: Any, k: int = 5) -> Accuracy:
    """Accuracy of the majority among the k nearest training means.

    Distances are Euclidean between the means as they are, in units of the prior, so a dimension that is not used hardly
    counts.

    Args:
        train_means, test_means: `[N, D]`, `[M, D]`.
        train_labels, test_labels: one for each mean, of any kind that can be compared.
        k: number of neighbours; of classes that are equally many the one that sorts first wins.

    Returns:
        An estimate for other examples of the test examples' distribution.

    Raises:
        ValueError: labels or means are missing or do not fit, there is one class only, a mean is not finite, or there
            are fewer than k training examples.
    """
    from sklearn.neighbors import KNeighborsClassifier

    examples = _checked(train_means, train_labels, test_means, test_labels)
    k = integer("k", k, 1, len(examples[0]), "the number of training examples, ")
    # In many dimensions a tree visits most of its leaves, and comparing all pairs is quicker.
    return _accuracy(KNeighborsClassifier(k, algorithm="brute"), *examples)


def silhouette(codes: Any, labels: Any) -> float:
    """How far classes lie apart among the codes: the mean silhouette coefficient, from -1 to 1.

        s = (b - a) / max(a, b)

    of each example, a its mean distance to the others of its class, b that to the nearest other class. 1: classes are
    far apart; 0: they overlap; below 0: examples lie nearer to another class than to their own. Time grows with N^2.

    Args:
        codes: `[N, D]`; distances are Euclidean.
        labels: one for each code.

    Raises:
        ValueError: labels do not fit, there is one class only or one for each code, or a code is not finite.

    Source: Rousseeuw 1987, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
    """
    from sklearn.metrics import silhouette_score

    codes, labels, *_ = _checked(codes, labels, codes, labels)
    if len(np.unique(labels)) == len(labels):
        raise ValueError("`labels` must have a class of at least two codes; received one class for each.")
    return float(silhouette_score(codes, labels))


def _accuracy(
    classifier: Any, train_means: np.ndarray, train_labels: np.ndarray, test_means: np.ndarray, test_labels: np.ndarray
) -> Accuracy:
    found = classifier.fit(train_means, train_labels).predict(test_means)
    accuracy, n = float(np.mean(found == test_labels)), len(test_labels)
    return Accuracy(accuracy, math.sqrt(accuracy * (1 - accuracy) / n), n, len(train_labels))


def _checked(train_means: Any, train_labels: Any, test_means: Any, test_labels: Any) -> tuple[np.ndarray, ...]:
    """The four as arrays, the means in float64."""
    arrays = []
    for name, means, labels in (("train", train_means, train_labels), ("test", test_means, test_labels)):
        if labels is None:
            raise ValueError(f"`{name}_labels` must be one for each mean; received None.")
        means, labels = np.asarray(means, np.float64), np.asarray(labels)
        if means.ndim != 2 or not means.size:
            raise ValueError(f"`{name}_means` must be [N, D], at least one example; received shape {means.shape}.")
        if labels.shape != means.shape[:1]:
            raise ValueError(f"`{name}_labels` must be [{len(means)}], one for each mean; received {labels.shape}.")
        if not np.all(np.isfinite(means)):
            raise ValueError(f"`{name}_means` must be finite; some are not.")
        arrays += [means, labels]
    if arrays[0].shape[1] != arrays[2].shape[1]:
        raise ValueError(f"Means differ in dimension: {arrays[0].shape[1]} in training, {arrays[2].shape[1]} in test.")
    if len(np.unique(arrays[1])) < 2:
        raise ValueError("`train_labels` must be of at least two classes; received one.")
    return tuple(arrays)
