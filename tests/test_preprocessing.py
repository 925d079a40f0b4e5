"""From raw levels to x: representatives, draws, equal for all types of raw images and in all modes."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.noise import Noise
from tfvae.preprocessing import Binarize, Dequantize, Identity, Levels, Rescale

LEVELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
OF_IMAGES = [Binarize(), Dequantize(), Levels(), Rescale()]
REPRESENTATIVES = [
    pytest.param(Binarize(), lambda u: (u >= 128) * 1.0, id="Binarize"),
    pytest.param(Dequantize(), lambda u: (u + 0.5) / 256, id="Dequantize"),
    pytest.param(Levels(), lambda u: u, id="Levels"),
    pytest.param(Rescale(), lambda u: u / 255, id="Rescale"),
]


def name(value):
    return type(value).__name__


class AlmostOne(Noise):
    """The largest uniform number that `Noise` gives."""

    def uniform(self, stream, rows, shape, sample_size=None):
        return tf.fill([rows, *shape], np.float32(1 - 2.0**-24))


class AlmostZero(Noise):
    """The smallest uniform number that `Noise` gives."""

    def uniform(self, stream, rows, shape, sample_size=None):
        return tf.fill([rows, *shape], np.float32(2.0**-24))


class AtTheGrey(Noise):
    """The uniform number next to each pixel's grey value, on which the least difference of that value shows."""

    def uniform(self, stream, rows, shape, sample_size=None):
        return tf.constant((np.floor(LEVELS / 255 * 2**23) + 0.5) / 2**23, tf.float32)


@pytest.mark.parametrize(("preprocess", "expected"), REPRESENTATIVES)
def test_representative_of_every_level(preprocess, expected):
    x = preprocess(LEVELS)
    assert x.dtype == tf.float32
    np.testing.assert_allclose(x, expected(LEVELS.astype(np.float64)), rtol=6e-8)  # half a unit in the last place


@pytest.mark.parametrize(("preprocess", "expected"), REPRESENTATIVES)
def test_representative_in_float64(float64, preprocess, expected):
    x = preprocess(LEVELS)
    assert x.dtype == tf.float64
    np.testing.assert_array_equal(x, expected(LEVELS.astype(np.float64)))


@pytest.mark.parametrize("noise", [None, Noise(0)], ids=["representative", "draw"])
@pytest.mark.parametrize("preprocess", OF_IMAGES, ids=name)
def test_integers_and_floats_of_the_same_image_give_the_same_x(preprocess, noise):
    of_levels, grey = preprocess(LEVELS, noise), np.float32(LEVELS) / np.float32(255)
    for same in (LEVELS.astype(np.int32), LEVELS.astype(np.int64), grey):
        np.testing.assert_array_equal(preprocess(same, noise), of_levels)
    # Floats made in another way are off by a rounding, which must not change a level.
    for close in (LEVELS / 255.0, np.nextafter(grey, np.float32(0)), np.nextafter(grey, np.float32(1))):
        np.testing.assert_allclose(preprocess(close, noise), of_levels, rtol=2e-7, atol=1e-44)


@pytest.mark.parametrize("noise", [Noise(1), AtTheGrey(1)], ids=name)
@pytest.mark.parametrize("preprocess", OF_IMAGES, ids=name)
def test_draws_are_equal_bit_for_bit_in_eager_graph_and_xla(preprocess, noise):
    raw = tf.constant(LEVELS)
    eager = preprocess(raw, noise)
    unknown_size = tf.TensorSpec([None, 8, 8, 1], tf.uint8)
    graph = tf.function(lambda raw: preprocess(raw, noise), input_signature=[unknown_size])
    xla = tf.function(lambda raw: preprocess(raw, noise), jit_compile=True)
    np.testing.assert_array_equal(graph(raw), eager)
    np.testing.assert_array_equal(xla(raw), eager)


@pytest.mark.parametrize("noise", [Noise(2), AlmostZero(0), AlmostOne(0)], ids=["noise", "smallest", "largest"])
def test_dequantized_values_lie_within_the_bin_of_their_level(noise):
    x = Dequantize()(LEVELS, noise).numpy()
    np.testing.assert_array_equal(np.floor(x * 256), LEVELS)  # multiplying by 256 is exact: x in [u/256, (u+1)/256)


def test_dequantization_is_uniform_within_the_bin():
    raw = np.full((2000, 20, 1), 200, np.uint8)
    offset = Dequantize()(raw, Noise(3)).numpy().astype(np.float64) * 256 - 200
    for power in (1, 2):
        error = np.sqrt((1 / (2 * power + 1) - 1 / (power + 1) ** 2) / offset.size)
        assert error < 1.6e-3
        assert abs(np.mean(offset**power) - 1 / (power + 1)) <= 4 * error


def test_a_binarized_pixel_is_one_with_probability_of_its_grey_value():
    raw = np.repeat(LEVELS.reshape(1, 256), 10_000, axis=0)
    x = Binarize()(raw, Noise(4)).numpy()
    assert set(np.unique(x)) == {0.0, 1.0}
    truth = np.arange(256) / 255
    error = np.sqrt(truth * (1 - truth) / len(raw))
    assert error.max() <= 0.005
    assert np.all(np.abs(x.mean(axis=0, dtype=np.float64) - truth) <= 4 * error)  # black and white exactly


@pytest.mark.parametrize("noise", [AlmostZero(0), AlmostOne(0)], ids=["smallest", "largest"])
def test_black_is_never_one_and_white_never_zero(noise):
    np.testing.assert_array_equal(Binarize()(np.uint8([[0, 255]]), noise), [[0, 1]])


@pytest.mark.parametrize("preprocess", [Binarize(), Dequantize()], ids=name)
def test_draws_follow_the_place_and_the_seed_of_an_example(preprocess):
    raw = np.full((10, 30), 99, np.uint8)
    x = preprocess(raw, Noise(5, step=2)).numpy()
    np.testing.assert_array_equal(preprocess(raw[3:8], Noise(5, step=2, first_row=3)), x[3:8])
    for other in (Noise(6, step=2), Noise(5, step=3), Noise(5, step=2, first_row=1)):
        assert np.mean(preprocess(raw, other).numpy() != x) > 0.3


@pytest.mark.parametrize("preprocess", [Levels(), Rescale(), Identity()], ids=name)
def test_preprocessing_without_noise_ignores_it(preprocess):
    np.testing.assert_array_equal(preprocess(LEVELS, Noise(0)), preprocess(LEVELS))


def test_identity_keeps_values_of_any_size():
    np.testing.assert_array_equal(Identity()(np.float64([[-1e6, 3.5]])), np.float32([[-1e6, 3.5]]))


@pytest.mark.parametrize("preprocess", [*OF_IMAGES, Identity()], ids=name)
def test_grey_values_to_look_at_are_between_zero_and_one(preprocess):
    grey = preprocess.grey(preprocess(np.float32(LEVELS) / 255)).numpy()
    expected = REPRESENTATIVES[0].values[1](LEVELS) if isinstance(preprocess, Binarize) else LEVELS / 255
    np.testing.assert_allclose(grey, expected, atol=0.5 / 256)  # half a bin


def test_black_and_white_levels_are_exactly_zero_and_one_in_all_modes():
    x = Levels()(LEVELS)
    eager, xla = Levels().grey(x).numpy(), tf.function(Levels().grey, jit_compile=True)(x).numpy()
    assert (eager.min(), eager.max()) == (0, 1)
    np.testing.assert_array_equal(xla, eager)


BAD = [np.nan, np.inf, -np.inf, -1e-6, 1 + 1e-6, 255.0]


@pytest.mark.parametrize("preprocess", OF_IMAGES, ids=name)
def test_problems_counts_the_examples_that_are_no_images(preprocess):
    raw = np.random.default_rng(0).uniform(size=(20, 2, 2, 1)).astype(np.float32)
    raw[0, 0, 0, 0], raw[1, 0, 0, 0] = 0, 1
    assert preprocess.problems(tf.constant(raw)).numpy() == 0
    for row, bad in enumerate(BAD):
        raw[2 * row, 1, 0, 0] = bad
        assert preprocess.problems(tf.constant(raw)).numpy() == row + 1
    raw[0] = np.nan  # four bad values are one bad example
    assert preprocess.problems(tf.constant(raw)).numpy() == len(BAD)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
@pytest.mark.parametrize("preprocess", [*OF_IMAGES, Identity()], ids=name)
def test_levels_are_no_problem(preprocess, dtype):
    assert preprocess.problems(tf.constant(LEVELS.astype(dtype))).numpy() == 0


def test_only_numbers_that_are_not_finite_are_a_problem_of_real_data():
    raw = np.float32([[np.nan, 1], [np.inf, 2], [1, -np.inf], [-1e6, 1e6], [0, 255]])
    assert Identity().problems(tf.constant(raw)).numpy() == 3


@pytest.mark.parametrize("preprocess", [*OF_IMAGES, Identity()], ids=name)
def test_config_survives_json(preprocess):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(preprocess)))
    assert type(keras.saving.deserialize_keras_object(config)) is type(preprocess)
