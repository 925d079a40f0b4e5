"""Averages over draws from the prior: unbiased on the scale of p(x), and hopeless where the posterior is narrow."""

import numpy as np
import pytest

from linear_gaussian import linear_vae
from oracles import LinearGaussian, log_mean_exp, normal_log_density
from tfvae.evaluation import NaiveEstimate, naive, naive_estimate
from tfvae.noise import Noise

pytestmark = pytest.mark.usefixtures("float64")
SYSTEM = LinearGaussian.random(data=3, latent=1, orthogonal=True)
X = SYSTEM.draw(5)


def scores(model, draws, seed=0):
    """log p(x|z) of prior draws in NumPy, [L, N]."""
    z = np.asarray(model.prior.draw(model.encoder, Noise(0, seed), draws))
    means = z @ SYSTEM.weights.T + SYSTEM.bias
    return normal_log_density(X, means[:, np.newaxis], SYSTEM.sigma).sum(axis=-1)


@pytest.mark.parametrize("part", [1, 4, 64])
def test_it_is_the_average_over_the_first_draws(monkeypatch, part):
    monkeypatch.setattr(naive, "_DRAWS", part)
    model = linear_vae(SYSTEM)
    found, expected = naive_estimate(model, X, 32, seed=3), scores(model, 32, seed=3)
    np.testing.assert_array_equal(found.draws, [1, 2, 4, 8, 16, 32])
    for count, log_p in zip(found.draws, found.log_p, strict=True):
        np.testing.assert_allclose(log_p, log_mean_exp(expected[:count]).mean(), rtol=1e-6)
    np.testing.assert_allclose(found.by_example, log_mean_exp(expected), rtol=1e-6)


def test_it_comes_to_the_evidence():
    system = LinearGaussian.random(data=3, latent=1, sigma=0.05, orthogonal=True)
    x = system.draw(5)
    evidence, found = system.log_evidence(x), naive_estimate(linear_vae(system), x, 2**15)
    np.testing.assert_allclose(found.by_example, evidence, atol=0.2)
    within = found.draws_within_a_nat(evidence.mean())
    assert 4 < within < 2**12
    index = list(found.draws).index(within)
    close = np.abs(found.log_p - evidence.mean()) <= 1
    assert np.all(close[index:])
    assert not close[index - 1]


def test_a_lower_bound_that_it_exceeds_is_reached():
    found = NaiveEstimate(np.array([1, 2, 4, 8]), np.array([-9.0, -3.4, -3.6, 2.0]), np.zeros(1))
    assert found.draws_within_a_nat(-2.5) == 8
    assert found.draws_within_a_nat(-2.6) == 2


def test_where_the_posterior_is_narrow_no_number_of_draws_helps():
    system = LinearGaussian.random(data=40, latent=10, sigma=0.05, orthogonal=True)
    x = system.draw(3)
    found = naive_estimate(linear_vae(system), x, 2**10)
    assert np.all(found.by_example < system.log_evidence(x) - 100)
    assert found.draws_within_a_nat(system.log_evidence(x).mean()) is None


def test_the_number_of_draws_is_rounded_down_to_a_power_of_two():
    np.testing.assert_array_equal(naive_estimate(linear_vae(SYSTEM), X, 7).draws, [1, 2, 4])


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match=r"^`most_draws` must be at least 1; received 0\.$"):
        naive_estimate(linear_vae(SYSTEM), X, 0)
