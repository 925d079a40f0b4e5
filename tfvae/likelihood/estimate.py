"""log p(x) between an importance-weighted lower bound and a corrected estimate, with its Monte Carlo error."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy import special

from tfvae._support.checks import check_some, integer, integers_at_least, seed_of_draws
from tfvae.likelihood.log_weights import ROWS, streamed, worth_compiling
from tfvae.likelihood.pareto import UNRELIABLE, pareto_shape, tail_size
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.objectives import log_weights
from tfvae.parallel.shares import gathered, shares

if TYPE_CHECKING:
    from tfvae.models import VAE, UnsupervisedModel

_GROUPS = 50  # of samples, for the jackknife


@dataclasses.dataclass(frozen=True)
class LikelihoodEstimate:
    """What S importance weights w = p(x, z) / q(z|x), z ~ q(z|x), say of each of N examples; `[N]` each, float64, nats.

    Attributes:
        bound: L_S = log 1/S sum_s w_s, an unbiased estimate of a lower bound on log p(x) that rises with S.
        corrected: the delete-one-group jackknife's estimate of log p(x) from the same weights: L_S with its bias of
            about -Var(w) / (2 S E(w)^2) taken out. An estimate, of either sign of error; with heavy tails it is too
            low as well.
        standard_error: Monte Carlo error of `bound`, by the same jackknife: how far it would be off with other draws.
            NaN with one sample.
        elbo: the average of log w, the ELBO.
        effective_sample_size: (sum w)^2 / sum w^2, from 1 to S.
        pareto_shape: of the largest weights, see `pareto_shape`; above 0.7 none of these figures can be trusted.
            NaN below 25 samples.
        sample_size: S.
        repeats: over how many estimates of that kind, of other draws, the figures are averages.
    """

    bound: np.ndarray
    corrected: np.ndarray
    standard_error: np.ndarray
    elbo: np.ndarray
    effective_sample_size: np.ndarray
    pareto_shape: np.ndarray
    sample_size: int
    repeats: int = 1

    @property
    def mean(self) -> float:
        """The average bound, in nats."""
        return float(np.mean(self.bound))

    @property
    def monte_carlo_error(self) -> float:
        """Standard error of `mean` for these examples: what other draws of z would change."""
        return float(np.sqrt(np.sum(self.standard_error**2)) / len(self.bound))

    @property
    def sampling_error(self) -> float:
        """Standard error of `mean` as an estimate of the average over all possible examples."""
        return float(np.std(self.bound, ddof=1) / math.sqrt(len(self.bound))) if len(self.bound) > 1 else math.nan

    @property
    def mean_correction(self) -> float:
        """How much higher the jackknife's estimate of log p(x) is than `mean`."""
        return float(np.mean(self.corrected - self.bound))

    @property
    def unreliable(self) -> np.ndarray:
        """The numbers of the examples whose Pareto shape is above 0.7, the worst first."""
        order = np.argsort(-self.pareto_shape, kind="stable")
        return order[self.pareto_shape[order] > UNRELIABLE]


class Bracket(NamedTuple):
    """log p(x) of data drawn from the model, between two estimates whose expectations enclose it; `[N]` each, nats.

    Attributes:
        lower: L_(S-1), in expectation at most log p(x).
        upper: log 1/S of the sum of these S - 1 weights and that of the z which x was made from: in expectation at
            least log p(x).
    """

    lower: np.ndarray
    upper: np.ndarray


def log_likelihood(model: UnsupervisedModel, raw: Any, sample_size: int = 5000, seed: int = 0) -> np.ndarray:
    """The importance-weighted lower bound on log p(x) of each example.

        L_S = log 1/S sum_s p(x, z_s) / q(z_s|x),  z_s ~ q(z|x)

    An estimate of a lower bound: in expectation at most log p(x), rising towards it with S (Burda et al. 2015,
    arXiv:1509.00519). For examples unlike the training data the encoder may propose badly, and the bound is then far
    too low whatever S. x is the example's own fixed draw of binarisation or dequantisation, by its index in `raw`: the
    array that `evaluate` and `fix` use.

    Args:
        model: a model whose p(x|z) and q(z|x) have densities.
        raw: raw examples `[N, *data]`.
        sample_size: S >= 1.
        seed: of the draws of z.

    Returns:
        `[N]` in nats, to be called what `model.unit` says.

    Raises:
        ValueError: `sample_size` is below 1, there are no examples or bad ones, or the model has no likelihood.
    """
    examples = model.as_examples(raw)
    check_some("raw", examples)
    model.require("likelihood")
    model.preprocess.check(examples, whole=False)
    return likelihood_estimate(model, model.preprocess(examples, Noise(EVALUATION_SEED)), sample_size, seed).bound


def likelihood_estimate(
    model: UnsupervisedModel, x: Any, sample_size: int = 500, seed: int = 0, repeats: int = 1
) -> LikelihoodEstimate:
    """Brackets log p(x) of each example by S importance weights; see `LikelihoodEstimate`.

    The weights are streamed in blocks of fixed noise: memory does not grow with S, and the result depends neither on
    the size of the parts nor on the device. Sums are kept in float64. Of a model made under a strategy each device of
    each worker takes its share of the examples, in blocks of 100; all workers have to call this, and get all figures.

    Args:
        model: a model whose p(x|z) and q(z|x) have densities.
        x: preprocessed examples `[N, *data]`, such as `fix(raw, model.preprocess).x`.
        sample_size: S >= 1.
        seed: of the draws of z.
        repeats: number R of estimates, each of S other draws, that are averaged; errors fall as 1 / sqrt(R).

    Raises:
        ValueError: a number is below 1, there are no examples, or the model has no likelihood.
        FloatingPointError: weights are NaN, for example because the model's parameters are.

    Source: Burda et al. 2015, arXiv:1509.00519; jackknife with groups: Busing, Meijer and van der Leeden 1999,
    Statistics and Computing 9; its use on this bound: Nowozin 2018 (ICLR), "Debiasing evidence approximations".
    """
    sample_size, repeats = integers_at_least(1, sample_size=sample_size, repeats=repeats)
    seed = seed_of_draws(seed)
    model.require("likelihood")
    x = _examples(x)
    if x.shape[1:] != tuple(model.data_shape):
        raise ValueError(f"`x` must be examples of shape {tuple(model.data_shape)}; received {x.shape[1:]}.")
    model.traced(x[:1], Noise(EVALUATION_SEED))  # an error in one of TensorFlow's loops would spoil what it does next
    compile = worth_compiling(len(x), sample_size * repeats)
    strategy, found = model.distribute_strategy, np.zeros((len(_Figures._fields), len(x)))
    for own in shares(strategy, len(x), ROWS):
        several = [
            _folded(streamed(model, x[own], sample_size, seed, own.start, repeat * sample_size, compile), sample_size)
            for repeat in range(repeats)
        ]
        found[:, own] = _average(several)
        if not np.isfinite(found[0, own]).all():
            break  # not with an error yet: the other workers hear of it by this one's figures
    figures = _Figures(*gathered(strategy, found))
    bad = np.flatnonzero(~np.isfinite(figures.bound))
    if len(bad):
        raise FloatingPointError(
            f"The importance weights of example number {bad[0]} are not finite: "
            "a network's output is not, or is too large."
        )
    return LikelihoodEstimate(*figures, sample_size, repeats)


def simulated_bracket(model: VAE, n: int = 1000, sample_size: int = 500, seed: int = 0) -> Bracket:
    """Encloses log p(x) of data that the model makes itself, where the z behind each x is known.

    The gap between the two is the most that L_S can be too low on such data, on average; it says nothing of data
    unlike them.

    Args:
        model: a model whose p(x|z) and q(z|x) have densities.
        n: number N of draws of (z, x) from the model.
        sample_size: S >= 2.
        seed: of the draws.

    Raises:
        ValueError: a number is too small, or the model has no likelihood.
        NotImplementedError: the model's `trace_of` cannot be given latents.

    Source: Grosse, Ghahramani and Adams 2015, arXiv:1511.02543; here with importance sampling in place of annealing.
    """
    n, sample_size, seed = integer("n", n, 1), integer("sample_size", sample_size, 2), seed_of_draws(seed)
    model.require("likelihood")
    if "z" not in inspect.signature(model.trace_of).parameters:
        name = type(model).__name__
        raise NotImplementedError(
            f"The simulated bracket takes a `trace_of` that can be given latents, `z`; `{name}` has none."
        )
    z, x = model.sample(n, seed=seed)
    traces = (
        model.trace_of(x[start : start + ROWS], Noise(seed), z=z[tf.newaxis, start : start + ROWS])
        for start in range(0, n, ROWS)
    )
    of_known_z = np.concatenate([np.asarray(log_weights(trace), np.float64)[0] for trace in traces])
    compile = worth_compiling(n, sample_size)
    strategy, others = model.distribute_strategy, np.zeros(n)
    for own in shares(strategy, n, ROWS):
        stream = streamed(model, x[own], sample_size - 1, seed, own.start, compile=compile)
        others[own] = special.logsumexp([special.logsumexp(np.float64(part), axis=0) for part in stream], axis=0)
    others = gathered(strategy, others)
    return Bracket(others - math.log(sample_size - 1), np.logaddexp(others, of_known_z) - math.log(sample_size))


class _Figures(NamedTuple):
    """The arrays of a `LikelihoodEstimate`."""

    bound: np.ndarray
    corrected: np.ndarray
    standard_error: np.ndarray
    elbo: np.ndarray
    effective_sample_size: np.ndarray
    pareto_shape: np.ndarray


def _folded(stream: Iterator[np.ndarray], sample_size: int) -> _Figures:
    """What S log-weights for each of some examples say, of which a part is seen at a time."""
    done, sums, squares, total = 0, np.array(-np.inf), np.array(-np.inf), np.array(0.0)
    largest: list[np.ndarray] = []
    for part in stream:
        log_w = np.float64(part)
        with np.errstate(invalid="ignore"):  # NaN goes through, and is named by the caller
            sums = np.logaddexp(sums, _by_group(log_w, done))
            squares = np.logaddexp(squares, special.logsumexp(2 * log_w, axis=0))
        total = total + np.sum(log_w, axis=0)
        largest = [_largest(np.concatenate([*largest, log_w]), tail_size(sample_size) + 1)]
        done += len(log_w)
    log_sum = special.logsumexp(sums, axis=0)
    return _Figures(
        log_sum - math.log(sample_size),
        *_jackknife(sums[:sample_size], log_sum, sample_size),
        total / sample_size,
        np.exp(2 * log_sum - squares),
        pareto_shape(largest[0]),
    )


def _by_group(log_w: np.ndarray, first_sample: int) -> np.ndarray:
    """`[s, B]` -> `[_GROUPS, B]`: log of the sum of the weights of each group; sample s is in group s mod _GROUPS."""
    before = first_sample % _GROUPS
    after = -(before + len(log_w)) % _GROUPS
    padded = np.pad(log_w, ((before, after), (0, 0)), constant_values=-np.inf)
    return special.logsumexp(padded.reshape(-1, _GROUPS, log_w.shape[1]), axis=0)


def _jackknife(sums: np.ndarray, log_sum: np.ndarray, sample_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The estimate of log E(w) and the standard error of log of the mean weight, by leaving out a group at a time.

    Args:
        sums: `[G, B]`, log of the sum of each group's weights.
        log_sum: `[B]`, that of all weights.
        sample_size: how many weights there are; groups may differ by one.
    """
    groups = len(sums)
    if groups < 2:
        return log_sum - math.log(sample_size), np.full(log_sum.shape, np.nan)
    sizes = np.array([len(range(group, sample_size, groups)) for group in range(groups)])[:, np.newaxis]
    without = np.stack([special.logsumexp(np.delete(sums, group, axis=0), axis=0) for group in range(groups)])
    without = without - np.log(sample_size - sizes)
    whole, times = log_sum - math.log(sample_size), sample_size / sizes
    estimate = groups * whole - np.sum((1 - sizes / sample_size) * without, axis=0)
    pseudo = times * whole - (times - 1) * without
    variance = np.mean((pseudo - estimate) ** 2 / (times - 1), axis=0)
    return estimate, np.sqrt(variance)


def _largest(log_w: np.ndarray, count: int) -> np.ndarray:
    """The `count` largest along the first axis, or all where there are no more."""
    return log_w if len(log_w) <= count else np.partition(log_w, len(log_w) - count, axis=0)[-count:]


def _average(estimates: list[_Figures]) -> _Figures:
    """Of repeats, whose errors are independent; the Pareto shape of the worst one."""
    if len(estimates) == 1:
        return estimates[0]
    means = _Figures(*(np.mean(arrays, axis=0) for arrays in zip(*estimates, strict=True)))
    errors = [each.standard_error for each in estimates]
    return means._replace(
        standard_error=np.sqrt(np.sum(np.square(errors), axis=0)) / len(estimates),
        pareto_shape=np.max([each.pareto_shape for each in estimates], axis=0),
    )


def _examples(x: Any) -> np.ndarray:
    x = np.asarray(x)
    check_some("x", x)
    return x
