"""The sections of an evaluation's report.json. No TensorFlow here, so that reports are read without waiting for it.

Figures are in nats per example if nothing else is said; one that does not exist is None, and `missing` says why.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from tfvae._support.records import Record, beside


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSection(Record):
    """The array that was measured.

    Attributes:
        examples: their number.
        digest: of x.
        convention: of the figures.
        seed: of all draws but that of x.
        name: source of the images.
        origin: part of it that the images are.
    """

    examples: int
    digest: str
    convention: str
    seed: int
    name: str | None = None
    origin: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSection(Record):
    """Attributes: parameters, the number of trained ones."""

    parameters: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class LikelihoodSection(Record):
    """log p(x) or its importance-weighted bound L_S.

    Attributes:
        sample_size: S.
        exact: log p(x) is exact.
        bound: L_S.
        interval_95: for other draws of z.
        monte_carlo_error: from the draws of z.
        sampling_error: from the test examples.
        median, lowest: of the examples; a density may give one of thousands almost nothing, and the mean is then about
            that one.
        corrected, correction: L_S by the jackknife, and what that adds.
        elbo, distortion: parts of the same draws.
        no_bits_per_dim: the reason why there are none.
        bits_per_dim: of L_S.
        draw_error: from the draw of x.
    """

    sample_size: int
    exact: bool = False
    bound: float
    interval_95: list[float] | None
    monte_carlo_error: float | None
    sampling_error: float | None
    median: float | None = None
    lowest: float | None = None
    corrected: float | None
    correction: float | None
    elbo: float | None = None
    no_bits_per_dim: str | None = None
    bits_per_dim: float | None = None
    draw_error: float | None
    distortion: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spread(Record):
    """Attributes: mean, median, min, of the examples' effective sample sizes."""

    mean: float
    median: float
    min: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unreliable(Record):
    """Attributes: example, its number; pareto_shape, None if infinite."""

    example: int
    pareto_shape: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReliabilitySection(Record):
    """The importance weights.

    Attributes:
        effective_sample_size: of the weights of each example.
        unreliable, unreliable_share: examples whose weights have a Pareto shape above 0.7; None if too few were drawn.
        worst: some of them.
        words: about it.
    """

    effective_sample_size: Spread
    unreliable: int | None
    unreliable_share: float | None
    worst: list[Unreliable]
    words: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimulatedSection(Record):
    """Bounds on log p(x) of examples drawn from the model.

    Attributes: examples, their number; lower, upper and gap, means; gap_error, of the gap.
    """

    examples: int
    lower: float
    upper: float
    gap: float
    gap_error: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class NaiveSection(Record):
    """The average of p(x|z) over draws from the prior.

    Attributes:
        examples: number of the first ones, which it is made for.
        draws: most of them.
        log_p: with all draws.
        bound: L_S of the same examples.
        draws_within_a_nat: from this number on it is at most 1 nat below L_S.
        words: about it.
    """

    examples: int
    draws: int
    log_p: float
    bound: float
    draws_within_a_nat: int | None
    words: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatentsSection(Record):
    """The use of the latents.

    Attributes:
        rate, rate_is_exact: KL(q(z|x) || p(z)), and if it is no estimate.
        active_units, dimensions: how many are active, of how many.
        variance_of_mean: of each dimension.
        rate_per_level, active_units_per_level, level_of_dimension: of models of several levels.
        rate_per_dimension: in closed form.
        mutual_information, mutual_information_error, mutual_information_ceiling, saturated: of x and z.
        aggregate_kl, aggregate_kl_error: KL(q(z) || p(z)).
        rate_of_draws: the sum of the two.
        marginal_kl: of each dimension.
    """

    rate: float
    rate_is_exact: bool
    active_units: int
    dimensions: int
    variance_of_mean: list[float]
    rate_per_level: list[float] | None = None
    active_units_per_level: list[int] | None = None
    level_of_dimension: list[int] | None = None
    rate_per_dimension: list[float] | None = None
    mutual_information: float | None = None
    mutual_information_error: float | None = beside("mutual_information")
    mutual_information_ceiling: float | None = None
    saturated: bool | None = None
    aggregate_kl: float | None = None
    aggregate_kl_error: float | None = beside("aggregate_kl")
    rate_of_draws: float | None = None
    marginal_kl: list[float] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccuracySection(Record):
    """An `Accuracy`; see there."""

    accuracy: float
    standard_error: float
    n: int
    n_train: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class RepresentationSection(Record):
    """Labels read off the codes."""

    linear_probe: AccuracySection
    nearest_neighbours: AccuracySection


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClustersSection(Record):
    """A `Clustering`; see there."""

    accuracy: float
    normalised_mutual_information: float
    used: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistanceSection(Record):
    """A `TwoSamples`; see there."""

    distance: float
    p_value: float
    null_quantile: float
    permutations: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class KernelDistanceSection(Record):
    """Attributes: of_draws and of_training_images, from test images; images, on either side; note, about it."""

    of_draws: DistanceSection
    of_training_images: DistanceSection
    images: int
    note: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplesSection(Record):
    """What the package's classifier says of samples.

    Attributes:
        recognised_share, recognised_share_error: of samples that are taken for a digit.
        class_entropy: of the digits.
        class_shares, rarest_class_share: of each digit, and the least of them.
        kernel_distance: between samples and test images.
    """

    recognised_share: float
    recognised_share_error: float
    class_entropy: float
    class_shares: list[float]
    rarest_class_share: float
    kernel_distance: KernelDistanceSection | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSection(Record):
    """What the run's own report says; all None if there is none yet.

    Attributes: test_loss; minutes, of training; processor_minutes, of all cores together.
    """

    test_loss: float | None = None
    minutes: float | None = None
    processor_minutes: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationReport(Record):
    """The report of an evaluation.

    Attributes:
        version: of tfvae.
        data, model, likelihood, reliability, simulated, naive, latents, representation, clusters, samples: see there.
        missing: reasons by the name of what could not be measured.
        settings: the run's, as config.yaml has them.
        training: the run's.
        steps: of the training.
        model_digest: of the model's file.
        hardware, versions: what measured.
        file_digests: of the arrays beside the report, by name.
        content_digest: of everything else.
    """

    version: str | None = None
    data: DataSection
    model: ModelSection
    likelihood: LikelihoodSection | None = None
    reliability: ReliabilitySection | None = None
    simulated: SimulatedSection | None = None
    naive: NaiveSection | None = None
    latents: LatentsSection | None = None
    representation: RepresentationSection | None = None
    clusters: ClustersSection | None = None
    samples: SamplesSection | None = None
    missing: dict[str, str]
    settings: dict[str, Any] | None = None
    training: TrainingSection | None = None
    steps: int | None = None
    model_digest: str | None = None
    hardware: dict[str, Any] | None = None
    versions: dict[str, str] | None = None
    file_digests: dict[str, str] | None = None
    content_digest: str | None = None
