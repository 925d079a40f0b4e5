"""The array that models are scored on: drawn once, named by a digest, and the one that `evaluate` scores."""

import hashlib

import keras
import numpy as np
import pytest

import tfvae
from tfvae.datasets import Split
from tfvae.evaluation import digest, fix
from tfvae.noise import Noise
from tfvae.preprocessing import Binarize, Dequantize, Identity, Levels, Rescale

RAW = np.random.default_rng(0).integers(0, 256, (23, 3, 2, 1), np.uint8)


SHARP = tfvae.families.Normal((3, 2, 1), scale=0.02)  # the draw within a bin shows in its density


def model(preprocess, family=SHARP):
    keras.utils.set_random_seed(1)
    made = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp((4,)), tfvae.families.Normal((2,))),
        decoder=tfvae.ConditionalDistribution(tfvae.networks.mlp((4,)), family),
        prior=tfvae.priors.StandardNormal((2,)),
        preprocess=preprocess,
    )
    made.compile(jit_compile=False)
    return made


def test_the_digest_stays_the_same_in_later_versions():
    levels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    assert fix(levels, Binarize()).digest == "d8375887f085"


def test_the_digest_is_that_of_the_array_and_the_array_that_of_the_seed():
    fixed = fix(RAW, Dequantize(), seed=3)
    np.testing.assert_array_equal(fixed.x, Dequantize()(RAW, Noise(3)))
    assert fixed.digest == hashlib.sha256(fixed.x.tobytes()).hexdigest()[:12]
    digests = {fix(RAW, Dequantize(), seed=seed).digest for seed in range(3)} | {fix(RAW[::-1], Dequantize()).digest}
    assert len(digests) == 4
    assert fix(RAW, Dequantize()).digest == fix(RAW, Dequantize(), seed=0).digest


def test_each_example_has_the_draw_of_its_index():
    np.testing.assert_array_equal(fix(RAW[:9], Binarize()).x, fix(RAW, Binarize()).x[:9])


def test_evaluate_scores_the_fixed_array_whatever_the_batch_size():
    draws = model(Dequantize())
    given = model(Identity())
    of_fixed = given.evaluate(fix(RAW, draws.preprocess).x, batch_size=23, return_dict=True, verbose=0)
    of_other = given.evaluate(fix(RAW, draws.preprocess, seed=1).x, batch_size=23, return_dict=True, verbose=0)
    assert abs(of_other["distortion"] / of_fixed["distortion"] - 1) > 1e-4  # another draw would be noticed
    for batch_size in (23, 10, 4):
        found = draws.evaluate(RAW, batch_size=batch_size, return_dict=True, verbose=0)
        assert found == pytest.approx(of_fixed, rel=1e-6)


def test_log_likelihood_scores_the_fixed_array_too():
    draws, given = model(Dequantize()), model(Identity())
    np.testing.assert_array_equal(draws.log_likelihood(RAW, 3), given.log_likelihood(fix(RAW, Dequantize()).x, 3))


def test_evaluating_again_scores_the_same_array():
    binary = model(Binarize(), tfvae.families.Bernoulli((3, 2, 1)))
    first, second = (binary.evaluate(RAW, batch_size=10, return_dict=True, verbose=0) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("preprocess", [Binarize(), Dequantize(), Levels(), Rescale()], ids=lambda each: each.makes)
@pytest.mark.parametrize("batch_size", [1, 4, 22, 23, 50])
def test_the_digest_of_batches_is_that_of_the_array(preprocess, batch_size):
    batches = Split(RAW).in_order(batch_size)
    assert digest(batches, preprocess) == fix(RAW, preprocess).digest
    assert digest(batches, preprocess, seed=5) == fix(RAW, preprocess, seed=5).digest


def test_the_digest_of_batches_in_float64(float64):
    assert digest([RAW[:7], RAW[7:]], Dequantize()) == fix(RAW, Dequantize()).digest


def test_the_digest_of_batches_depends_on_their_order():
    assert digest([RAW[7:], RAW[:7]], Binarize()) != fix(RAW, Binarize()).digest


def test_batches_with_bad_images_have_no_digest():
    bad = RAW.astype(np.float32) / 255
    bad[20, 1, 1, 0] = np.nan
    with pytest.raises(ValueError, match="`raw` holds values that are not finite"):
        digest([bad[:10], bad[10:]], Binarize())
