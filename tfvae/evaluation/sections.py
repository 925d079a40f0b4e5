"""The sections of an assessment's report: their figures, and the sentences about them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from tfvae._support.evaluation_report import (
    AccuracySection,
    ClustersSection,
    DistanceSection,
    KernelDistanceSection,
    LatentsSection,
    LikelihoodSection,
    NaiveSection,
    ReliabilitySection,
    RepresentationSection,
    SamplesSection,
    SimulatedSection,
    Spread,
    Unreliable,
)
from tfvae.evaluation.aggregate import aggregate_posterior
from tfvae.evaluation.clustering import clustering
from tfvae.evaluation.digits.kernel_distance import kernel_distance
from tfvae.evaluation.digits.recognition import recognition
from tfvae.evaluation.encoding import encode
from tfvae.evaluation.latents import latent_statistics
from tfvae.evaluation.naive import naive_estimate
from tfvae.evaluation.representation import linear_probe, nearest_neighbours
from tfvae.likelihood.estimate import LikelihoodEstimate, simulated_bracket
from tfvae.models import VAE

_SIMULATED = 1000  # draws from the model
_NAIVE_EXAMPLES, _NAIVE_DRAWS = 100, 2**16  # examples that are scored with draws from the prior, at most
_NAIVE_NUMBERS = 2**27  # parameters of p(x|z) that are made for them, at most
_JUDGED = 10_000  # samples that the classifier sees
_COMPARED = 2000  # images on either side of the kernel distance
_AT_ONCE = 500  # examples that are given to components
_NAMED = 20  # unreliable examples


def likelihood(
    model: VAE, estimate: LikelihoodEstimate, draw_error: float | None, rate: float | None
) -> LikelihoodSection:
    bound, error = estimate.mean, estimate.monte_carlo_error
    elbo = None if "latents" in model.lacks else float(np.mean(estimate.elbo))
    bits, reason = None, None
    if model.unit.bits_offset is None:
        reason = f"No bits per dimension: they are of 8-bit images, this is the {model.unit.scored}."
    else:
        bits = float(model.unit.bits_per_dim(bound, int(np.prod(model.data_shape))))
    return LikelihoodSection(
        sample_size=estimate.sample_size,
        exact=model.exact_likelihood,
        bound=bound,
        interval_95=[bound - 1.96 * error, bound + 1.96 * error] if np.isfinite(error) else None,
        monte_carlo_error=_number(error),
        sampling_error=_number(estimate.sampling_error),
        median=float(np.median(estimate.bound)),
        lowest=float(np.min(estimate.bound)),
        corrected=None if estimate.sample_size == 1 else bound + estimate.mean_correction,
        correction=None if estimate.sample_size == 1 else estimate.mean_correction,
        elbo=elbo,
        no_bits_per_dim=reason,
        bits_per_dim=bits,
        draw_error=draw_error,
        distortion=None if elbo is None or rate is None else -(elbo + rate),
    )


def reliability(model: VAE, estimate: LikelihoodEstimate) -> ReliabilitySection:
    unreliable, sizes = estimate.unreliable, estimate.effective_sample_size
    share = len(unreliable) / len(sizes)
    unknown = bool(np.isnan(estimate.pareto_shape).all())
    if unknown:
        words = "With fewer than 25 samples the tail of the weights cannot be judged."
    elif not len(unreliable):
        words = "No example's weights have a Pareto shape above 0.7: the averages can be trusted."
    else:
        reason = "few draws from the prior meet p(z|x)"
        if "latents" not in model.lacks:
            reason = "q(z|x) is too narrow for them, or elsewhere than p(z|x)"
        words = (
            f"The weights of {len(unreliable):,} of {len(sizes):,} examples ({share:.1%}) have a Pareto shape above "
            f"0.7: {reason}. Their log p(x) is too low by an unknown amount, and its Monte Carlo error is not to be "
            "trusted; more samples help little."
        )
    return ReliabilitySection(
        effective_sample_size=Spread(mean=float(sizes.mean()), median=float(np.median(sizes)), min=float(sizes.min())),
        unreliable=None if unknown else len(unreliable),
        unreliable_share=None if unknown else share,
        worst=[
            Unreliable(example=int(index), pareto_shape=_number(estimate.pareto_shape[index]))
            for index in unreliable[:_NAMED]
        ],
        words=words,
    )


def simulated(model: VAE, sample_size: int, seed: int) -> SimulatedSection:
    size = max(2, sample_size)
    lower, upper = simulated_bracket(model, _SIMULATED, size, seed)
    gap = upper - lower
    return SimulatedSection(
        examples=_SIMULATED,
        lower=float(lower.mean()),
        upper=float(upper.mean()),
        gap=float(gap.mean()),
        gap_error=float(gap.std(ddof=1) / np.sqrt(len(gap))),
    )


def naive(model: VAE, x: np.ndarray, bound: np.ndarray, seed: int) -> tuple[NaiveSection, dict[str, np.ndarray]]:
    x, better = x[:_NAIVE_EXAMPLES], float(np.mean(bound[:_NAIVE_EXAMPLES]))
    numbers = sum(p.size for p in model.decoder.family.parameters.values()) * int(np.prod(model.data_shape))
    found = naive_estimate(model, x, min(_NAIVE_DRAWS, max(1024, _NAIVE_NUMBERS // numbers)), seed)
    within, most = found.draws_within_a_nat(better), int(found.draws[-1])
    off = float(found.log_p[-1]) - better
    words = (
        f"With L = {most:,} it is still {-off:.1f} nats below L_S."
        if within is None
        else f"From L = {within:,} on it is at most 1 nat below L_S."
    )
    if off > 1:
        words += f" With L = {most:,} it is {off:.1f} nats above L_S, which is too low: do not trust q(z|x)."
    figures = NaiveSection(
        examples=len(x),
        draws=most,
        log_p=float(found.log_p[-1]),
        bound=better,
        draws_within_a_nat=within,
        words=words,
    )
    return figures, {"draws": found.draws, "log_p": found.log_p}


def latents(
    model: VAE, images: np.ndarray, x: np.ndarray, seed: int, missing: dict[str, str]
) -> tuple[LatentsSection, dict[str, np.ndarray] | None]:
    use = latent_statistics(model, images)
    of_levels: dict[str, Any] = {}
    if model.levels > 1:
        of_levels = {
            "rate_per_level": use.level_rate.tolist(),
            "active_units_per_level": use.level_active_units.tolist(),
            "level_of_dimension": use.level_of.tolist(),
        }
    figures = LatentsSection(
        rate=use.total_rate,
        rate_is_exact=not use.sampled,
        active_units=use.active_units,
        dimensions=len(use.variance_of_mean),
        variance_of_mean=use.variance_of_mean.tolist(),
        **of_levels,
        rate_per_dimension=None if use.rate is None else use.rate.tolist(),
    )
    if use.rate is None:
        missing["rate_per_dimension"] = (
            "TFP has no closed form of the rate of single dimensions for these distributions."
        )
    try:
        aggregate = aggregate_posterior(model, x, seed=seed)
    except NotImplementedError as error:  # a flow, or several levels
        missing["aggregate_posterior"] = str(error)
        return figures, None
    figures = dataclasses.replace(
        figures,
        mutual_information=aggregate.mutual_information,
        mutual_information_error=_number(aggregate.mutual_information_error),
        mutual_information_ceiling=aggregate.ceiling,
        saturated=bool(aggregate.saturated),
        aggregate_kl=aggregate.kl,
        aggregate_kl_error=_number(aggregate.kl_error),
        rate_of_draws=aggregate.rate,
        marginal_kl=None if aggregate.marginal_kl is None else aggregate.marginal_kl.tolist(),
    )
    if aggregate.marginal_kl is None:
        missing["marginal_kl"] = str(aggregate.no_marginals)
    if use.rate is None or aggregate.marginal_kl is None:
        return figures, None
    shown = {"rate": use.rate, "marginal_kl": aggregate.marginal_kl}
    return figures, {**shown, "variance_of_mean": use.variance_of_mean, "active": use.active}


def representation(
    model: VAE, train_x: np.ndarray, train_labels: np.ndarray, x: np.ndarray, labels: np.ndarray
) -> RepresentationSection:
    examples = encode(model, train_x).mean, train_labels, encode(model, x).mean, labels
    return RepresentationSection(
        linear_probe=AccuracySection.of(linear_probe(*examples)._asdict()),
        nearest_neighbours=AccuracySection.of(nearest_neighbours(*examples)._asdict()),
    )


def clusters(model: VAE, x: np.ndarray, labels: np.ndarray) -> ClustersSection:
    parts = [np.asarray(model.clusters(part)) for part in np.array_split(x, math.ceil(len(x) / _AT_ONCE))]
    return ClustersSection.of(clustering(np.concatenate(parts), labels)._asdict())


def samples(model: VAE, train_x: np.ndarray, x: np.ndarray, seed: int, missing: dict[str, str]) -> SamplesSection:
    recognised = recognition(model, _JUDGED, seed)
    return SamplesSection(
        recognised_share=recognised.share,
        recognised_share_error=recognised.standard_error,
        class_entropy=recognised.class_entropy,
        class_shares=(recognised.classes / recognised.n).tolist(),
        rarest_class_share=float(recognised.classes.min() / recognised.n),
        kernel_distance=_kernel_distance(model, train_x, x, seed, missing),
    )


def _kernel_distance(
    model: VAE, train_x: np.ndarray, x: np.ndarray, seed: int, missing: dict[str, str]
) -> KernelDistanceSection | None:
    n = min(_COMPARED, len(x), len(train_x))
    if n < 2:
        missing["kernel_distance"] = "It takes at least two test images and two training images."
        return None
    distance = kernel_distance(model, train_x, x, n, seed=seed)
    return KernelDistanceSection(
        of_draws=DistanceSection.of(distance.model._asdict()),
        of_training_images=DistanceSection.of(distance.baseline._asdict()),
        images=distance.n,
        note="In the features of this package's classifier: not comparable with published FID or KID.",
    )


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
