"""How much a likelihood hangs on the one draw of binarisation or dequantisation that was scored."""

from __future__ import annotations

import numpy as np

from tfvae._support.checks import integer
from tfvae.evaluation.fixed import fix
from tfvae.likelihood.estimate import likelihood_estimate
from tfvae.models import VAE

_DRAWS = 3  # of x
_SAMPLES = 100  # of z for each, at most


def draw_error(model: VAE, raw: np.ndarray, sample_size: int = 500, seed: int = 0) -> float | None:
    """Standard error of the average L_S from the draw of x: what another one of the same examples would change.

        1/N sqrt(sum_n Var_x(L_S(x_n)))

    An estimate from three draws of x and at most 100 of z for each: the variance of each example's bound, less what is
    due to the draws of z.

    Args:
        model: a model whose p(x|z) and q(z|x) have densities.
        raw: raw examples `[N, *data]`.
        sample_size: S >= 1.
        seed: of the draws of z.

    Returns:
        In nats; exactly 0 where x is no draw. None where it cannot be told from the draws of z: with one sample, or
        where all of the variance may be theirs.

    Raises:
        ValueError: as for `likelihood_estimate` and `fix`.
    """
    sample_size, seed = integer("sample_size", sample_size, 1), integer("seed", seed)
    arrays = [fix(raw, model.preprocess, draw).x for draw in range(_DRAWS)]
    if all(np.array_equal(arrays[0], other) for other in arrays[1:]):
        return 0.0
    if sample_size < 2 and not model.exact_likelihood:
        return None
    samples = min(sample_size, _SAMPLES)
    estimates = [likelihood_estimate(model, x, samples, seed + draw) for draw, x in enumerate(arrays)]
    total = np.var([each.bound for each in estimates], axis=0, ddof=1)
    of_z = 0.0 if model.exact_likelihood else np.mean([each.standard_error**2 for each in estimates], axis=0)
    rest = np.sum(total - of_z)
    return float(np.sqrt(rest) / len(total)) if rest > 0 else None
