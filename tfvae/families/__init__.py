"""Families of distributions: from the tensors of a network to a TFP distribution over one whole example."""

from tfvae.families.base import Family, Parameter, checked_event_shape
from tfvae.families.bernoulli import Bernoulli
from tfvae.families.delta import Delta
from tfvae.families.normal import FullNormal, Normal

__all__ = ["Bernoulli", "Delta", "Family", "FullNormal", "Normal", "Parameter", "checked_event_shape"]
