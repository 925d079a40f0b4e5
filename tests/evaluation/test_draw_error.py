"""The error from the draw of x, against drawing x again and again."""

import numpy as np
import pytest

import tiny
from tfvae import families, preprocessing
from tfvae.evaluation import draw_error, fix, likelihood_estimate

RAW = tiny.images(100)


@pytest.fixture(scope="module")
def binary():
    """A trained model of binarised images."""
    model = tiny.compiled(tiny.bernoulli_vae())
    tiny.train(model, 60, RAW)
    return model


@pytest.mark.slow
def test_it_is_the_spread_over_binarisations(binary):
    """Of 150 binarisations, whose standard deviation has an error of 6 %; that of the estimate is some 5 % (three draws
    of each of 100 images)."""
    means = [likelihood_estimate(binary, fix(RAW, binary.preprocess, draw).x, 50).mean for draw in range(150)]
    estimate = likelihood_estimate(binary, fix(RAW, binary.preprocess).x, 50)
    spread = np.sqrt(np.var(means, ddof=1) - estimate.monte_carlo_error**2)
    assert spread > 5 * estimate.monte_carlo_error
    assert draw_error(binary, RAW, 50) == pytest.approx(spread, rel=0.2)


def test_it_falls_with_the_number_of_examples(binary):
    whole, part = draw_error(binary, RAW, 50), draw_error(binary, RAW[:25], 50)
    assert part / whole == pytest.approx(2, rel=0.35)


def test_draws_of_z_are_no_part_of_it():
    """Where x hardly changes and z does much: it would be the Monte Carlo error if they were, and what is left by
    chance is N^(-1/4) = 0.32 of that."""
    model = tiny.vae(likelihood=families.Normal(tiny.SHAPE, scale=1.0))
    kernel = model.decoder.trainable_variables[0]
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    estimate = likelihood_estimate(model, fix(RAW, model.preprocess).x, 30)
    assert estimate.monte_carlo_error > 0.02
    assert (draw_error(model, RAW, 30) or 0.0) < 0.5 * estimate.monte_carlo_error


@pytest.mark.parametrize("preprocess", [preprocessing.Rescale(), preprocessing.Levels()], ids=lambda each: each.makes)
def test_where_x_is_no_draw_it_is_zero(preprocess):
    scores = families.Normal if preprocess.makes == "grey" else families.DiscretizedLogistic
    model = tiny.vae(likelihood=scores(tiny.SHAPE, scale="shared"), preprocess=preprocess)
    assert draw_error(model, RAW[:5], 3) == 0


def test_one_sample_tells_draws_of_x_and_of_z_apart_from_nothing(binary):
    assert draw_error(binary, RAW[:5], 1) is None


def test_images_of_black_and_white_have_no_draw(binary):
    assert draw_error(binary, np.where(RAW > 127, 255, 0).astype(np.uint8), 1) == 0
