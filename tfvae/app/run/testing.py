"""The figures of a trained model on the test images."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae import datasets, evaluation
from tfvae.app.run.training_report import TrainingReport
from tfvae.models import GuardedModel
from tfvae.objectives import ImportanceWeighted

BATCH = 500
DIGITS = ("mnist", "tfds:mnist")  # what the package's classifier was trained for
_DIGIT_SHAPE = (28, 28, 1)


def test(model: GuardedModel, data: datasets.Dataset) -> TrainingReport:
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
    lacks = model.lacks
    log_likelihood = -figures["loss"] if "likelihood" not in lacks and "elbo" not in figures else None
    bound = figures.get("elbo", log_likelihood)
    bits = None
    if bound is not None and model.unit.bits_offset is not None:
        bits = model.unit.bits_per_dim(bound, int(np.prod(model.data_shape)))
    is_tighter = isinstance(getattr(model, "objective", None), ImportanceWeighted)
    active = None
    if "latents" not in lacks:
        active = evaluation.latent_statistics(model, images.in_order(BATCH)).active_units
    return TrainingReport(
        test_images=len(images),
        samples_per_image=model.sample_size,
        figures=figures,
        log_likelihood=log_likelihood,
        bits_per_dim=bits,
        importance_weighted_bound=-figures["loss"] if is_tighter else None,
        convention=model.unit.convention,
        data_digest=evaluation.digest(images.in_order(BATCH), model.preprocess),
        test_origin=data.test_origin,
        steps=model.steps,
        skipped_records=[str(each) for each in data.skipped] or None,
        data_notes=list(data.notes) or None,
        active_units=active,
        **_of_digits(model, data),
    )


def _of_digits(model: GuardedModel, data: datasets.Dataset) -> dict[str, Any]:
    """The verdict of the package's classifier, if the data are digits."""
    found: dict[str, Any] = {}
    if data.name not in DIGITS or model.data_shape != _DIGIT_SHAPE:
        return found
    if "samples" not in model.lacks:
        seen = evaluation.recognition(model)
        found |= {"recognised_share": seen.share, "class_entropy": seen.class_entropy}
    if "reconstructions" not in model.lacks:
        labelled = data.test.first(len(data.test))
        right = evaluation.reconstruction_accuracy(model, labelled.images, labelled.labels)
        found["reconstruction_accuracy"] = right
    return found
