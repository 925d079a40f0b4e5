"""The sliced Wasserstein distance from N(0, I) is what it is known to be, and chance is told apart from shape."""

import numpy as np
import pytest
from scipy import integrate, stats

from tfvae.evaluation import normal_shape, sliced_wasserstein, whitened
from tfvae.noise import Noise


def quantiles(n):
    """n points as evenly spread under N(0, 1) as n points can be, [n, 1]: the mean quantile of each cell."""
    edges = stats.norm.pdf(stats.norm.ppf(np.linspace(0, 1, n + 1)))
    return (n * (edges[:-1] - edges[1:]))[:, np.newaxis]


def normal(n, dimensions, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dimensions))


def test_two_points_have_the_distance_of_the_textbook():
    """W_2^2 = E (|Z| - 1)^2 = 2 - 2 sqrt(2/pi) for points at -1 and 1."""
    assert sliced_wasserstein(np.float64([[-1], [1]])) == pytest.approx(np.sqrt(2 - 2 * np.sqrt(2 / np.pi)), rel=1e-6)


def test_one_dimension_is_the_integral_between_quantile_functions():
    points = np.sort(np.random.default_rng(1).gumbel(size=6))
    cells = [
        integrate.quad(lambda t, x=x: (x - stats.norm.ppf(t)) ** 2, index / 6, (index + 1) / 6)[0]
        for index, x in enumerate(points)
    ]
    assert sliced_wasserstein(points[::-1, np.newaxis]) ** 2 == pytest.approx(sum(cells), rel=1e-6)


@pytest.mark.parametrize(("mean", "stddev"), [(0.0, 1.0), (0.5, 1.0), (0.0, 2.0), (-1.0, 0.3)])
def test_a_normal_is_its_shift_and_its_width_away(mean, stddev):
    """W_2^2 of N(m, s^2) and N(0, 1) is m^2 + (s - 1)^2; 20,000 points leave 1e-4 of it."""
    found = sliced_wasserstein(mean + stddev * quantiles(20_000))
    assert found**2 == pytest.approx(mean**2 + (stddev - 1) ** 2, abs=5e-4)


def test_a_shift_in_d_dimensions_shows_along_a_direction_with_its_share():
    """|m|^2 / D on average over directions."""
    shift = np.float64([2, 0, 1, 0])
    found = sliced_wasserstein(normal(5000, 4) + shift, directions=2000) ** 2
    assert found == pytest.approx(shift @ shift / 4, rel=0.08)  # of 2,000 directions


def test_it_is_the_root_of_the_mean_square_over_random_directions():
    """Along a direction it is the distance in one dimension, where -1 and 1, the only two, give the same."""
    codes = normal(30, 3) + 0.5
    u = np.float64(Noise(4).normal("directions", 6, (3,)))
    along = [sliced_wasserstein(codes @ each[:, np.newaxis] / np.linalg.norm(each)) for each in u]
    assert sliced_wasserstein(codes, 6, 4) == pytest.approx(np.sqrt(np.mean(np.square(along))), rel=1e-9)


def test_chance_is_the_mean_and_the_spread_of_whitened_normal_samples():
    codes = normal(30, 3) + 0.5
    samples = np.float64(Noise(4).normal("normal shape", 30, (3,), 5))
    chance = [sliced_wasserstein(whitened(each), 6, 4) for each in samples]
    found = normal_shape(codes, 6, 5, 4)
    assert found.distance == sliced_wasserstein(whitened(codes), 6, 4)
    assert found.of_normal == pytest.approx(np.mean(chance), rel=1e-9)
    assert found.of_normal_spread == pytest.approx(np.sqrt(5 / 4) * np.std(chance), rel=1e-9)


def test_what_is_not_given_is_as_documented():
    codes = normal(30, 3) + 0.5
    assert sliced_wasserstein(codes) == sliced_wasserstein(codes, 200, 0)
    assert normal_shape(codes) == normal_shape(codes, 200, 20, 0)


def test_it_is_computed_in_float64():
    codes = np.float32(normal(30, 3))
    np.testing.assert_array_equal(whitened(codes), whitened(np.float64(codes)))
    assert sliced_wasserstein(codes) == sliced_wasserstein(np.float64(codes))


def test_whitened_codes_have_no_mean_and_no_correlation_and_are_turned_by_nothing():
    codes = normal(500, 3) @ np.float64([[3, 0, 0], [1, 0.1, 0], [0, 2, 5]]) + 7
    white = whitened(codes)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(white.T @ white / 500, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(whitened(white), white, atol=1e-10)
    np.testing.assert_allclose(whitened(-2 * codes + 1), -white, atol=1e-9)
    for unit in (1e-10, 1e10):
        np.testing.assert_allclose(whitened(unit * codes), white, atol=1e-9)


def test_place_width_and_correlation_are_no_shape():
    codes = np.random.default_rng(0).exponential(size=(2000, 2))
    stretched = codes @ np.float64([[1e-3, 0], [0, 1e3]]) + [5, -1e4]
    found, expected = (normal_shape(each, repeats=2).distance for each in (stretched, codes))
    assert found == pytest.approx(expected, rel=2e-3)  # whitening turns them a little, and directions are few


def test_normal_samples_are_as_far_as_chance():
    found = [normal_shape(normal(1000, 2, seed) * [5, 0.1] + 3) for seed in range(5)]
    assert len({each.of_normal for each in found}) == 1
    assert 0 < found[0].of_normal_spread < 0.3 * found[0].of_normal
    for each in found:
        assert abs(each.distance - each.of_normal) < 4 * each.of_normal_spread
    assert found[0].n == 1000


@pytest.mark.parametrize("kind", ["uniform", "clusters", "heavy tails"])
def test_other_shapes_are_farther(kind):
    rng = np.random.default_rng(0)
    codes = {
        "uniform": rng.uniform(size=(3000, 2)),
        "clusters": rng.normal(size=(3000, 2)) + 6 * rng.integers(0, 3, (3000, 1)),
        "heavy tails": rng.standard_t(3, size=(3000, 2)),
    }[kind]
    found = normal_shape(codes)
    assert found.distance > found.of_normal + 10 * found.of_normal_spread


@pytest.mark.slow
def test_more_samples_leave_less_to_chance():
    few, many = (normal_shape(normal(n, 2)).of_normal for n in (200, 5000))
    assert many < few / 3


def test_what_cannot_be_whitened_is_refused():
    with pytest.raises(
        ValueError, match=r"^`codes` must vary in all their 2 directions; in one of them they do not\.$"
    ):
        normal_shape(normal(50, 1) @ np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"^`codes` must vary"):  # in any unit
        whitened(1e10 * normal(50, 2) * [1, 1e-7])
    with pytest.raises(ValueError, match=r"^`codes` must vary in all their 1 directions"):
        whitened(np.ones((5, 1)))
    with pytest.raises(ValueError, match=r"^`codes` must be finite numbers \[N, D\]; received shape \(0, 2\)"):
        sliced_wasserstein(np.zeros((0, 2)))
    with pytest.raises(ValueError, match=r"^`codes` must be finite numbers \[N, D\]; received shape \(3,\)\.$"):
        normal_shape(np.zeros(3))
    with pytest.raises(ValueError, match=r"^`codes` must be finite"):
        sliced_wasserstein(np.float64([[1, 2], [3, np.nan]]))
    with pytest.raises(ValueError, match=r"^`directions` must be at least 1; received 0\.$"):
        sliced_wasserstein(normal(5, 2), directions=0)
    with pytest.raises(ValueError, match=r"^`repeats` must be at least 2; received 1\.$"):
        normal_shape(normal(5, 2), repeats=1)
