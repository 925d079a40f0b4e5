"""What a denoising autoencoder undoes: the right share, the right size, the same for the same address."""

import numpy as np
import pytest

from tfvae.corruption import GaussianNoise, MaskingNoise, SaltAndPepper
from tfvae.noise import Noise

N, SHAPE = 400, (10, 10, 1)
GREY = np.random.default_rng(0).uniform(0.2, 0.8, (N, *SHAPE)).astype(np.float32)
ALL = [GaussianNoise(0.3), MaskingNoise(0.3), SaltAndPepper(0.3)]
SIZE = GREY.size
every_one = pytest.mark.parametrize("corruption", ALL, ids=lambda each: type(each).__name__)


def corrupted(corruption, x=GREY, **address):
    return np.asarray(corruption(x, Noise(1, **address)))


def within(found, expected, error):
    assert abs(found - expected) < 4 * error


def test_gaussian_noise_has_its_standard_deviation_and_no_mean():
    added = corrupted(ALL[0]) - GREY
    within(added.mean(), 0, 0.3 / SIZE**0.5)
    within(added.std(), 0.3, 0.3 / (2 * SIZE) ** 0.5)


def test_masking_sets_its_share_to_zero_and_leaves_the_rest():
    found = corrupted(ALL[1])
    within(np.mean(found == 0), 0.3, (0.21 / SIZE) ** 0.5)
    np.testing.assert_array_equal(found[found != 0], GREY[found != 0])


def test_salt_and_pepper_are_equally_many():
    found = corrupted(ALL[2])
    for value in (0, 1):
        within(np.mean(found == value), 0.15, (0.15 * 0.85 / SIZE) ** 0.5)
    left = (found != 0) & (found != 1)
    np.testing.assert_array_equal(found[left], GREY[left])


@every_one
def test_it_is_a_function_of_the_address(corruption):
    whole = corrupted(corruption)
    np.testing.assert_array_equal(corrupted(corruption, GREY[5:9], first_row=5), whole[5:9])
    assert np.mean(corrupted(corruption, step=1) != whole) > 0.2


@every_one
def test_config_gives_it_back(corruption):
    assert type(corruption).from_config(corruption.get_config()) == corruption


@pytest.mark.parametrize(
    ("kind", "name"), [(GaussianNoise, "stddev"), (MaskingNoise, "share"), (SaltAndPepper, "share")]
)
@pytest.mark.parametrize(
    ("value", "wrong"),
    [(0, "above 0"), (-0.1, "above 0"), (float("nan"), "a number"), ("much", "a number"), (True, "a number")],
)
def test_what_is_no_strength_is_refused(kind, name, value, wrong):
    with pytest.raises(ValueError, match=rf"^`{name}` must be {wrong}; received {value!r}\.$"):
        kind(value)


@pytest.mark.parametrize("kind", [MaskingNoise, SaltAndPepper])
def test_all_pixels_are_no_share(kind):
    with pytest.raises(ValueError, match=r"must be below 1; received 1\.$"):
        kind(1)
