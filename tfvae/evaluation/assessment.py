"""Everything that is measured of a trained model, in one report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfvae._version import __version__
from tfvae.evaluation.aggregate import aggregate_posterior
from tfvae.evaluation.classifier import IMAGE_SHAPE
from tfvae.evaluation.encoding import encode
from tfvae.evaluation.fixed import fix
from tfvae.evaluation.kernel_distance import kernel_distance
from tfvae.evaluation.latents import latent_statistics
from tfvae.evaluation.likelihood import LikelihoodEstimate, likelihood_estimate, simulated_bracket
from tfvae.evaluation.naive import naive_estimate
from tfvae.evaluation.recognition import recognition
from tfvae.evaluation.representation import linear_probe, nearest_neighbours
from tfvae.models import VAE

_DRAWS = 3  # of x, for what other draws would change
_DRAW_SAMPLES = 100  # of z for each
_SIMULATED = 1000  # draws from the model
_NAIVE_EXAMPLES = 100  # that are scored with draws from the prior
_FITTED = 10_000  # training examples that the probe and the neighbours see
_COMPARED = 2000  # images on either side of the kernel distance
_NAMED = 20  # unreliable examples


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
        train: examples that it was trained on (some will do), for what compares with them.
        sample_size: S, of the importance-weighted bound.
        seed: of all draws but that of x.
        digits: the images are handwritten digits, which the package's classifier may judge.
        progress: called with a sentence before each part that takes seconds.

    Returns:
        See `Assessment`. The report's figures are estimates from these examples, in nats per example if nothing else
        is said.

    Raises:
        ValueError: examples have another shape than the model's, there are none, or a number is out of range.
        FloatingPointError: the importance weights are not finite.
    """
    model.as_examples(test.images[:1])
    x = fix(test.images, model.preprocess)
    report: dict[str, Any] = {
        "version": __version__,
        "data": {"examples": len(x.x), "digest": x.digest, "convention": model.unit.convention, "seed": seed},
    }
    missing: dict[str, str] = {}
    by_example: dict[str, Any] = {}
    naive = latents = None
    has_posterior = model.encoder.family.scores != "point"
    if not model.unit.is_likelihood:
        missing["likelihood"] = f"This model has no log p(x): {model.unit.convention}."
    elif not has_posterior:
        missing["likelihood"] = "q(z|x) is a point, without a density: there are no importance weights."
    else:
        progress(f"log p(x) with {sample_size:,} samples for each of {len(x.x):,} examples")
        estimate = likelihood_estimate(model, x.x, sample_size, seed)
        by_example = {name: getattr(estimate, name) for name in PER_EXAMPLE}
        report["likelihood"] = _likelihood(model, estimate)
        report["reliability"] = _reliability(estimate)
        progress("other draws of x")
        report["likelihood"]["draw_error"] = _draw_error(model, test.images, sample_size, seed)
        progress("data drawn from the model")
        report["simulated"] = _simulated(model, sample_size, seed)
        progress("draws from the prior")
        report["naive"], naive = _naive(model, x.x[:_NAIVE_EXAMPLES], estimate.bound[:_NAIVE_EXAMPLES], seed)
    if has_posterior:
        progress("the use of the latents")
        report["latents"], latents = _latents(model, test.images, x.x, seed, missing)
        if "likelihood" in report:
            elbo, rate = report["likelihood"]["elbo"], report["latents"]["rate"]
            report["likelihood"]["distortion"] = -(elbo + rate)
    else:
        missing["latents"] = "q(z|x) is a point: its rate is infinite and it tells everything about x."
    if test.labels is None or train.labels is None:
        missing["representation"] = "The data have no labels that could be read off the latents."
    else:
        progress("labels read off the latents")
        report["representation"] = _representation(model, x.x, test.labels, train)
    if digits and tuple(model.data_shape) == IMAGE_SHAPE:
        progress("samples")
        report["samples"] = _samples(model, x.x, train.images, seed)
    else:
        missing["samples"] = "The classifier that judges samples knows images of handwritten digits of 28 x 28 only."
    report["missing"] = missing
    return Assessment(report, by_example, naive, latents)


PER_EXAMPLE = ("bound", "corrected", "standard_error", "elbo", "effective_sample_size", "pareto_shape")
"""The arrays of a `LikelihoodEstimate`."""


def _likelihood(model: VAE, estimate: LikelihoodEstimate) -> dict[str, Any]:
    bound, error = estimate.mean, estimate.monte_carlo_error
    found: dict[str, Any] = {
        "sample_size": estimate.sample_size,
        "bound": bound,
        "interval_95": [bound - 1.96 * error, bound + 1.96 * error] if np.isfinite(error) else None,
        "monte_carlo_error": _number(error),
        "sampling_error": _number(estimate.sampling_error),
        "corrected": bound + estimate.mean_correction,
        "correction": estimate.mean_correction,
        "elbo": float(np.mean(estimate.elbo)),
    }
    dimensions = int(np.prod(model.data_shape))
    if model.unit.bits_offset is None:
        found["no_bits_per_dim"] = f"No bits per dimension: {model.unit.convention}."
    else:
        found["bits_per_dim"] = float(model.unit.bits_per_dim(bound, dimensions))
    return found


def _reliability(estimate: LikelihoodEstimate) -> dict[str, Any]:
    unreliable, sizes = estimate.unreliable, estimate.effective_sample_size
    share = len(unreliable) / len(sizes)
    if np.isnan(estimate.pareto_shape).all():
        words = "With fewer than 25 samples the tail of the weights cannot be judged."
    elif not len(unreliable):
        words = "No example's weights have a Pareto shape above 0.7: the averages can be trusted."
    else:
        words = (
            f"The weights of {len(unreliable):,} of {len(sizes):,} examples ({share:.1%}) have a Pareto shape above "
            "0.7: q(z|x) is too narrow for them, or elsewhere than p(z|x). Their log p(x) is too low by an unknown "
            "amount, and its Monte Carlo error is not to be trusted; more samples help little."
        )
    return {
        "effective_sample_size": {
            "mean": float(sizes.mean()),
            "median": float(np.median(sizes)),
            "min": float(sizes.min()),
        },
        "unreliable": len(unreliable),
        "unreliable_share": share,
        "worst": [
            {"example": int(index), "pareto_shape": float(estimate.pareto_shape[index])}
            for index in unreliable[:_NAMED]
        ],
        "words": words,
    }


def _draw_error(model: VAE, images: np.ndarray, sample_size: int, seed: int) -> float | None:
    """Standard error of the average bound from the draw of x: what another binarisation or dequantisation would change.

    The variance of each example's bound over some draws, less what is due to the draws of z. 0 where x is no draw, None
    with one sample, which tells the two apart from nothing.
    """
    arrays = [fix(images, model.preprocess, draw).x for draw in range(_DRAWS)]
    if all(np.array_equal(arrays[0], other) for other in arrays[1:]):
        return 0.0
    if sample_size < 2:
        return None
    samples = min(sample_size, _DRAW_SAMPLES)
    estimates = [likelihood_estimate(model, x, samples, seed + draw) for draw, x in enumerate(arrays)]
    total = np.var([each.bound for each in estimates], axis=0, ddof=1)
    of_z = np.mean([each.standard_error**2 for each in estimates], axis=0)
    return float(np.sqrt(max(0.0, np.sum(total - of_z))) / len(total))


def _simulated(model: VAE, sample_size: int, seed: int) -> dict[str, Any]:
    size = max(2, sample_size)
    lower, upper = simulated_bracket(model, _SIMULATED, size, seed)
    gap = upper - lower
    return {
        "examples": _SIMULATED,
        "lower": float(lower.mean()),
        "upper": float(upper.mean()),
        "gap": float(gap.mean()),
        "gap_error": float(gap.std(ddof=1) / np.sqrt(len(gap))),
    }


def _naive(model: VAE, x: np.ndarray, bound: np.ndarray, seed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    found, better = naive_estimate(model, x, seed=seed), float(np.mean(bound))
    within, most = found.draws_within_a_nat(better), int(found.draws[-1])
    short = better - float(found.log_p[-1])
    words = (
        f"{within:,} draws from the prior come within 1 nat of L_S."
        if within is not None
        else f"{most:,} draws from the prior are {short:.1f} nats short of L_S; fewer come no nearer."
    )
    figures = {
        "examples": len(x),
        "draws": most,
        "log_p": float(found.log_p[-1]),
        "bound": better,
        "draws_within_a_nat": within,
        "words": words,
    }
    return figures, {"draws": found.draws, "log_p": found.log_p}


def _latents(
    model: VAE, images: np.ndarray, x: np.ndarray, seed: int, missing: dict[str, str]
) -> tuple[dict[str, Any], dict[str, np.ndarray] | None]:
    use, aggregate = latent_statistics(model, images), aggregate_posterior(model, x, seed=seed)
    figures: dict[str, Any] = {
        "rate": use.total_rate,
        "rate_is_exact": not use.sampled,
        "active_units": use.active_units,
        "dimensions": len(use.variance_of_mean),
        "variance_of_mean": use.variance_of_mean.tolist(),
        "mutual_information": aggregate.mutual_information,
        "mutual_information_error": _number(aggregate.mutual_information_error),
        "mutual_information_ceiling": aggregate.ceiling,
        "saturated": bool(aggregate.saturated),
        "aggregate_kl": aggregate.kl,
        "aggregate_kl_error": _number(aggregate.kl_error),
    }
    if use.rate is None:
        missing["rate_per_dimension"] = (
            "TFP has no closed form of the rate of single dimensions for these distributions."
        )
    else:
        figures["rate_per_dimension"] = use.rate.tolist()
    if aggregate.marginal_kl is None:
        missing["marginal_kl"] = str(aggregate.no_marginals)
    else:
        figures["marginal_kl"] = aggregate.marginal_kl.tolist()
    if use.rate is None or aggregate.marginal_kl is None:
        return figures, None
    shown = {"rate": use.rate, "marginal_kl": aggregate.marginal_kl}
    return figures, {**shown, "variance_of_mean": use.variance_of_mean, "active": use.active}


def _representation(model: VAE, x: np.ndarray, labels: np.ndarray, train: Examples) -> dict[str, Any]:
    fitted = Examples(train.images[:_FITTED], np.asarray(train.labels)[:_FITTED])
    train_means = encode(model, fix(fitted.images, model.preprocess).x).mean
    examples = (train_means, fitted.labels, encode(model, x).mean, labels)
    return {
        name: measure(*examples)._asdict()
        for name, measure in (("linear_probe", linear_probe), ("nearest_neighbours", nearest_neighbours))
    }


def _samples(model: VAE, x: np.ndarray, train: np.ndarray, seed: int) -> dict[str, Any]:
    recognised = recognition(model, seed=seed)
    n = min(_COMPARED, len(x), len(train))
    distance = kernel_distance(model, fix(train[:_FITTED], model.preprocess).x, x, n, seed=seed)
    return {
        "recognised_share": recognised.share,
        "recognised_share_error": recognised.standard_error,
        "class_entropy": recognised.class_entropy,
        "kernel_distance": {
            "of_draws": distance.model._asdict(),
            "of_training_images": distance.baseline._asdict(),
            "images": distance.n,
            "note": "In the features of this package's classifier: not comparable with published FID or KID.",
        },
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
