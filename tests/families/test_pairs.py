"""log p of every x under every z, by products of matrices, against the distributions' own `log_prob`."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.families import Bernoulli, ContinuousBernoulli, DiscretizedLogistic, Normal
from tfvae.families.pairs import log_prob_of_pairs

SHAPE, RNG = (4, 3, 1), np.random.default_rng(0)
SIZE = 12


def of_normal(scale, dtype):
    location = RNG.normal(size=(5, 1, *SHAPE))
    raw = {"pixel": (5, 1, *SHAPE), "image": (5, 1, 1), "shared": (1,)}[scale]
    return Normal(SHAPE, scale, min_scale=1e-3).distribution(
        tf.constant(location, dtype), tf.constant(RNG.normal(size=raw) - 3, dtype)
    )


def cases(dtype):
    logits = tf.constant(4 * RNG.normal(size=(5, 1, *SHAPE)), dtype)
    location = tf.constant(RNG.uniform(size=(5, 1, *SHAPE)), dtype)
    grey, bits = RNG.uniform(size=(7, *SHAPE)), RNG.integers(0, 2, (7, *SHAPE))
    return {
        "bernoulli": (Bernoulli(SHAPE).distribution(logits), bits),
        "continuous": (ContinuousBernoulli(SHAPE).distribution(logits), grey),
        "levels": (DiscretizedLogistic(SHAPE, 0.1).distribution(location), np.round(255 * grey)),
        **{f"normal-{scale}": (of_normal(scale, dtype), grey) for scale in ("pixel", "image", "shared")},
    }


@pytest.mark.parametrize("name", cases(tf.float64))
@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float64, 1e-12), (tf.float32, 1e-5)], ids=["float64", "float32"])
def test_it_is_log_prob_of_each_pair(name, dtype, tolerance):
    likelihood, x = cases(dtype)[name]
    x = tf.constant(x, dtype)
    found = log_prob_of_pairs(likelihood, x)
    assert (found.shape, found.dtype) == ((5, 7), dtype)
    np.testing.assert_allclose(found, likelihood.log_prob(x), rtol=tolerance, atol=SIZE * tolerance)


def test_narrow_normals_lose_nothing_to_cancellation():
    """Terms of 12 * 256^2 cancel to about ten."""
    x = tf.constant(RNG.uniform(size=(3, *SHAPE)), tf.float32)
    likelihood = Normal(SHAPE, 1 / 256).distribution(x[:, tf.newaxis] + 0.001)
    found = np.diag(log_prob_of_pairs(likelihood, x))
    np.testing.assert_allclose(found, np.diag(likelihood.log_prob(x)), rtol=1e-5)
