"""Keras callbacks that draw pictures while a model trains. What they draw is in `plots`."""

from tfvae.callbacks.curves import Curves
from tfvae.callbacks.images import InterpolationGrid, Manifold, ReconstructionGrid, SampleGrid
from tfvae.callbacks.latents import LatentMap, LatentRates
from tfvae.callbacks.levels import LevelSamples, Traversals
from tfvae.callbacks.picture import EpochPicture, Picture

__all__ = [
    "Curves",
    "EpochPicture",
    "InterpolationGrid",
    "LatentMap",
    "LatentRates",
    "LevelSamples",
    "Manifold",
    "Picture",
    "ReconstructionGrid",
    "SampleGrid",
    "Traversals",
]
