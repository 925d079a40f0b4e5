"""The bracket around log p(x), its errors and its warnings: calibrated on models whose evidence is known."""

import numpy as np
import pytest

from linear_gaussian import linear_vae
from oracles import LinearGaussian, log_mean_exp
from tfvae.evaluation import likelihood_estimate, simulated_bracket
from tfvae.likelihood import estimate as likelihood
from tfvae.likelihood import log_weights as log_weights_module
from tfvae.noise import Noise
from tfvae.objectives import log_weights

pytestmark = pytest.mark.usefixtures("float64")
SYSTEM = LinearGaussian.random(data=4, latent=2, orthogonal=True)
EXACT = SYSTEM.posterior()
WIDE = EXACT._replace(covariance=1.3**2 * EXACT.covariance)  # finite second moment of the weights
NARROW = EXACT._replace(covariance=0.25**2 * EXACT.covariance)  # infinite
X = SYSTEM.draw(8)
NOISE_ROUNDING = 1e-6  # of the float32 noise


def weights(model, x, sample_size, seed=0):
    return np.asarray(log_weights(model.trace_of(x, Noise(0, seed), sample_size)))


def expected_bound(x, posterior, sample_size, repeats, seed=0):
    """E L_S of each example by plain simulation in NumPy, and its standard error."""
    rng, scale = np.random.default_rng(seed), np.sqrt(np.diag(posterior.covariance))
    bounds = []
    for example, mean in zip(x, posterior.mean(x), strict=True):
        eps = rng.normal(size=(sample_size, repeats, len(scale)))
        z = mean + scale * eps
        error = (example - z @ SYSTEM.weights.T - SYSTEM.bias) / SYSTEM.sigma
        constant = len(example) * np.log(2 * np.pi * SYSTEM.sigma**2) - 2 * np.sum(np.log(scale))
        log_w = -0.5 * (np.sum(error**2, -1) + np.sum(z**2, -1) - np.sum(eps**2, -1) + constant)
        bounds.append(log_mean_exp(log_w))
    return np.mean(bounds, axis=1), np.std(bounds, axis=1) / np.sqrt(repeats)


@pytest.fixture(scope="module")
def over_seeds():
    """Estimates of the average L_100 of eight examples and their Monte Carlo errors, with 1,000 seeds."""
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")  # a fixture of this scope comes before `float64`
    keras.config.set_dtype_policy("float64")
    model = linear_vae(SYSTEM, WIDE)
    estimates = [likelihood_estimate(model, X, 100, seed) for seed in range(1000)]
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])
    return np.array([each.mean for each in estimates]), np.array([each.monte_carlo_error for each in estimates])


@pytest.mark.slow
@pytest.mark.parametrize(("width", "fewest", "most"), [(1.95996, 929, 971), (0.99446, 636, 724)])
def test_an_interval_of_95_or_68_percent_holds_the_bound_as_often_as_it_says(over_seeds, width, fewest, most):
    found, errors = over_seeds
    truth, uncertainty = expected_bound(X, WIDE, 100, 20_000)
    assert np.sqrt(np.sum(uncertainty**2)) / len(X) < 0.02 * np.mean(errors)
    assert fewest <= np.sum(np.abs(found - truth.mean()) < width * errors) <= most


@pytest.mark.slow
def test_the_error_falls_with_the_square_root_of_the_repeats():
    model = linear_vae(SYSTEM, WIDE)
    errors = [likelihood_estimate(model, X, 100, repeats=repeats).monte_carlo_error for repeats in (1, 4, 16)]
    np.testing.assert_allclose(errors[0] / np.array(errors), [1, 2, 4], rtol=0.1)


def test_repeats_are_estimates_with_other_draws():
    model = linear_vae(SYSTEM, WIDE)
    log_w = weights(model, X, 90)
    found = likelihood_estimate(model, X, 30, repeats=3)
    expected = np.mean([log_mean_exp(part) for part in np.split(log_w, 3)], axis=0)
    np.testing.assert_allclose(found.bound, expected, rtol=NOISE_ROUNDING)


def test_the_evidence_is_in_the_bracket():
    x = SYSTEM.draw(3000)
    evidence = SYSTEM.log_evidence(x).mean()
    found = likelihood_estimate(linear_vae(SYSTEM, WIDE), x, 5)
    error = np.std(found.corrected - SYSTEM.log_evidence(x)) / np.sqrt(len(x))
    assert found.mean + 4 * found.monte_carlo_error < evidence  # the bias shows at this S
    assert error < found.mean_correction / 5
    assert abs(np.mean(found.corrected) - evidence) < 4 * error


@pytest.mark.slow
def test_on_data_of_the_model_two_bounds_enclose_the_evidence():
    model = linear_vae(SYSTEM, WIDE)
    lower, upper = simulated_bracket(model, n=6000, sample_size=3)
    _, x = model.sample(6000)
    evidence = SYSTEM.log_evidence(np.asarray(x))
    for bound, sign in ((lower, 1), (upper, -1)):
        gap = sign * (evidence - bound)
        error = np.std(gap) / np.sqrt(len(gap))
        assert gap.mean() > 4 * error
    assert np.mean(upper - lower) < 0.2


def test_with_the_exact_posterior_everything_is_the_evidence():
    model = linear_vae(SYSTEM)
    found = likelihood_estimate(model, X, 120)
    for figure in (found.bound, found.corrected, found.elbo):
        np.testing.assert_allclose(figure, SYSTEM.log_evidence(X), rtol=1e-12)
    np.testing.assert_allclose(found.effective_sample_size, 120, rtol=1e-10)
    np.testing.assert_allclose(found.standard_error, 0, atol=1e-11)
    lower, upper = simulated_bracket(model, 150, 7, seed=2)
    np.testing.assert_allclose(lower, upper, rtol=1e-11)


@pytest.mark.parametrize("sample_size", [1, 2, 3, 49, 50, 51, 130])
def test_every_figure_is_its_formula(sample_size):
    model = linear_vae(SYSTEM, WIDE)
    log_w = weights(model, X, sample_size)
    found = likelihood_estimate(model, X, sample_size)
    assert found.bound.dtype == np.float64
    np.testing.assert_allclose(found.bound, log_mean_exp(log_w), rtol=NOISE_ROUNDING)
    np.testing.assert_allclose(found.elbo, log_w.mean(axis=0), rtol=NOISE_ROUNDING)
    w = np.exp(log_w)
    np.testing.assert_allclose(found.effective_sample_size, w.sum(0) ** 2 / (w**2).sum(0), rtol=1e-5)
    if sample_size == 1:
        assert np.isnan(found.standard_error).all()
    if 1 < sample_size <= 50:  # groups of one: the textbook's jackknife
        whole = log_mean_exp(log_w)
        without = np.stack([log_mean_exp(np.delete(log_w, s, axis=0)) for s in range(sample_size)])
        pseudo = sample_size * whole - (sample_size - 1) * without
        np.testing.assert_allclose(found.corrected, pseudo.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(found.standard_error, pseudo.std(axis=0, ddof=1) / np.sqrt(sample_size), rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "block"), [(1, 10), (3, 7), (5, 100)])
def test_no_figure_depends_on_the_parts(monkeypatch, rows, block):
    model = linear_vae(SYSTEM, WIDE)
    expected = likelihood_estimate(model, X, 120, repeats=2)
    monkeypatch.setattr(log_weights_module, "_BLOCKS", 3)  # so that one program does not make all samples
    monkeypatch.setattr(log_weights_module, "ROWS", rows)
    monkeypatch.setattr(log_weights_module, "BLOCK", block)
    monkeypatch.setattr(likelihood, "ROWS", rows)
    found = likelihood_estimate(model, X, 120, repeats=2)
    for name in ("bound", "corrected", "elbo"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(found.effective_sample_size, expected.effective_sample_size, rtol=1e-4)
    np.testing.assert_allclose(found.standard_error, expected.standard_error, rtol=1e-3)
    np.testing.assert_allclose(found.pareto_shape, expected.pareto_shape, rtol=0, atol=1e-3)


def test_a_narrow_posterior_is_named():
    fine = likelihood_estimate(linear_vae(SYSTEM, WIDE), X, 1000)
    poor = likelihood_estimate(linear_vae(SYSTEM, NARROW), X, 1000)
    assert len(fine.unreliable) == 0
    assert len(poor.unreliable) > len(X) / 2
    shapes = poor.pareto_shape[poor.unreliable]
    assert np.all(np.diff(shapes) <= 0)  # the worst first
    assert np.mean(poor.effective_sample_size) < 0.1 * np.mean(fine.effective_sample_size)


def test_errors_of_two_kinds():
    found = likelihood_estimate(linear_vae(SYSTEM, WIDE), X, 100)
    np.testing.assert_allclose(found.sampling_error, np.std(found.bound, ddof=1) / np.sqrt(8))
    np.testing.assert_allclose(found.monte_carlo_error, np.sqrt(np.sum(found.standard_error**2)) / 8)
    assert found.monte_carlo_error < 0.1 * found.sampling_error


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ((0,), "`sample_size` must be at least 1"),
        ((5, 0, 0), "`repeats` must be at least 1"),
        ((2.5,), "`sample_size` must be an integer"),
    ],
)
def test_numbers_below_one_are_refused(arguments, wrong):
    with pytest.raises(ValueError, match=rf"^{wrong}; received {arguments[-1]}\.$"):
        likelihood_estimate(linear_vae(SYSTEM), X, *arguments)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="at least one example"):
        likelihood_estimate(linear_vae(SYSTEM), X[:0], 5)


def test_weights_that_are_nan_are_named():
    model = linear_vae(SYSTEM)
    variable = model.decoder.trainable_variables[0]
    variable.assign(np.full(variable.shape, np.nan))
    with pytest.raises(FloatingPointError, match="are not finite: a network's output is not, or is too large"):
        likelihood_estimate(model, X, 5)


def test_examples_of_another_shape_are_named():
    with pytest.raises(ValueError, match=r"^`x` must be examples of shape \(\d+,\); received \(1,\)\.$"):
        likelihood_estimate(linear_vae(SYSTEM), X[:, :1], 5)


def test_numpy_integers_are_integers():
    found = likelihood_estimate(linear_vae(SYSTEM), X, np.int64(5))
    np.testing.assert_array_equal(found.bound, likelihood_estimate(linear_vae(SYSTEM), X, 5).bound)


def test_too_few_samples_for_a_bracket_are_refused():
    with pytest.raises(ValueError, match=r"^`sample_size` must be at least 2; received 1\.$"):
        simulated_bracket(linear_vae(SYSTEM), sample_size=1)
