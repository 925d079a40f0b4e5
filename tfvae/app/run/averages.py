"""Validating, drawing and saving with averaged weights, training with the others."""

from tfvae._support.private import ExactSwap as Averages

__all__ = ["Averages"]
