"""Everything that is measured of a trained model, in one report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfvae._version import __version__
from tfvae.evaluation import sections
from tfvae.evaluation.digits.classifier import IMAGE_SHAPE
from tfvae.evaluation.draw_error import draw_error
from tfvae.evaluation.fixed import fix
from tfvae.likelihood.estimate import LikelihoodEstimate, likelihood_estimate
from tfvae.models import VAE

PER_EXAMPLE = ("bound", "corrected", "standard_error", "elbo", "effective_sample_size", "pareto_shape")
"""The arrays of a `LikelihoodEstimate`."""
_TRAINING = 10_000  # examples that are looked at, at most


class Examples(NamedTuple):
    """Attributes: images, raw `[N, *data]`; labels, `[N]` or None."""

    images: np.ndarray
    labels: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What `assess` finds.

    Attributes:
        report: figures by section and name, of JSON's types; a figure that does not exist is missing, and the section
            `missing` says why.
        by_example: the arrays `[N]` of a `LikelihoodEstimate` by name; empty where the model has no likelihood.
        naive: the number of draws and the estimate of the naive average, or None.
        latents: what `plots.latent_report` takes, by name, or None.
    """

    report: dict[str, Any]
    by_example: dict[str, Any]
    naive: dict[str, Any] | None
    latents: dict[str, Any] | None


def assess(
    model: VAE,
    test: Examples,
    train: Examples,
    sample_size: int = 500,
    seed: int = 0,
    digits: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Assessment:
    """Measures a model on test examples, whose x is drawn once, in index order.

    Args:
        model: trained.
        test: what it is measured on.
        train: other examples, of the data that it was trained on, for what compares with them; a fair sample, of which
            the first 10,000 are used.
        sample_size: S, of the importance-weighted bound.
        seed: of all draws but that of x.
        digits: the images are handwritten digits, which the package's classifier may judge.
        progress: called with a sentence before each part that takes seconds.

    Returns:
        See `Assessment`. The report's figures are estimates from these examples, in nats per example if nothing else
        is said.

    Raises:
        ValueError: examples have another shape than the model's, there are none, or a number is out of range.
        FloatingPointError: the model's weights or its importance weights are not finite.
    """
    _check(model, test=test, train=train)
    x, train_x = fix(test.images, model.preprocess), fix(train.images[:_TRAINING], model.preprocess).x
    report: dict[str, Any] = {
        "version": __version__,
        "data": {"examples": len(x.x), "digest": x.digest, "convention": model.unit.convention, "seed": seed},
        "model": {"parameters": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)},
    }
    missing = model.lacks
    by_example: dict[str, Any] = {}
    naive = latents = None
    if "likelihood" not in missing:
        found, estimate = _likelihood(model, test.images, x.x, sample_size, seed, progress)
        report |= found
        by_example = {name: getattr(estimate, name) for name in PER_EXAMPLE}
    if "likelihood" in report and "latents" not in missing:
        progress("data drawn from the model")
        report["simulated"] = sections.simulated(model, sample_size, seed)
        progress("draws from the prior")
        report["naive"], naive = sections.naive(model, x.x, estimate.bound, seed)
    if "latents" not in missing:
        progress("the use of the latents")
        report["latents"], latents = sections.latents(model, test.images, x.x, seed, missing)
        if "likelihood" in report:
            elbo, rate = report["likelihood"]["elbo"], report["latents"]["rate"]
            report["likelihood"]["distortion"] = -(elbo + rate)
    report |= _labelled(model, train._replace(images=train_x), test._replace(images=x.x), missing, progress)
    if not digits or tuple(model.data_shape) != IMAGE_SHAPE:
        only = "The classifier that judges samples knows images of handwritten digits of 28 x 28 only."
        missing.setdefault("samples", only)
    if "samples" not in missing:
        progress("samples")
        report["samples"] = sections.samples(model, train_x, x.x, seed, missing)
    report["missing"] = missing
    return Assessment(report, by_example, naive, latents)


def _likelihood(
    model: VAE, images: np.ndarray, x: np.ndarray, sample_size: int, seed: int, progress: Callable[[str], None]
) -> tuple[dict[str, Any], LikelihoodEstimate]:
    """Sections about log p(x), with the estimate behind them; `x` was drawn from the raw `images`."""
    samples = 1 if model.exact_likelihood else sample_size
    how = "which is exact," if model.exact_likelihood else f"with {samples:,} samples for each"
    progress(f"log p(x) {how} of {len(x):,} examples")
    estimate = likelihood_estimate(model, x, samples, seed)
    found = {"likelihood": sections.likelihood(model, estimate)}
    if not model.exact_likelihood:
        found["reliability"] = sections.reliability(model, estimate)
    progress("other draws of x")
    found["likelihood"]["draw_error"] = draw_error(model, images, samples, seed)
    return found, estimate


def _labelled(
    model: VAE, train: Examples, test: Examples, missing: dict[str, str], progress: Callable[[str], None]
) -> dict[str, Any]:
    """Sections about labels; images are x here. The reasons for sections that do not exist are added to `missing`."""
    found: dict[str, Any] = {}
    if test.labels is None or train.labels is None:
        missing.setdefault("representation", "The data have no labels that could be read off the latents.")
    if "representation" not in missing:
        progress("labels read off the latents")
        try:
            labels = np.asarray(train.labels)[:_TRAINING]
            found["representation"] = sections.representation(
                model, train.images, labels, test.images, np.asarray(test.labels)
            )
        except ValueError as error:  # one class, or fewer examples than neighbours
            missing["representation"] = str(error)
    if test.labels is None:
        missing.setdefault("clusters", "The data have no labels that clusters could be compared with.")
    if "clusters" not in missing:
        progress("clusters")
        found["clusters"] = sections.clusters(model, test.images, np.asarray(test.labels))
    return found


def _check(model: VAE, **parts: Examples) -> None:
    for name, part in parts.items():
        if not isinstance(part, Examples):
            raise TypeError(f"`{name}` must be `Examples(images, labels)`; received {type(part).__name__}.")
        if not len(part.images):
            raise ValueError(f"`{name}` must hold at least one example; received none.")
        model.as_examples(part.images[:1])
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise FloatingPointError("The model's weights are not finite: its training has failed.")
