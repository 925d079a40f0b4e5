"""What is minimised: arithmetic on the per-example numbers of a `Trace`.

Objectives are small frozen objects that Keras can save. They never see a network or a distribution, so they can be
tested on plain arrays, and every model that makes a `Trace` can be trained with every one of them.
"""

from tfvae.objectives.base import Objective, Scores, importance_weighted_bound, log_weights
from tfvae.objectives.distortion import Distortion
from tfvae.objectives.elbo import ELBO, one_or_each
from tfvae.objectives.importance_weighted import GRADIENTS, ImportanceWeighted
from tfvae.objectives.naive_average import NaiveAverage
from tfvae.objectives.warm_up import WarmUp

__all__ = [
    "ELBO",
    "GRADIENTS",
    "Distortion",
    "ImportanceWeighted",
    "NaiveAverage",
    "Objective",
    "Scores",
    "WarmUp",
    "importance_weighted_bound",
    "log_weights",
    "one_or_each",
]
