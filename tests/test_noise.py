"""Random numbers are a function of their address alone, equal in every mode, and they are what they are called."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfvae.noise import EVALUATION_SEED, Noise, _normal_quantile, _unit_interval

SHAPES = [(1,), (3,), (4,), (5,), (2, 3, 1)]  # four words come from one Philox counter: below, at and above it


def numbers(sample_size=2, rows=6, shape=(5,), stream="a", **address):
    return Noise(**({"seed": 1} | address)).uniform(stream, rows, shape, sample_size).numpy()


def test_uniforms_are_equal_bit_for_bit_in_eager_graph_and_xla():
    def draw(rows, step, first_row, first_sample):
        return Noise(3, step, first_row, first_sample).uniform("x", rows, (3, 2), 3)

    eager = draw(7, 5, 2, 1).numpy()
    address = [tf.constant(each, tf.int64) for each in (5, 2, 1)]
    graph = tf.function(draw, autograph=False)(tf.constant(7), *address)  # also the number of rows is a tensor here
    xla = tf.function(lambda *each: draw(7, *each), autograph=False, jit_compile=True)(*address)
    np.testing.assert_array_equal(graph, eager)
    np.testing.assert_array_equal(xla, eager)


def test_uniforms_stay_the_same_in_later_versions():
    found = Noise(seed=7, step=3, first_row=1).uniform("golden", 1, (3,), sample_size=2)
    assert (found.numpy() * 2**24).astype(int).tolist() == [
        [[14751403, 5835223, 3015065]],
        [[16179843, 12750347, 14151303]],
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_is_addressed_by_its_place_in_the_global_batch(shape):
    whole = numbers(rows=10, shape=shape)
    np.testing.assert_array_equal(numbers(rows=5, shape=shape, first_row=3), whole[:, 3:8])


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_drawn_at_once_are_those_drawn_in_chunks(shape):
    at_once = numbers(5, shape=shape)
    chunks = [numbers(2, shape=shape), numbers(3, shape=shape, first_sample=2)]
    np.testing.assert_array_equal(np.concatenate(chunks), at_once)


def test_a_draw_without_sample_axis_is_sample_zero_whatever_the_first_sample():
    single = numbers(sample_size=None, first_sample=3)
    assert single.shape == (6, 5)
    np.testing.assert_array_equal(single, numbers(sample_size=4)[0])


def test_a_replica_without_examples_gets_no_numbers():
    assert numbers(rows=0, sample_size=None).shape == (0, 5)
    assert numbers(rows=0, sample_size=3).shape == (3, 0, 5)


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"stream": "b"}, {"step": 1}, {"step": 2**40}, {"first_row": 6}, {"first_sample": 2}],
    ids=str,
)
def test_another_address_gives_other_numbers(change):
    # Two sets of 60 numbers on a grid of 2^23 share one with probability 4e-4.
    assert not np.intersect1d(numbers(), numbers(**change)).size


def test_no_number_comes_twice_within_rows_samples_and_steps():
    everything = np.stack([numbers(4, rows=50, shape=(7,), step=step) for step in range(3)])
    assert everything.size - np.unique(everything).size <= 5  # 1.1 expected among 4200 numbers by chance


def test_evaluation_has_the_same_seed_whatever_the_run():
    assert EVALUATION_SEED == 0


@pytest.mark.parametrize(("bits", "value"), [(0, 2.0**-24), (2**32 - 1, 1 - 2.0**-24), (2**31, 0.5 + 2.0**-24)])
def test_unit_interval_never_reaches_its_ends(bits, value):
    assert _unit_interval(tf.constant([bits], tf.uint32)).numpy().tolist() == [value]


@pytest.fixture(scope="module")
def grid():
    """Of the 2^23 uniform numbers that there are both tails, every 16th between them, and their normal quantiles."""
    half = np.concatenate([np.arange(2**17), np.arange(2**17, 2**22, 16)])
    cells = np.concatenate([half, 2**23 - 1 - half[::-1]]).astype(np.uint32)
    uniform = _unit_interval(tf.constant(cells << 9))
    return uniform, stats.norm.ppf(uniform.numpy().astype(np.float64))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_normal_quantile_is_exact_to_4e_7_of_its_value_up_to_the_last_cell(grid, jit_compile):
    uniform, exact = grid
    found = tf.function(_normal_quantile, jit_compile=jit_compile)(uniform).numpy()
    assert np.max(np.abs(found - exact) / np.abs(exact)) < 4e-7  # largest value 5.295, so 2.1e-6 at most
    np.testing.assert_array_equal(found[::-1], -found)
    assert np.all(np.diff(found) > 0)


def test_normals_with_and_without_xla_agree_to_2e_6():
    def draw():
        return Noise(0).normal("z", 500, (40,))

    xla = tf.function(draw, jit_compile=True)().numpy()
    np.testing.assert_allclose(xla, draw().numpy(), rtol=0, atol=2e-6)
    np.testing.assert_allclose(xla, tf.function(draw)().numpy(), rtol=0, atol=2e-6)


def test_normals_are_the_quantiles_of_the_uniforms_at_the_same_address():
    noise = Noise(4, 2, 3, 1)
    uniform = noise.uniform("z", 5, (3,), 2).numpy().astype(np.float64)
    np.testing.assert_allclose(noise.normal("z", 5, (3,), 2), stats.norm.ppf(uniform), rtol=4e-7)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_draws_follow_their_distribution(kind):
    values = getattr(Noise(11), kind)("z", 5000, (20,)).numpy().astype(np.float64).ravel()
    truth = stats.uniform() if kind == "uniform" else stats.norm()
    assert stats.kstest(values, truth.cdf).pvalue > 0.01
    for power in (1, 2, 3, 4):
        # 1e5 independent draws: standard errors of raw moments are below 0.032.
        error = np.sqrt((truth.moment(2 * power) - truth.moment(power) ** 2) / values.size)
        assert error < 0.035
        assert abs(np.mean(values**power) - truth.moment(power)) < 4 * error


def test_neighbours_are_not_correlated():
    normals = np.stack([Noise(5, step).normal("z", 100, (30,), 4).numpy() for step in range(3)])  # [step, S, B, D]
    for axis in range(normals.ndim):
        left = np.delete(normals, -1, axis).ravel()
        right = np.delete(normals, 0, axis).ravel()
        assert left.size > 20_000
        assert abs(np.mean(left * right)) < 4 / np.sqrt(left.size)


BY_ROW = [0, 1, 7, 2**31, 2**53 + 1, -1]


@pytest.mark.parametrize("sample_size", [None, 3])
@pytest.mark.parametrize("shape", [(), *SHAPES])
def test_a_seed_for_each_row_gives_the_first_row_of_each_seed(shape, sample_size):
    """Philox in plain arithmetic is TensorFlow's operation bit for bit, carries of the counter and the key included."""
    for first_row, first_sample in ((0, 0), (3, 2**33)):
        seeds = tf.constant(BY_ROW, tf.int64)
        found = numbers(sample_size, len(BY_ROW), shape, seed=seeds, first_row=first_row, first_sample=first_sample)
        one_by_one = [
            numbers(sample_size, 1, shape, seed=EVALUATION_SEED, step=s, first_row=first_row, first_sample=first_sample)
            for s in BY_ROW
        ]
        np.testing.assert_array_equal(found, np.concatenate(one_by_one, axis=0 if sample_size is None else 1))


def test_seeds_of_rows_do_not_depend_on_their_place_in_a_graph_either():
    draw = tf.function(lambda seeds: Noise(seeds).normal("a", tf.shape(seeds)[0], (3,)), autograph=False)
    seeds = tf.constant([5, 6, 5], tf.int64)
    found = draw(seeds).numpy()
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(draw(seeds[1:])[0], found[1], rtol=1e-6)
    assert not np.any(found[0] == found[1])
