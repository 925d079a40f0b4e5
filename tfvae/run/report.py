"""The figures of a trained model on the test images."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae import evaluation
from tfvae.models import VAE

BATCH = 500


def test(model: VAE, images: Any) -> dict[str, Any]:
    """Scores the fixed test array once.

    Args:
        model: trained.
        images: a split of the data, see `tfvae.datasets`.

    Returns:
        The figures by name, with their convention and the digest of the array that they are about.
    """
    figures = model.evaluate(images.in_order(BATCH), verbose=0, return_dict=True)
    report = {"test_images": len(images), "samples_per_image": model.objective.sample_size, **figures}
    if "elbo" in figures and model.unit.bits_offset is not None:
        report["bits_per_dim"] = model.unit.bits_per_dim(figures["elbo"], int(np.prod(model.data_shape)))
    digest = evaluation.digest(images.in_order(BATCH), model.preprocess)
    return report | {"convention": model.unit.convention, "data_digest": digest, "steps": model.steps}


def summary(report: dict[str, Any]) -> str:
    """The report in a sentence."""
    name, value = ("ELBO", report["elbo"]) if "elbo" in report else ("loss", report["loss"])
    bits = f" = {report['bits_per_dim']:.3f} bits/dim" if "bits_per_dim" in report else ""
    samples = report["samples_per_image"]
    return (
        f"Test {name} {value:.2f} nats{bits} on {report['test_images']:,} images, array {report['data_digest']}, "
        f"{samples} {'sample' if samples == 1 else 'samples'} an image ({report['convention']})."
    )
