"""Families of distributions: from the tensors of a network to a TFP distribution over one whole example."""

from tfvae.families.autoregressive_bernoulli import AutoregressiveBernoulli
from tfvae.families.base import Family, Parameter
from tfvae.families.bernoulli import Bernoulli
from tfvae.families.categorical import Categorical
from tfvae.families.continuous_bernoulli import ContinuousBernoulli
from tfvae.families.delta import Delta
from tfvae.families.discretized_logistic import DiscretizedLogistic
from tfvae.families.normal import FullNormal, Normal

__all__ = [
    "AutoregressiveBernoulli",
    "Bernoulli",
    "Categorical",
    "ContinuousBernoulli",
    "Delta",
    "DiscretizedLogistic",
    "Family",
    "FullNormal",
    "Normal",
    "Parameter",
]
