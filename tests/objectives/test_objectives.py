"""Objectives are arithmetic on per-example numbers: checked on plain arrays, in float64, without any model."""

import dataclasses
import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from oracles import log_mean_exp
from tfvae import ELBO, ImportanceWeighted, WarmUp
from tfvae.objectives import Scores, importance_weighted_bound, log_weights
from tfvae.trace import Latent, Trace

B = 4
SIZES = pytest.mark.parametrize("latents", [0, 1, 2])
SCHEDULES = [
    pytest.param(WarmUp(10, final=2.0), {0: 0.0, 5: 1.0, 10: 2.0, 1000: 2.0, None: 2.0}, id="WarmUp"),
    pytest.param(
        keras.optimizers.schedules.PolynomialDecay(4.0, 10, end_learning_rate=1.0),
        {0: 4.0, 5: 2.5, 10: 1.0, 11: 1.0, None: 1.0},
        id="PolynomialDecay",
    ),
    pytest.param(
        keras.optimizers.schedules.PiecewiseConstantDecay([3, 6], [0.0, 0.5, 1.5]),
        {0: 0.0, 4: 0.5, 7: 1.5, None: 1.5},
        id="PiecewiseConstantDecay",
    ),
]


def arrays(latents=1, sample_size=3, seed=0, closed_form=True):
    """A trace of random NumPy numbers, latent i with 2 + i dimensions."""
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return tf.constant(rng.normal(size=shape))

    return Trace(
        numbers(sample_size, B),
        tuple(
            Latent(
                z=tf.zeros([sample_size, B, 2 + i], tf.float64),
                log_q=(log_q := numbers(sample_size, B)),
                log_q_stopped=log_q,
                log_p=numbers(sample_size, B),
                kl=numbers(B, 2 + i) ** 2 if closed_form else None,
            )
            for i in range(latents)
        ),
    )


def distortion(trace):
    return -np.mean(trace.log_px_z, axis=0)


def closed_form_rate(trace, free_bits=0.0):
    return sum((np.maximum(each.kl, free_bits).sum(axis=1) for each in trace.latents), np.zeros(B))


def sampled_rate(trace):
    return sum((np.mean(each.log_q - each.log_p, axis=0) for each in trace.latents), np.zeros(B))


def assert_scores(scores, **expected):
    for name, value in expected.items():
        found = getattr(scores, name)
        assert (found.shape, found.dtype) == ((B,), tf.float64)
        np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-14, err_msg=name)


@SIZES
@pytest.mark.parametrize("beta", [0, 0.5, 1.0, 4])
@pytest.mark.parametrize(("analytic_kl", "rate"), [(True, closed_form_rate), (False, sampled_rate)])
def test_elbo_is_minus_distortion_minus_rate_and_beta_weighs_the_rate_in_the_loss_only(
    latents, beta, analytic_kl, rate
):
    trace = arrays(latents)
    assert_scores(
        ELBO(beta=beta, sample_size=3, analytic_kl=analytic_kl)(trace),
        loss=distortion(trace) + beta * rate(trace),
        elbo=-distortion(trace) - rate(trace),
        distortion=distortion(trace),
        rate=rate(trace),
    )


@pytest.mark.parametrize(("schedule", "values"), SCHEDULES)
def test_beta_follows_a_schedule_in_training_and_has_its_final_value_in_validation(schedule, values):
    trace, objective = arrays(), ELBO(beta=schedule)
    in_graph = tf.function(lambda step: objective(trace, step))
    for step, beta in values.items():
        for scores in [objective(trace, step)] + ([] if step is None else [in_graph(tf.constant(step, tf.int64))]):
            np.testing.assert_allclose(scores.loss, distortion(trace) + beta * closed_form_rate(trace), rtol=1e-6)
            assert_scores(scores, elbo=-distortion(trace) - closed_form_rate(trace))


@SIZES
def test_free_bits_are_a_floor_for_each_dimension_of_each_example(latents):
    trace = arrays(latents)
    charged = closed_form_rate(trace, free_bits=0.5)
    assert latents == 0 or np.any(charged > closed_form_rate(trace))
    assert_scores(
        ELBO(beta=2.0, free_bits=0.5)(trace),
        loss=distortion(trace) + 2 * charged,
        elbo=-distortion(trace) - closed_form_rate(trace),
        rate=closed_form_rate(trace),
    )


def test_free_bits_take_the_gradient_away_below_the_floor_only():
    kl = tf.constant([[0.2, 0.6], [0.7, 0.1]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(kl)
        trace = Trace(tf.zeros([1, 2], tf.float64), (Latent(None, None, None, None, kl),))
        loss = ELBO(free_bits=0.5)(trace).loss
    np.testing.assert_array_equal(loss, [1.1, 1.2])
    np.testing.assert_array_equal(tape.gradient(loss, kl), [[0, 1], [1, 0]])


@SIZES
@pytest.mark.parametrize("sample_size", [1, 2, 50])
def test_importance_weighted_is_the_log_of_the_mean_weight(latents, sample_size):
    trace = arrays(latents, sample_size, closed_form=False)
    log_w = trace.log_px_z + sum((each.log_p - each.log_q for each in trace.latents), np.zeros((sample_size, B)))
    np.testing.assert_allclose(log_weights(trace), log_w, rtol=1e-13)
    assert_scores(
        ImportanceWeighted(sample_size)(trace, step=3),
        loss=-log_mean_exp(log_w),
        elbo=-distortion(trace) - sampled_rate(trace),
        distortion=distortion(trace),
        rate=sampled_rate(trace),
    )


def test_importance_weighted_by_hand():
    log_w = tf.math.log(tf.constant([[1.0, 0.25], [3.0, 0.75], [8.0, 0.5]], tf.float64))
    np.testing.assert_allclose(importance_weighted_bound(log_w), [math.log(4), math.log(0.5)], rtol=1e-14)


def test_the_gradient_of_importance_weighting_is_the_normalised_weights():
    log_w = tf.math.log(tf.constant([[1.0], [3.0], [4.0]], tf.float64))
    with tf.GradientTape() as tape:
        tape.watch(log_w)
        loss = ImportanceWeighted(3)(Trace(log_w, ())).loss
    np.testing.assert_allclose(tape.gradient(loss, log_w), [[-1 / 8], [-3 / 8], [-4 / 8]], rtol=1e-14)


@SIZES
def test_importance_weighted_with_one_sample_is_the_elbo_with_a_sampled_rate(latents):
    trace = arrays(latents, sample_size=1)
    weighted, plain = ImportanceWeighted(1)(trace), ELBO(analytic_kl=False)(trace)
    for name in ("loss", "elbo", "distortion", "rate"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(plain, name), rtol=1e-13)


def test_bounds_rise_with_the_number_of_samples():
    log_w = 3 * np.random.default_rng(0).normal(size=(50, B))
    bound_of = [np.mean(importance_weighted_bound(log_w.reshape(s, -1)).numpy().reshape(-1, B), 0) for s in (1, 5, 50)]
    assert np.all(np.diff(bound_of, axis=0) > 0.1)  # by Jensen's inequality, for any numbers


@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_weights_of_any_size_neither_overflow_nor_vanish(size):
    log_w = np.float32([[size, -1e4], [size, 1e4], [size, -np.inf], [size, 1e4]])
    bound = importance_weighted_bound(tf.constant(log_w))
    np.testing.assert_allclose(bound, [size, 1e4 - math.log(2)], rtol=1e-7)


@pytest.mark.parametrize(
    "objective",
    [
        ELBO(beta=0.5, sample_size=2, free_bits=0.1),
        ELBO(analytic_kl=False),
        *(ELBO(beta=each.values[0]) for each in SCHEDULES),
        ImportanceWeighted(7),
        ImportanceWeighted(3, gradient="stl"),
        ImportanceWeighted(3, gradient="dreg"),
    ],
)
def test_config_survives_json_with_its_schedule(objective):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(objective)))
    again, trace = keras.saving.deserialize_keras_object(config), arrays(sample_size=objective.sample_size)
    assert (type(again), again.sample_size) == (type(objective), objective.sample_size)
    for step in (0, 4, 10, None):
        for name, of_again, of_first in zip(Scores._fields, again(trace, step), objective(trace, step), strict=True):
            assert (of_again is None) == (of_first is None)
            if of_first is not None:
                np.testing.assert_array_equal(of_again, of_first, err_msg=f"{name} at {step}")


@pytest.mark.parametrize("gradient", ["stl", "dreg"])
def test_the_estimator_of_the_gradient_does_not_change_the_numbers(gradient):
    trace = arrays(1, 5)
    one, other = ImportanceWeighted(5)(trace), ImportanceWeighted(5, gradient)(trace)
    for name in ("loss", "elbo", "distortion", "rate"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_path_weights_of_dreg_are_the_normalised_weights():
    trace = arrays(1, 5)
    found = ImportanceWeighted(5, "dreg")(trace).path_weights
    np.testing.assert_allclose(found, special.softmax(np.asarray(log_weights(trace)), axis=0), rtol=1e-12)


def test_dreg_of_two_groups_of_latents_is_refused():
    with pytest.raises(ValueError, match=r'^`gradient="dreg"` is for models with one group of latents'):
        ImportanceWeighted(5, "dreg")(arrays(2, 5))


def test_an_unknown_gradient_is_refused():
    with pytest.raises(ValueError, match=r"^`gradient` must be 'plain', 'stl' or 'dreg'; received 'doubly'\."):
        ImportanceWeighted(5, "doubly")


def test_objectives_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ELBO().beta = 2.0


NO_WEIGHT = "a Keras schedule or a number"


@pytest.mark.parametrize(
    ("beta", "wrong"),
    [(-0.5, "at least 0"), (math.inf, "a finite number"), (math.nan, NO_WEIGHT), ("1", NO_WEIGHT), (None, NO_WEIGHT)],
)
def test_betas_that_are_none_are_refused(beta, wrong):
    with pytest.raises(ValueError, match=rf"^`beta` must be {wrong}; received .+\.$"):
        ELBO(beta=beta)


@pytest.mark.parametrize("make", [ELBO, ImportanceWeighted])
@pytest.mark.parametrize(
    ("sample_size", "wrong"),
    [(0, "at least 1"), (-1, "at least 1"), (1.5, "an integer"), ("3", "an integer"), (None, "an integer")],
)
def test_sample_sizes_that_are_none_are_refused(make, sample_size, wrong):
    with pytest.raises(ValueError, match=rf"^`sample_size` must be {wrong}; received .+\.$"):
        make(sample_size=sample_size)


@pytest.mark.parametrize(
    ("free_bits", "wrong"), [(-0.1, "at least 0"), (math.inf, "a finite number"), (math.nan, "a number")]
)
def test_free_bits_that_are_none_are_refused(free_bits, wrong):
    with pytest.raises(ValueError, match=rf"^`free_bits` must be {wrong}; received .+\.$"):
        ELBO(free_bits=free_bits)


def test_free_bits_need_the_closed_form():
    with pytest.raises(ValueError, match=r"^`free_bits` is a floor .+ needs `analytic_kl=True`\.$"):
        ELBO(free_bits=0.1, analytic_kl=False)


def test_a_missing_closed_form_is_said_and_never_replaced():
    with pytest.raises(ValueError, match=r"no closed-form KL .+ use `ELBO\(analytic_kl=False\)`"):
        ELBO()(arrays(closed_form=False))
    ELBO(analytic_kl=False)(arrays(closed_form=False))


@pytest.mark.parametrize("steps", [0, -5])
def test_a_warm_up_takes_a_step_or_more(steps):
    with pytest.raises(ValueError, match=rf"^`steps` must be at least 1; received {steps}\.$"):
        WarmUp(steps)
