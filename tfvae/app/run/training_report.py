"""The report of a run's training: `report.json`, in which the test figures are."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

from tfvae._support.files import read_json, write_json
from tfvae._support.records import OTHERS, Record, beside
from tfvae._support.seals import is_unbroken, seal

REPORT = "report.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopiesSection(Record):
    """The `Copies` among the images; see there."""

    training: int | None
    validation: int | None
    test: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingReport(Record):
    """The figures of a trained model on the test images, and what its training took.

    Attributes:
        test_images: their number.
        samples_per_image: draws of z.
        figures: by the names that the model gives them, such as loss and elbo.
        log_likelihood: of models that have no ELBO.
        bits_per_dim: of the one or the other.
        importance_weighted_bound: of models that are trained by it.
        convention: of the figures.
        data_digest: of the array that they are about.
        test_origin: part of the data that the test images are.
        steps: of training.
        skipped_records, data_notes: sentences about the data.
        active_units: latent dimensions in use.
        recognised_share, class_entropy, reconstruction_accuracy: by the package's classifier.
        copies: images that are there twice.
        training_seconds, training_processor_seconds: on the clock, and of all cores together.
        skipped_steps: whose gradients were not finite.
        run_digest: of the settings and images.
        history_digest: of history.csv.
        content_digest: of everything else.
    """

    test_images: int
    samples_per_image: int
    figures: dict[str, float] = dataclasses.field(metadata=OTHERS)
    log_likelihood: float | None = None
    bits_per_dim: float | None = None
    importance_weighted_bound: float | None = None
    convention: str
    data_digest: str
    test_origin: str
    steps: int
    skipped_records: list[str] | None = None
    data_notes: list[str] | None = None
    active_units: int | None = None
    recognised_share: float | None = None
    class_entropy: float | None = None
    reconstruction_accuracy: float | None = None
    copies: CopiesSection | None = None
    training_seconds: float | None = None
    training_processor_seconds: float | None = None
    skipped_steps: int | None = None
    run_digest: str | None = None
    history_digest: str | None = beside("run_digest")
    content_digest: str | None = None

    @property
    def loss(self) -> float:
        """Of the test images."""
        return self.figures["loss"]

    @property
    def elbo(self) -> float | None:
        """Of the test images, if the model has one."""
        return self.figures.get("elbo")


def write_report(report: TrainingReport, folder: Path) -> TrainingReport:
    """Writes report.json with a digest of its content, and returns the report with it."""
    sealed = seal(report.as_json())
    write_json(folder / REPORT, sealed)
    return TrainingReport.of(sealed)


def report_of(folder: Path) -> TrainingReport | None:
    """The report of a run's training, or None if there is none yet.

    Raises:
        ValueError: it is not what was written.
    """
    path = folder / REPORT
    with contextlib.suppress(ValueError):
        report = read_json(path)
        if report is None:
            return None
        if is_unbroken(report, "run_digest"):
            return TrainingReport.of(report)
    raise damaged_report(path)


def damaged_report(path: Path) -> ValueError:
    """The error of a report that is not what was written."""
    return ValueError(
        f"{path} is damaged or of another version; move it away to measure without its test loss and minutes."
    )


def summary(report: TrainingReport) -> str:
    """The report in a few sentences; the last states the figure with its convention."""
    samples = report.samples_per_image
    # With more than one draw an average over them, whose logarithm is too low.
    likelihood = "log p(x)" if samples == 1 else "bound on log p(x)"
    figures = {"ELBO": report.elbo, likelihood: report.log_likelihood, "loss": report.figures.get("loss")}
    name, value = next((name, value) for name, value in figures.items() if value is not None)
    bits = "" if report.bits_per_dim is None else f" = {report.bits_per_dim:.3f} bits/dim"
    tighter = ""
    if report.importance_weighted_bound is not None:
        tighter = f" (importance-weighted bound {report.importance_weighted_bound:.2f} nats)"
    digits = []
    if report.recognised_share is not None:
        digits.append(
            f"Of samples a classifier takes {report.recognised_share:.1%} for a digit (class entropy "
            f"{report.class_entropy:.2f} of 2.30 nats)."
        )
    if report.reconstruction_accuracy is not None:
        who = "It" if digits else "A classifier"
        digits.append(f"{who} gives {report.reconstruction_accuracy:.1%} of reconstructions to the right class.")
    nats = "" if name == "loss" and "nats" not in report.convention else " nats"
    judged = [f"{' '.join(digits)}\n"] if digits else []
    return "".join(judged) + (
        f"Test {name} {value:.2f}{nats}{bits}{tighter} on {report.test_images:,} images, array "
        f"{report.data_digest}, {samples} {'sample' if samples == 1 else 'samples'} an image "
        f"({report.convention})."
    )
