"""Everything that is measured of a trained model, in one report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfvae._support.checks import check_some
from tfvae._support.evaluation_report import (
    ClustersSection,
    DataSection,
    EvaluationReport,
    LatentsSection,
    ModelSection,
    NaiveSection,
    ReliabilitySection,
    RepresentationSection,
    SamplesSection,
    SimulatedSection,
)
from tfvae._version import __version__
from tfvae.evaluation import sections
from tfvae.evaluation.digits.classifier import IMAGE_SHAPE
from tfvae.evaluation.draw_error import draw_error
from tfvae.evaluation.fixed import FixedArray, fix
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
    work = _Work(model, test, train, x, train_x, sample_size, seed, progress, model.lacks)
    found = work.likelihood()
    simulated, (naive, drawn) = work.simulated(found), work.naive(found)
    latents, shown = work.latents()
    figures = EvaluationReport(
        version=__version__,
        data=DataSection(examples=len(x.x), digest=x.digest, convention=model.unit.convention, seed=seed),
        model=ModelSection(parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)),
        likelihood=None
        if found is None
        else sections.likelihood(model, found.estimate, found.draw_error, None if latents is None else latents.rate),
        reliability=None if found is None else found.reliability,
        simulated=simulated,
        naive=naive,
        latents=latents,
        representation=work.representation(),
        clusters=work.clusters(),
        samples=work.samples(digits),
        missing=work.missing,
    )
    by_example = {} if found is None else {name: getattr(found.estimate, name) for name in PER_EXAMPLE}
    return Assessment(figures.as_json(), by_example, drawn, shown)


class _Likelihood(NamedTuple):
    estimate: LikelihoodEstimate
    reliability: ReliabilitySection | None
    draw_error: float | None


@dataclasses.dataclass(frozen=True)
class _Work:
    """The sections of one assessment; one that does not exist is None, and `missing` gets the reason."""

    model: VAE
    test: Examples
    train: Examples
    x: FixedArray
    train_x: np.ndarray
    sample_size: int
    seed: int
    progress: Callable[[str], None]
    missing: dict[str, str]

    def likelihood(self) -> _Likelihood | None:
        if "likelihood" in self.missing:
            return None
        exact, x = self.model.exact_likelihood, self.x.x
        samples = 1 if exact else self.sample_size
        how = "which is exact," if exact else f"with {samples:,} samples for each"
        self.progress(f"log p(x) {how} of {len(x):,} examples")
        estimate = likelihood_estimate(self.model, x, samples, self.seed)
        reliability = None if exact else sections.reliability(self.model, estimate)
        self.progress("other draws of x")
        return _Likelihood(estimate, reliability, draw_error(self.model, self.test.images, samples, self.seed))

    def simulated(self, found: _Likelihood | None) -> SimulatedSection | None:
        if found is None or {"latents", "samples"} & self.missing.keys():
            return None
        self.progress("data drawn from the model")
        try:
            return sections.simulated(self.model, self.sample_size, self.seed)
        except NotImplementedError as error:  # a stranger's model, which cannot be given latents
            self.missing["simulated bracket"] = str(error)
            return None

    def naive(self, found: _Likelihood | None) -> tuple[NaiveSection | None, dict[str, np.ndarray] | None]:
        if found is None or "latents" in self.missing:
            return None, None
        self.progress("draws from the prior")
        return sections.naive(self.model, self.x.x, found.estimate.bound, self.seed)

    def latents(self) -> tuple[LatentsSection | None, dict[str, np.ndarray] | None]:
        if "latents" in self.missing:
            return None, None
        self.progress("the use of the latents")
        return sections.latents(self.model, self.test.images, self.x.x, self.seed, self.missing)

    def representation(self) -> RepresentationSection | None:
        if self.test.labels is None or self.train.labels is None:
            self.missing.setdefault("representation", "The data have no labels that could be read off the latents.")
        if "representation" in self.missing:
            return None
        self.progress("labels read off the latents")
        train_labels, labels = np.asarray(self.train.labels)[:_TRAINING], np.asarray(self.test.labels)
        try:
            return sections.representation(self.model, self.train_x, train_labels, self.x.x, labels)
        except ValueError as error:  # one class, or fewer examples than neighbours
            self.missing["representation"] = str(error)
            return None

    def clusters(self) -> ClustersSection | None:
        if self.test.labels is None:
            self.missing.setdefault("clusters", "The data have no labels that clusters could be compared with.")
        if "clusters" in self.missing:
            return None
        self.progress("clusters")
        return sections.clusters(self.model, self.x.x, np.asarray(self.test.labels))

    def samples(self, digits: bool) -> SamplesSection | None:
        if not digits or tuple(self.model.data_shape) != IMAGE_SHAPE:
            only = "The classifier that judges samples knows images of handwritten digits of 28 x 28 only."
            self.missing.setdefault("samples", only)
        if "samples" in self.missing:
            return None
        self.progress("samples")
        return sections.samples(self.model, self.train_x, self.x.x, self.seed, self.missing)


def _check(model: VAE, **parts: Examples) -> None:
    for name, part in parts.items():
        if not isinstance(part, Examples):
            raise TypeError(f"`{name}` must be `Examples(images, labels)`; received {type(part).__name__}.")
        check_some(name, part.images)
        model.as_examples(part.images[:1])
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise FloatingPointError("The model's weights are not finite: its training has failed.")
