"""The Bernoulli of pixels that see those before them: what sees what, sums over all images, and draws."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from making import made, parameters
from tfvae.families import AutoregressiveBernoulli, Bernoulli
from tfvae.noise import Noise

SHAPE = (3, 3, 1)


def family_with_weights(shape=SHAPE, reach=1, hidden=(5,), gates=2, seed=0):
    """In float64, with a network of random weights."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        family = AutoregressiveBernoulli(shape, reach, hidden, gates)
    finally:
        keras.config.set_floatx(before)
    rng = np.random.default_rng(seed)
    for weight in family.before.weights:
        weight.assign(rng.normal(size=weight.shape))
    return family


def every_image(shape=SHAPE):
    """`[2^D, *shape]`."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=int(np.prod(shape))))).reshape(-1, *shape)


def binary(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, 2, size=shape).astype(np.float64)


def in_words(family, values, x):
    """log p(x) of one image, pixel by pixel, by loops in NumPy."""
    kernels, biases = (
        [np.asarray(each) for each in group] for group in (family.before._kernels, family.before._biases)
    )
    height, width, channels = x.shape
    reach, total = family.before.reach, 0.0
    for row, column in np.ndindex(height, width):
        seen = []
        for up, along in [(u, a) for u in range(reach, -1, -1) for a in range(-reach, reach + 1)]:
            if up == 0 and along >= 0:
                continue
            inside = row - up >= 0 and 0 <= column + along < width
            seen.extend(x[row - up, column + along] if inside else np.zeros(channels))
        found = np.array(seen)
        for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
            found = np.maximum(kernel.T @ found + bias[:, 0], 0)
        found = (kernels[-1].T @ found + biases[-1][:, 0]).reshape(family.before.outputs, channels)
        logits = values["logits"][row, column] + values["gates"] @ found
        total += np.sum(special.log_expit(np.where(x[row, column] == 1, logits, -logits)))
    return total


@pytest.mark.parametrize(("shape", "reach"), [((4, 5, 1), 1), ((4, 5, 1), 2), ((3, 4, 2), 2), ((2, 2, 1), 5)])
def test_log_prob_is_that_of_loops_over_pixels(shape, reach):
    family = family_with_weights(shape, reach)
    values, x = parameters(family, 2, 3, dtype=np.float64), binary(2, 3, *shape)
    expected = [
        [in_words(family, {name: value[s, b] for name, value in values.items()}, x[s, b]) for b in range(3)]
        for s in range(2)
    ]
    np.testing.assert_allclose(made(family, values).log_prob(x), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [SHAPE, (2, 2, 2)])
def test_probabilities_of_all_images_sum_to_one(shape):
    family = family_with_weights(shape)
    log_prob = made(family, parameters(family, 4, dtype=np.float64)).log_prob(every_image(shape)[:, np.newaxis])
    np.testing.assert_allclose(np.exp(log_prob).sum(axis=0), 1, rtol=1e-12)


def test_a_pixel_sees_what_is_near_and_before_it_and_nothing_else():
    family = family_with_weights((6, 7, 2), reach=2)
    distribution = made(family, parameters(family, 1, dtype=np.float64))
    x = binary(1, 6, 7, 2)
    before = distribution.logits_given(x).numpy().reshape(6, 7, 2)
    for row, column, channel in np.ndindex(6, 7, 2):
        changed = x.copy()
        changed[0, row, column, channel] = 1 - changed[0, row, column, channel]
        moved = np.any(distribution.logits_given(changed).numpy().reshape(6, 7, 2) != before, axis=-1)
        expected = np.zeros((6, 7), bool)
        expected[row : row + 3, max(column - 2, 0) : column + 3] = True
        expected[row, : column + 1] = False
        np.testing.assert_array_equal(moved, expected)


def test_gates_of_zero_leave_independent_pixels():
    family, independent = family_with_weights(), Bernoulli(SHAPE)
    values, x = parameters(family, 2, 3, dtype=np.float64), binary(2, 3, *SHAPE)
    distribution = made(family, values | {"gates": np.zeros((2, 3, 2))})
    pixels = independent.distribution(tf.constant(values["logits"]))
    np.testing.assert_allclose(distribution.log_prob(x), pixels.log_prob(x), rtol=1e-13)
    np.testing.assert_allclose(distribution.mean(), pixels.mean(), rtol=1e-13)


@pytest.mark.parametrize("leading", [(3, 4), (4,), (5, 1)])
def test_axes_of_samples_and_examples_are_broadcast(leading):
    family = family_with_weights()
    values, x = parameters(family, *leading, dtype=np.float64), binary(4, *SHAPE)
    wide = {
        name: np.broadcast_to(value, (*np.broadcast_shapes(leading, (4,)), *value.shape[len(leading) :]))
        for name, value in values.items()
    }
    expected = made(family, wide).log_prob(np.broadcast_to(x, (*wide["gates"].shape[:-1], *SHAPE)))
    np.testing.assert_allclose(made(family, values).log_prob(x), expected, rtol=1e-13)


def test_draws_have_the_probabilities_of_images():
    family, size = family_with_weights((2, 2, 1)), 40_000
    values = parameters(family, 1, dtype=np.float64)
    p = np.exp(made(family, values).log_prob(every_image((2, 2, 1))))
    rows = made(family, {name: np.repeat(value, size, axis=0) for name, value in values.items()})
    draws = family.draw(rows, Noise(0), "x").numpy().reshape(size, 4)
    counts = np.bincount((draws @ [8, 4, 2, 1]).astype(int), minlength=16)
    assert np.all(np.abs(counts - size * p) <= 4 * np.sqrt(size * p * (1 - p)))
    # Of the probabilities that pixels were drawn with, the expectation is the mean, and the variance is smaller.
    shown = family.mean(rows, Noise(0), "x").numpy().reshape(size, 4)
    mean = p @ every_image((2, 2, 1)).reshape(16, 4)
    error = shown.std(axis=0) / np.sqrt(size)
    assert np.all(np.abs(shown.mean(axis=0) - mean) <= 4 * error + 1e-12)
    assert np.all(shown.var(axis=0) < mean * (1 - mean))


@pytest.mark.parametrize("sample_size", [None, 2])
def test_draws_follow_the_noise_pixel_by_pixel(sample_size):
    family = family_with_weights((4, 5, 2), reach=2)
    distribution = made(family, parameters(family, 3, dtype=np.float64))
    noise = Noise(3).uniform("x", 3, (4, 5, 2), sample_size)
    draws = family.draw(distribution, Noise(3), "x", sample_size)
    assert draws.shape == noise.shape
    probabilities = distribution.probabilities_of(tf.cast(noise, tf.float64))
    np.testing.assert_array_equal(draws, (noise.numpy() < probabilities.numpy()).astype(np.float64))
    for compiled in (False, True):
        again = tf.function(distribution.draws_of, jit_compile=compiled)(tf.cast(noise, tf.float64))
        np.testing.assert_array_equal(again, draws)


def test_gradients_reach_logits_gates_and_the_network():
    family = family_with_weights()
    values, x = parameters(family, 2, dtype=np.float64), binary(2, *SHAPE)
    sources = [tf.constant(values["logits"]), tf.constant(values["gates"]), *(w.value for w in family.before.weights)]

    def log_prob(logits, gates, *weights):
        for variable, weight in zip(family.before.weights, weights, strict=True):
            variable.assign(weight)
        return float(tf.reduce_sum(family.distribution(logits, gates).log_prob(x)))

    with tf.GradientTape() as tape:
        tape.watch(sources)
        total = tf.reduce_sum(family.distribution(*sources[:2]).log_prob(x))
    given = [source.numpy() for source in sources]
    for index, gradient in enumerate(tape.gradient(total, sources)):
        direction = np.random.default_rng(index).normal(size=gradient.shape)
        ends = [
            log_prob(*[each + sign * 1e-6 * direction if i == index else each for i, each in enumerate(given)])
            for sign in (1, -1)
        ]
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(float(np.sum(gradient * direction)), rel=1e-6)


def test_it_starts_at_the_mean_of_the_data():
    mean = np.array([[0.0, 0.25], [0.5, 1.0]])[..., np.newaxis]
    family = AutoregressiveBernoulli((2, 2, 1), 1, (), 1)
    np.testing.assert_allclose(special.expit(family.parameters_at(mean)["logits"]), np.clip(mean, 1e-3, 1 - 1e-3))


def test_its_configuration_survives_json():
    family = AutoregressiveBernoulli((4, 5, 1), 2, (7, 6), 3)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(family))))
    assert again.get_config() == family.get_config()
    assert [each.shape for each in again.before.weights] == [each.shape for each in family.before.weights]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event_shape": (4, 4)}, r"`event_shape` must be \(height, width, channels\)"),
        ({"reach": 0}, "`reach` must be at least 1; received 0"),
        ({"gates": 0}, "`gates` must be at least 1; received 0"),
        ({"hidden": (0,)}, r"`hidden` must be a tuple of integers of at least 1; received \(0,\)"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        AutoregressiveBernoulli(**({"event_shape": (4, 4, 1)} | changes))


def test_it_samples_like_any_distribution_of_tfp():
    family = family_with_weights()
    distribution = made(family, parameters(family, 2, dtype=np.float64))
    draws = distribution.sample(3, seed=5)
    assert draws.shape == (3, 2, *SHAPE) and set(np.unique(draws)) <= {0.0, 1.0}
    np.testing.assert_array_equal(distribution.sample(3, seed=(0, 5)), distribution.sample(3, seed=(0, 5)))
