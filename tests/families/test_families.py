"""Every family is the distribution that it is called, over whole examples, and its draws are that distribution's."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from making import called, largest, made, parameters, scored_x
from oracles import continuous_bernoulli_log_density, logistic_level_log_probability, normal_log_density
from tfvae.families import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Delta,
    DiscretizedLogistic,
    FullNormal,
    Normal,
)
from tfvae.noise import Noise

SCALES = ["pixel", "image", "shared", 0.7]
DENSITIES = [*(Normal((2, 3, 1), scale) for scale in SCALES), Normal((4,), min_scale=0.1), FullNormal((3,))]
LOGISTICS = [DiscretizedLogistic((2, 3, 1), scale) for scale in SCALES]
WITH_LOG_PROB = [
    *DENSITIES,
    Bernoulli((2, 3, 1)),
    ContinuousBernoulli((2, 3, 1)),
    *LOGISTICS,
    Categorical((2, 3, 1), levels=5),
]
ALL = [*WITH_LOG_PROB, Delta((2, 3))]


ONE_PARAMETER = [Bernoulli, ContinuousBernoulli, Categorical, Delta]

every_family = pytest.mark.parametrize("family", ALL, ids=called)
every_log_prob = pytest.mark.parametrize("family", WITH_LOG_PROB, ids=called)


def scale_of(family, values):
    """The scale in NumPy, with axes that broadcast to [..., *event]."""
    if "raw_scale" not in values:
        return family.scale
    scale = family.min_scale + np.logaddexp(0, values["raw_scale"].astype(np.float64))
    return scale.reshape(*scale.shape[:-1], 1, 1, 1) if family.scale == "image" else scale


def scale_tril(family, values):
    """The matrix L of FullNormal by TFP's order of a triangle's entries, diagonal made positive."""
    raw = np.asarray(tfp.math.fill_triangular(values["raw_scale_tril"].astype(np.float64)))
    diagonal = np.diagonal(raw, axis1=-2, axis2=-1)
    positive = family.min_scale + np.logaddexp(0, diagonal)
    return raw + np.eye(family.event_size) * (positive - diagonal)[..., np.newaxis]


def closed_form(family, values, x):
    """log p(x), [S, B, *event] -> [S, B], in NumPy and float64."""
    values = {name: value.astype(np.float64) for name, value in values.items()}
    event = tuple(range(2, x.ndim))
    if isinstance(family, Bernoulli):
        p = special.expit(values["logits"])
        return np.sum(special.xlogy(x, p) + special.xlogy(1 - x, 1 - p), axis=event)
    if isinstance(family, ContinuousBernoulli):
        return np.sum(continuous_bernoulli_log_density(x, values["logits"]), axis=event)
    if isinstance(family, Categorical):
        log_p = values["logits"] - special.logsumexp(values["logits"], axis=-1, keepdims=True)
        return np.sum(np.take_along_axis(log_p, x.astype(int)[..., np.newaxis], axis=-1)[..., 0], axis=event)
    if isinstance(family, DiscretizedLogistic):
        location, scale = 255 * values["location"], 255 * scale_of(family, values)
        return np.sum(logistic_level_log_probability(x, location, scale), axis=event)
    if isinstance(family, FullNormal):
        factor = scale_tril(family, values)
        one = [stats.multivariate_normal.logpdf(x[i], m, f @ f.T) for i, (m, f) in flat(values["location"], factor)]
        return np.reshape(one, x.shape[:2])
    return np.sum(normal_log_density(x, values["location"], scale_of(family, values)), axis=event)


def flat(location, factor):
    return [((s, b), (location[s, b], factor[s, b])) for s, b in np.ndindex(*location.shape[:2])]


@every_log_prob
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_log_prob_is_the_closed_form_of_whole_examples(family, dtype, rtol):
    values = parameters(family, 2, 5, dtype=dtype)
    x = scored_x(family, 2, 5, *family.event_shape, dtype=dtype)
    log_prob = made(family, values).log_prob(x)
    assert (log_prob.shape, log_prob.dtype) == ((2, 5), dtype)
    np.testing.assert_allclose(log_prob, closed_form(family, values, x), rtol=rtol, atol=rtol)


def test_bernoulli_of_grey_values_is_the_cross_entropy():
    family, rng = Bernoulli((2, 2)), np.random.default_rng(0)
    values, x = parameters(family, 1, 3, dtype=np.float64), rng.uniform(size=(1, 3, 2, 2))
    np.testing.assert_allclose(made(family, values).log_prob(x), closed_form(family, values, x), rtol=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_normal_integrates_to_one(scale):
    family = Normal((1, 1, 1), scale)
    x = np.linspace(-20, 20, 20_001)
    log_prob = made(family, parameters(family, 1, dtype=np.float64)).log_prob(x.reshape(-1, 1, 1, 1))
    assert np.trapezoid(np.exp(log_prob), x) == pytest.approx(1, abs=1e-12)


def test_full_normal_integrates_to_one():
    family, (x, y) = FullNormal((2,)), np.meshgrid(np.linspace(-15, 15, 601), np.linspace(-15, 15, 601))
    density = np.exp(made(family, parameters(family, dtype=np.float64)).log_prob(np.stack([x, y], axis=-1)))
    assert np.sum(density) * 0.05**2 == pytest.approx(1, abs=1e-10)


def test_bernoulli_sums_to_one():
    family = Bernoulli((2, 2, 1))
    every_image = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4), axis=-1).reshape(16, 2, 2, 1)
    log_prob = made(family, parameters(family, dtype=np.float64)).log_prob(every_image)
    assert np.sum(np.exp(log_prob)) == pytest.approx(1, abs=1e-14)


@every_family
def test_draws_have_the_mean_and_the_covariance_of_the_distribution(family):
    size = 20_000
    one = {name: value.astype(np.float64) for name, value in parameters(family, 1).items()}
    distribution = made(family, one)
    rows = {n: v if family.parameters[n].per == "model" else np.repeat(v, size, axis=0) for n, v in one.items()}
    draws = family.draw(made(family, rows), Noise(0), "z").numpy().reshape(size, -1) / largest(family)
    mean = distribution.mean().numpy().ravel() / largest(family)
    if isinstance(family, FullNormal):
        covariance = distribution.covariance().numpy()[0]
    else:
        covariance = np.diag(distribution.variance().numpy().ravel()) / largest(family) ** 2
    error = np.sqrt(np.diag(covariance) / size)
    assert np.all(error < 0.02)
    assert np.all(np.abs(draws.mean(axis=0) - mean) <= 4 * error)
    # Standard error of a covariance: that of the products themselves.
    products = np.einsum("ni,nj->nij", draws - mean, draws - mean)
    error = products.std(axis=0) / np.sqrt(size)
    assert np.all(error < 0.06)
    assert np.all(np.abs(products.mean(axis=0) - covariance) <= 4 * error)


@pytest.mark.parametrize("family", [*DENSITIES[:-1], FullNormal((2,))], ids=called)
@pytest.mark.parametrize("raw", [-1e4, 0.0, 1e4])
def test_densities_and_their_gradients_are_finite_at_extreme_parameters(family, raw):
    values = [tf.constant(value) for value in parameters(family, 2, 1, fill=raw).values()]
    with tf.GradientTape() as tape:
        tape.watch(values)
        distribution = made(family, dict(zip(family.parameters, values, strict=True)))
        mean, scale = distribution.mean(), distribution.stddev()
        log_probs = [distribution.log_prob(x) for x in (mean * 0, mean * 0 + 1, mean - 5 * scale, mean + 5 * scale)]
        total = tf.add_n([tf.reduce_sum(each) for each in log_probs])
    assert np.all(np.isfinite(log_probs))
    assert all(np.all(np.isfinite(gradient)) for gradient in tape.gradient(total, values))
    assert np.all(np.isfinite(family.draw(made(family, parameters(family, 3, fill=raw)), Noise(0), "z")))


@pytest.mark.parametrize(("logit", "pixel"), [(-1e4, 0.0), (1e4, 1.0)])
def test_bernoulli_is_finite_and_certain_at_extreme_logits(logit, pixel):
    distribution = Bernoulli((3,)).distribution(logits=tf.fill([1000, 3], logit))
    assert distribution.log_prob(tf.fill([1000, 3], pixel)).numpy().max() == 0
    np.testing.assert_allclose(distribution.log_prob(tf.fill([1000, 3], 1 - pixel)), -3e4)
    np.testing.assert_array_equal(Bernoulli((3,)).draw(distribution, Noise(0), "x"), np.full((1000, 3), pixel))


@pytest.mark.parametrize("family", [*DENSITIES[:3], DENSITIES[4]], ids=called)
def test_a_learned_scale_keeps_above_its_floor(family):
    distribution = made(family, parameters(family, 2, fill=-1e4))
    np.testing.assert_array_equal(
        distribution.stddev(), np.full((2, *family.event_shape), family.min_scale, np.float32)
    )


def test_full_normal_keeps_its_diagonal_above_the_floor():
    family = FullNormal((2,), min_scale=0.25)
    distribution = family.distribution(tf.zeros([2]), tf.fill([3], -1e4))
    np.testing.assert_array_equal(tf.linalg.diag_part(distribution.scale.to_dense()), [0.25, 0.25])


@given(
    st.sampled_from([(Normal, scale) for scale in SCALES] + [(DiscretizedLogistic, scale) for scale in SCALES])
    | st.sampled_from([(make, None) for make in ONE_PARAMETER]),
    st.sampled_from([None, 1, 2, 4]),
    st.integers(1, 5),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
def test_draws_have_an_axis_of_samples_where_asked_and_one_of_examples(kind, sample_size, batch_size, event_shape):
    make, scale = kind
    if scale == "image" and len(event_shape) != 3:
        event_shape = (*event_shape, 1, 1)[:3]
    family = make(event_shape, scale) if scale else make(event_shape)
    distribution = made(family, parameters(family, batch_size))
    assert (distribution.batch_shape, distribution.event_shape) == ((batch_size,), tuple(event_shape))
    draw = family.draw(distribution, Noise(0), "z", sample_size)
    leading = (*([] if sample_size is None else [sample_size]), batch_size)
    assert (draw.shape, draw.dtype) == ((*leading, *event_shape), tf.float32)
    if not isinstance(family, Delta):
        log_prob = distribution.log_prob(draw)
        assert log_prob.shape == leading
        assert np.all(np.isfinite(log_prob))  # a draw is something that can be


@every_log_prob
def test_permuting_the_batch_permutes_the_terms(family):
    values, order = parameters(family, 6), [3, 0, 5, 1, 4, 2]
    permuted = {n: v if family.parameters[n].per == "model" else v[order] for n, v in values.items()}
    x = np.random.default_rng(1).integers(0, 2, size=(2, 6, *family.event_shape)).astype(np.float32)
    terms, permuted_terms = (made(family, v).log_prob(i) for v, i in ((values, x), (permuted, x[:, order])))
    np.testing.assert_allclose(permuted_terms, terms.numpy()[:, order], rtol=1e-6, atol=1e-6)


def test_normal_draws_are_mean_plus_stddev_times_the_noise_and_so_are_their_gradients():
    family, noise = Normal((3,)), Noise(1)
    epsilon = noise.normal("z", 4, (3,), 2).numpy().astype(np.float64)
    rng = np.random.default_rng(0)
    mean, stddev = (tf.constant(rng.uniform(0.1, 2, size=(4, 3))) for _ in range(2))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([mean, stddev])
        distribution = tfp.distributions.Independent(tfp.distributions.Normal(mean, stddev), 1)
        z = family.draw(distribution, noise, "z", sample_size=2)
    np.testing.assert_allclose(z, mean + stddev * epsilon, rtol=1e-14)
    np.testing.assert_array_equal(tape.gradient(z, mean), np.full((4, 3), 2.0))  # two samples, 1 each
    np.testing.assert_allclose(tape.gradient(z, stddev), epsilon.sum(axis=0), rtol=1e-14)


def test_full_normal_draws_are_mean_plus_factor_times_the_noise_and_so_are_their_gradients():
    family, noise = FullNormal((3,)), Noise(1)
    epsilon = noise.normal("z", 2, (3,)).numpy().astype(np.float64)
    values = parameters(family, 2, dtype=np.float64)
    factor = tf.constant(scale_tril(family, values))
    with tf.GradientTape() as tape:
        tape.watch(factor)
        z = family.draw(tfp.distributions.MultivariateNormalTriL(values["location"], factor), noise, "z")
    np.testing.assert_allclose(z, values["location"] + np.einsum("bij,bj->bi", factor, epsilon), rtol=1e-13)
    expected = np.tril(np.broadcast_to(epsilon[:, np.newaxis], (2, 3, 3)))  # dz_i / dL_ij = epsilon_j
    np.testing.assert_allclose(np.tril(tape.gradient(z, factor)), expected, rtol=1e-13)


def test_delta_has_all_its_mass_in_one_point():
    family, point = Delta((2, 3)), np.random.default_rng(0).normal(size=(4, 2, 3))
    distribution = family.distribution(location=point)
    np.testing.assert_array_equal(family.draw(distribution, Noise(0), "z", 2), [point, point])
    np.testing.assert_array_equal(distribution.log_prob(point), np.zeros(4))
    np.testing.assert_array_equal(distribution.log_prob(point + 1e-6), np.full(4, -np.inf))


@every_family
def test_config_survives_json(family):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(family)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(family)
    assert vars(again) == vars(family)


@pytest.mark.parametrize("make", [Normal, FullNormal, DiscretizedLogistic, *ONE_PARAMETER])
@pytest.mark.parametrize(("event_shape", "wrong"), [((), "least one integer"), ((0,), "least 1"), ((3, -1), "least 1")])
def test_event_shapes_without_elements_are_refused(make, event_shape, wrong):
    with pytest.raises(ValueError, match=rf"^`event_shape` must be a tuple of .*at {wrong}; received \("):
        make(event_shape)


@pytest.mark.parametrize("make", [Normal, DiscretizedLogistic])
@pytest.mark.parametrize(
    ("scale", "wrong"),
    [(0, "above 0"), (-1.0, "above 0"), (math.inf, "a finite number"),
     *((scale, "'shared', 'image' or 'pixel' or a number") for scale in ("pixels", math.nan, True, None))],
)  # fmt: skip
def test_scales_that_are_none_are_refused(make, scale, wrong):
    with pytest.raises(ValueError, match=f"^`scale` must be {wrong}; received "):
        make((2,), scale)


@pytest.mark.parametrize("make", [Normal, FullNormal, DiscretizedLogistic])
@pytest.mark.parametrize(
    ("min_scale", "wrong"), [(0, "above 0"), (-0.1, "above 0"), (math.inf, "a finite number"), (math.nan, "a number")]
)
def test_floors_that_are_none_are_refused(make, min_scale, wrong):
    with pytest.raises(ValueError, match=rf"^`min_scale` must be {wrong}; received .+\.$"):
        make((2,), min_scale=min_scale)


def test_full_normal_refuses_images():
    with pytest.raises(ValueError, match=r"^`event_shape` must be one size, \(D,\); received \(2, 3\)"):
        FullNormal((2, 3))
