"""The aggregate posterior q(z) = 1/N sum_n q(z|x_n): what z tells about x, and how far q(z) is from the prior."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation.encoding import check_examples, encode
from tfvae.evaluation.marginals import TooNarrow, marginal_kl
from tfvae.evaluation.pairwise import is_diagonal_normal, log_sum_densities
from tfvae.models import VAE
from tfvae.noise import EVALUATION_SEED, Noise

SATURATED = 0.1
"""Nats below log N from which on the mutual information says nothing but that it is large."""


class AggregatePosterior(NamedTuple):
    """What `aggregate_posterior` finds, in nats. rate = mutual_information + kl, to rounding.

    Attributes:
        mutual_information: of z and the index of the example, at most `ceiling`.
        mutual_information_error: its standard error.
        ceiling: log N.
        kl: KL(q(z) || p(z)).
        kl_error: its standard error.
        rate: average over the examples of KL(q(z|x) || p(z)), from the same draws as the two above.
        marginal_kl: KL(q(z_d) || p(z_d)), `[D]`, or None.
        no_marginals: a sentence that says why `marginal_kl` is None, otherwise None.
        n: number N of examples.
    """

    mutual_information: float
    mutual_information_error: float
    ceiling: float
    kl: float
    kl_error: float
    rate: float
    marginal_kl: np.ndarray | None
    no_marginals: str | None
    n: int

    @property
    def saturated(self) -> bool:
        """Whether the mutual information is within 0.1 nats of log N: with more examples it would be higher."""
        return self.mutual_information > self.ceiling - SATURATED


def aggregate_posterior(
    model: VAE, x: np.ndarray, batch_size: int = 500, seed: int = EVALUATION_SEED
) -> AggregatePosterior:
    """The information that z has about x, and how far q(z) = 1/N sum_m q(z|x_m) is from the prior.

        mutual information = 1/N sum_n log q(z_n|x_n) - log q(z_n),   z_n ~ q(z|x_n), one draw for each example
        KL(q(z) || p(z))   = 1/N sum_n log q(z_n) - log p(z_n)

    Their sum is the rate of the same draws (Hoffman and Johnson 2016). For these N examples, taken to be all that there
    are, both are unbiased estimates; the standard errors, from the spread over the examples, are a little too large.
    Each summand of the first is at most log N, because q(z_n) >= q(z_n|x_n)/N. For the distribution that the examples
    were drawn from, the mutual information is therefore a lower bound in expectation (Poole et al. 2019: their bound of
    many samples, with the conditional known) and the KL divergence an upper bound; both are loose where the rate is
    near log N or above.

    The KL divergences of the marginals are exact for these N examples, to 1e-6 nats. Their sum is at most KL(q(z) ||
    p(z)) where the prior is of independent elements; the rest is the dependence between the dimensions.

    The result does not depend on the batch size, to rounding. Time and the number of pairs grow with N^2.

    Args:
        model: a VAE whose posterior has a density.
        x: preprocessed examples `[N, *data]`, such as `fix(raw, model.preprocess).x`.
        batch_size: examples at a time.
        seed: of the draws of z; with 0 they are those of `evaluate`.

    Raises:
        ValueError: there are no examples, `batch_size` is below 1, or the posterior is a point or missing.
        NotImplementedError: the posterior is a flow, or the model has several levels.

    Source: Hoffman and Johnson 2016, "ELBO surgery", NIPS workshop; Poole et al. 2019, arXiv:1905.06922.
    """
    check_examples(x, batch_size)
    model.require("latents")
    if model.levels > 1:
        raise NotImplementedError(
            f"The aggregate posterior is of one group of latents; this model has {model.levels} levels, of which q of "
            "one depends on draws of another."
        )
    if not hasattr(model, "encoder"):
        raise NotImplementedError(f"The aggregate posterior takes an `encoder`; `{type(model).__name__}` has none.")
    if model.encoder.family.layers:
        raise NotImplementedError(
            "The density of each example's posterior at every other one's draw takes a pass for each dimension of "
            "each pair where the posterior is an inverse autoregressive flow: too many."
        )
    prior = model.prior.distribution(model.encoder)
    z, log_q_x = _draws(model, x, batch_size, seed)
    log_p = np.asarray(prior.log_prob(z), np.float64)
    log_q = _log_aggregate(model, x, batch_size, z)
    information, information_error = _mean(log_q_x - log_q)
    kl, kl_error = _mean(log_q - log_p)
    marginals, no_marginals = _marginals(model, prior, x, batch_size)
    return AggregatePosterior(
        mutual_information=information,
        mutual_information_error=information_error,
        ceiling=math.log(len(x)),
        kl=kl,
        kl_error=kl_error,
        rate=float(np.mean(log_q_x - log_p)),
        marginal_kl=marginals,
        no_marginals=no_marginals,
        n=len(x),
    )


def _draws(model: VAE, x: np.ndarray, batch_size: int, seed: int) -> tuple[tf.Tensor, np.ndarray]:
    """One z_n ~ q(z|x_n) for each example, and log q(z_n|x_n)."""
    z, log_q_x = [], []
    for start in range(0, len(x), batch_size):
        posterior = model.posterior(x[start : start + batch_size])
        draws = model.encoder.family.draw(posterior, Noise(seed, 0, start), "posterior", sample_size=1)
        z.append(draws[0])
        log_q_x.append(posterior.log_prob(draws)[0])
    return tf.concat(z, axis=0), np.asarray(tf.concat(log_q_x, axis=0), np.float64)


def _log_aggregate(model: VAE, x: np.ndarray, batch_size: int, z: tf.Tensor) -> np.ndarray:
    """log q(z_n), `[N]`. The encoder runs once more, so that no more than one batch of posteriors is held."""
    total = np.full(len(z), -np.inf)
    for start in range(0, len(x), batch_size):
        posterior = model.posterior(x[start : start + batch_size])
        total = np.logaddexp(total, log_sum_densities(posterior, z).numpy())
    return total - math.log(len(x))


def _mean(values: np.ndarray) -> tuple[float, float]:
    """And its standard error; not a number for one value."""
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return float(np.mean(values)), float(error)


def _marginals(
    model: VAE, prior: tfp.distributions.Distribution, x: np.ndarray, batch_size: int
) -> tuple[np.ndarray | None, str | None]:
    posterior = model.posterior(x[:1])
    if not is_diagonal_normal(posterior):
        return None, f"Marginals need posteriors of independent normal elements; these are {type(posterior).__name__}."
    if not isinstance(prior, tfp.distributions.Independent) or prior.distribution.event_shape.rank != 0:
        return None, f"Marginals need a prior of independent elements; this one is {type(prior).__name__}."
    try:
        mean, stddev = encode(model, x, batch_size)
        assert stddev is not None  # they have a q(z|x)
        return marginal_kl(mean, stddev, prior), None
    except TooNarrow:
        return None, "Some posteriors are too narrow for quadrature."
