"""How well the components of a mixture agree with labels that it never saw."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment


class Clustering(NamedTuple):
    """Agreement of clusters with classes.

    Attributes:
        accuracy: share of the examples whose class is that of their cluster, in the best matching of clusters and
            classes, one to one: with more clusters than classes some match nothing.
        normalised_mutual_information: mutual information of cluster and class over the mean of their entropies, from 0
            to 1; more clusters than classes are allowed for.
        used: clusters that have an example.
    """

    accuracy: float
    normalised_mutual_information: float
    used: int


def clustering(clusters: Any, labels: Any) -> Clustering:
    """Compares clusters with labels.

    Args:
        clusters: number of each example's cluster, integers `[N]`.
        labels: of each example, of any kind that can be compared, `[N]`.

    Raises:
        ValueError: there are no examples, or not as many labels.

    Source: the accuracy is what deep clustering is compared by, as in Xie, Girshick and Farhadi 2016, arXiv:1511.06335.
    """
    from sklearn.metrics import normalized_mutual_info_score

    clusters, labels = np.asarray(clusters), np.asarray(labels)
    if clusters.ndim != 1 or clusters.shape != labels.shape or not len(clusters):
        raise ValueError(
            f"`clusters` and `labels` must be one of each for every example; received shapes {clusters.shape} and "
            f"{labels.shape}."
        )
    names, cluster = np.unique(clusters, return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    together = np.zeros((len(names), len(classes)), np.int64)
    np.add.at(together, (cluster, label), 1)
    matched = together[linear_sum_assignment(together, maximize=True)].sum()
    return Clustering(float(matched / len(labels)), float(normalized_mutual_info_score(labels, clusters)), len(names))
