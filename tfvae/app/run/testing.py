"""The figures of a trained model on the test images."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae import datasets, evaluation
from tfvae.models import GuardedModel
from tfvae.objectives import ImportanceWeighted

BATCH = 500
DIGITS = ("mnist", "tfds:mnist")  # what the package's classifier was trained for
_DIGIT_SHAPE = (28, 28, 1)


def test(model: GuardedModel, data: datasets.Dataset) -> dict[str, Any]:
    """Scores the fixed test array once.

    Args:
        model: trained.
        data: whose test images are scored.

    Returns:
        The figures by name, with their convention and the digest of the array that they are about. For MNIST also what
        the package's classifier says of samples and of reconstructions of the test images.
    """
    images = data.test
    figures = model.evaluate(images.in_order(BATCH), verbose=0, return_dict=True)
    report = {"test_images": len(images), "samples_per_image": model.sample_size, **figures}
    lacks = model.lacks
    if "likelihood" not in lacks and "elbo" not in figures:
        report["log_likelihood"] = -figures["loss"]
    bound = report.get("elbo", report.get("log_likelihood"))
    if bound is not None and model.unit.bits_offset is not None:
        report["bits_per_dim"] = model.unit.bits_per_dim(bound, int(np.prod(model.data_shape)))
    if isinstance(getattr(model, "objective", None), ImportanceWeighted):
        report["importance_weighted_bound"] = -figures["loss"]
    report |= {
        "convention": model.unit.convention,
        "data_digest": evaluation.digest(images.in_order(BATCH), model.preprocess),
        "test_origin": data.test_origin,
        "steps": model.steps,
    }
    if data.skipped:
        report["skipped_records"] = [str(each) for each in data.skipped]
    if data.notes:
        report["data_notes"] = list(data.notes)
    if "latents" not in lacks:
        report["active_units"] = evaluation.latent_statistics(model, images.in_order(BATCH)).active_units
    if data.name in DIGITS and model.data_shape == _DIGIT_SHAPE:
        if "samples" not in lacks:
            found = evaluation.recognition(model)
            report |= {"recognised_share": found.share, "class_entropy": found.class_entropy}
        if "reconstructions" not in lacks:
            labelled = images.first(len(images))
            right = evaluation.reconstruction_accuracy(model, labelled.images, labelled.labels)
            report["reconstruction_accuracy"] = right
    return report
