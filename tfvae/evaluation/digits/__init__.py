"""Measures that only images of handwritten digits have: a classifier made for them judges samples."""

from tfvae.evaluation.digits.classifier import classify, features
from tfvae.evaluation.digits.kernel_distance import KernelDistance, TwoSamples, kernel_distance, two_samples
from tfvae.evaluation.digits.recognition import Recognition, recognition, reconstruction_accuracy

__all__ = [
    "KernelDistance",
    "Recognition",
    "TwoSamples",
    "classify",
    "features",
    "kernel_distance",
    "recognition",
    "reconstruction_accuracy",
    "two_samples",
]
