"""Bijectors: invertible maps of examples, from which flows are put together. One idea a file."""

from tfvae.bijectors.actnorm import ActNorm
from tfvae.bijectors.autoregressive import MaskedAutoregressive
from tfvae.bijectors.base import Bijector
from tfvae.bijectors.chain import Chain, Invert
from tfvae.bijectors.coupling import CheckerboardCoupling, HalvesCoupling
from tfvae.bijectors.linear import InvertibleLinear
from tfvae.bijectors.logit import Logit
from tfvae.bijectors.multiscale import MultiScale
from tfvae.bijectors.of_papers import glow, maf, realnvp, vector_flow
from tfvae.bijectors.shapes import Flatten, Reverse, Squeeze

__all__ = [
    "ActNorm",
    "Bijector",
    "Chain",
    "CheckerboardCoupling",
    "Flatten",
    "HalvesCoupling",
    "Invert",
    "InvertibleLinear",
    "Logit",
    "MaskedAutoregressive",
    "MultiScale",
    "Reverse",
    "Squeeze",
    "glow",
    "maf",
    "realnvp",
    "vector_flow",
]
