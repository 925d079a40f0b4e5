"""An assessment's report as text, a figure a line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from tfvae._support.evaluation_report import (
    ClustersSection,
    EvaluationReport,
    LatentsSection,
    LikelihoodSection,
    NaiveSection,
    ReliabilitySection,
    RepresentationSection,
    SamplesSection,
    SimulatedSection,
)

_NAMES, _LINE = 34, 100  # characters
_DIMENSIONS = 20  # that have a line of their own


def table(report: Mapping[str, Any]) -> str:
    """The report of an `Assessment` as a table for people, nats per example if nothing else is said."""
    figures = EvaluationReport.of(report)
    data = figures.data
    lines = [
        f"{figures.model.parameters:,} parameters; {data.examples:,} test examples, array {data.digest}",
        *_words(f"({data.convention})", 0),
    ]
    sections: list[tuple[Any, Callable[[Any], list[str]]]] = [
        (figures.likelihood, _likelihood),
        (figures.reliability, _reliability),
        (figures.simulated, _simulated),
        (figures.naive, _naive),
        (figures.latents, _latents),
        (figures.representation, _representation),
        (figures.clusters, _clusters),
        (figures.samples, _samples),
    ]
    for section, rows in sections:
        if section is not None:
            lines += ["", *rows(section)]
    if figures.missing:
        lines += ["", "Not measured"]
        for name, reason in figures.missing.items():
            lines += _words(f"{name.replace('_', ' ')}: {reason}")
    return "\n".join(lines) + "\n"


def _row(name: str, value: str, note: str = "") -> str:
    return f"  {name:<{_NAMES}}{value:>12}" + (f"  {note}" if note else "")


def _words(text: str, indent: int = 2) -> list[str]:
    return textwrap.wrap(
        text, _LINE, initial_indent=" " * indent, subsequent_indent=" " * indent, break_long_words=False
    )


def _likelihood(found: LikelihoodSection) -> list[str]:
    size = f"{found.sample_size:,}"
    interval = "" if found.interval_95 is None else "; 95 %: {:.3f} to {:.3f}".format(*found.interval_95)
    name = "log p(x), exact" if found.exact else f"L_S with S = {size} (lower bound)"
    rows = ["log p(x), nats", _row(name, f"{found.bound:.3f}")]
    if not found.exact:
        rows.append(_row("  Monte Carlo error", _number(found.monte_carlo_error), f"other draws of z{interval}"))
    rows += [
        _row("  test-set error", _number(found.sampling_error), "other test examples"),
        _row("  draw error", _number(found.draw_error), "another draw of the same examples' x"),
    ]
    if found.lowest is not None:
        rows.append(_row("  median", f"{found.median:.3f}", f"of the examples; lowest {found.lowest:,.0f}"))
    if not found.exact:
        rows.append(_row("corrected by the jackknife", _number(found.corrected), _correction(found.correction)))
    if found.distortion is not None:
        rows += [
            _row("ELBO", f"{found.elbo:.3f}", f"averaged over {size} samples; -(distortion + rate)"),
            _row("  distortion", f"{found.distortion:.3f}"),
        ]
    if found.bits_per_dim is not None:
        return [
            *rows,
            _row("bits per dimension", f"{found.bits_per_dim:.4f}", "of log p(x)" if found.exact else "of L_S"),
        ]
    return [*rows, *_words(found.no_bits_per_dim or "")]


def _correction(value: float | None) -> str:
    return "it takes more than one sample" if value is None else f"bias correction {value:+.3f}"


def _reliability(found: ReliabilitySection) -> list[str]:
    sizes = found.effective_sample_size
    note = f"median {sizes.median:.1f}, least {sizes.min:.1f}"
    rows = ["Importance weights", _row("effective sample size", f"{sizes.mean:.1f}", note), *_words(found.words)]
    if found.worst:
        shapes = ((each.example, each.pareto_shape) for each in found.worst)
        worst = ", ".join(f"{example} ({_number(shape, 2, 'infinite')})" for example, shape in shapes)
        rows += _words(f"Worst examples by number, with their shape: {worst}")
    return rows


def _simulated(found: SimulatedSection) -> list[str]:
    return [
        f"{found.examples:,} examples drawn from the model, nats",
        _row("log p(x), lower bound", f"{found.lower:.3f}"),
        _row("log p(x), upper bound", f"{found.upper:.3f}", f"gap {found.gap:.3f} +- {found.gap_error:.3f}"),
    ]


def _naive(found: NaiveSection) -> list[str]:
    return [
        f"Naive average over L draws from the prior, first {found.examples} examples, nats",
        _row(f"with L = {found.draws:,}", f"{found.log_p:.3f}", f"L_S of the same examples {found.bound:.3f}"),
        *_words(found.words),
    ]


def _latents(found: LatentsSection) -> list[str]:
    return [
        "Latents, nats",
        _row("rate", f"{found.rate:.3f}", _of_rate(found)),
        _row("active units", f"{found.active_units} of {found.dimensions}", "variance of the mean above 0.01"),
        *_levels(found),
        *(_aggregate(found) if found.mutual_information is not None else []),
        *_dimensions(found),
    ]


def _of_rate(found: LatentsSection) -> str:
    if found.rate_per_level is not None:
        given = "two draws of the latents that it depends on"
        return f"exact for {given}" if found.rate_is_exact else "estimate, two draws an example"
    return "exact" if found.rate_is_exact else "estimate, one draw an example"


def _levels(found: LatentsSection) -> list[str]:
    figures = zip(found.rate_per_level or [], found.active_units_per_level or [], strict=True)
    return [
        _row(f"  rate of level {level}", f"{rate:.3f}", f"{active} active units")
        for level, (rate, active) in enumerate(figures, start=1)
    ]


def _aggregate(found: LatentsSection) -> list[str]:
    saturated = ", saturated: more examples would give more" if found.saturated else ""
    ceiling = f"ceiling log N = {found.mutual_information_ceiling:.3f}{saturated}"
    return [
        _row(
            "mutual information of x and z",
            f"{found.mutual_information:.3f}",
            f"+- {_number(found.mutual_information_error)}, {ceiling}",
        ),
        _row(
            "KL(q(z) || p(z))",
            f"{found.aggregate_kl:.3f}",
            f"+- {_number(found.aggregate_kl_error)}; both together: the rate of these draws, "
            f"{found.rate_of_draws:.3f}",
        ),
        *_marginals(found.marginal_kl),
    ]


def _marginals(found: list[float] | None) -> list[str]:
    return [] if found is None else [_row("  of its marginals, summed", f"{sum(found):.3f}")]


def _dimensions(found: LatentsSection) -> list[str]:
    """A line for each dimension, the one of the highest rate first."""
    known = {
        "rate": found.rate_per_dimension,
        "KL of marginal": found.marginal_kl,
        "variance of mean": found.variance_of_mean,
    }
    columns = {title: values for title, values in known.items() if values is not None}
    order = sorted(range(found.dimensions), key=lambda dimension: -next(iter(columns.values()))[dimension])
    rows = [f"  {'dimension':>9}" + "".join(f"{title:>18}" for title in columns)]
    for dimension in order[:_DIMENSIONS]:
        rows.append(f"  {dimension:>9}" + "".join(f"{each[dimension]:>18.3f}" for each in columns.values()))
    left = len(order) - _DIMENSIONS
    if left > 0:
        rows.append(f"  and {left} more, with less, in report.json")
    if min(found.variance_of_mean) < 0:
        rows.append("  A variance below 0 is an unbiased estimate of one near 0.")
    return rows


def _representation(found: RepresentationSection) -> list[str]:
    both = {"linear probe": found.linear_probe, "nearest neighbours": found.nearest_neighbours}
    return [
        f"Labels read off the codes ({found.linear_probe.n_train:,} training examples), accuracy",
        *(_row(name, f"{each.accuracy:.2%}", f"+- {each.standard_error:.2%}") for name, each in both.items()),
    ]


def _clusters(found: ClustersSection) -> list[str]:
    return [
        f"Clusters, {found.used} in use",
        _row("accuracy, best matching", f"{found.accuracy:.2%}"),
        _row("normalised mutual information", f"{found.normalised_mutual_information:.3f}"),
    ]


def _samples(found: SamplesSection) -> list[str]:
    note = f"+- {found.recognised_share_error:.1%}; class entropy {found.class_entropy:.2f} of 2.30 nats"
    rows = [
        "Samples",
        _row("taken for a digit by a classifier", f"{found.recognised_share:.1%}", note),
        _row("  as the rarest digit", f"{found.rarest_class_share:.1%}"),
    ]
    if found.kernel_distance is None:
        return rows
    distance = found.kernel_distance
    both = {"kernel distance of draws": distance.of_draws, "  of training images": distance.of_training_images}
    for name, each in both.items():
        note = f"p = {each.p_value:.3f}; by chance below {each.null_quantile:.4f} in 95 %"
        rows.append(_row(name, f"{each.distance:.4f}", note))
    return [*rows, *_words(f"From {distance.images:,} images on either side. {distance.note}")]


def _number(value: float | None, digits: int = 3, otherwise: str = "unknown") -> str:
    return otherwise if value is None else f"{value:.{digits}f}"
