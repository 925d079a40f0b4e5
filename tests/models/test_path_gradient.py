"""The gradients of the importance-weighted bound, compared with their formulas on linear-Gaussian models in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

import tfvae
from linear_gaussian import linear_vae
from oracles import LinearGaussian
from tfvae.noise import Noise
from tfvae.training.path_gradient import gradients

pytestmark = pytest.mark.usefixtures("float64")
SYSTEM = LinearGaussian.random(orthogonal=True)
X = SYSTEM.draw(5)
EXACT = SYSTEM.posterior()
WRONG = EXACT._replace(offset=EXACT.offset + 0.2, covariance=1.5 * EXACT.covariance)


def gradients_of(gradient, posterior, sample_size, full=False):
    """Of the mean loss, for the variables of the encoder and of the decoder, by name."""
    model = linear_vae(SYSTEM, posterior, full, objective=tfvae.ImportanceWeighted(sample_size, gradient))
    with tf.GradientTape(persistent=True) as tape:
        trace = model.sample_trace(X, Noise(3), sample_size)
        scores = model.objective(trace)
        loss = tf.reduce_mean(scores.loss)
    variables = [*model.encoder.trainable_variables, *model.decoder.trainable_variables]
    found = [np.asarray(each) for each in gradients(tape, loss, variables, trace, scores.path_weights)]
    parts = len(model.encoder.trainable_variables)
    return found[:parts], found[parts:]


@pytest.mark.parametrize("sample_size", [1, 2, 7])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("gradient", ["stl", "dreg"])
def test_at_the_exact_posterior_every_draw_gives_the_encoder_a_gradient_of_zero(gradient, full, sample_size):
    encoder, decoder = gradients_of(gradient, EXACT, sample_size, full)
    assert all(np.max(np.abs(each)) < 1e-9 for each in encoder)
    assert any(np.max(np.abs(each)) > 1e-3 for each in decoder)
    noisy, _ = gradients_of("plain", EXACT, sample_size, full)
    assert any(np.max(np.abs(each)) > 1e-3 for each in noisy)


@pytest.mark.parametrize("gradient", ["stl", "dreg"])
def test_the_decoder_has_the_gradient_of_the_bound(gradient):
    for found, expected in zip(gradients_of(gradient, WRONG, 4)[1], gradients_of("plain", WRONG, 4)[1], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_with_one_sample_stl_and_dreg_are_the_same():
    for one, other in zip(gradients_of("stl", WRONG, 1)[0], gradients_of("dreg", WRONG, 1)[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def log_weights_and_slopes(sample_size):
    """log w and dlog w/dz of the draws of `gradients_of`, by hand: [S, B] and [S, B, D]."""
    model = linear_vae(SYSTEM, WRONG)
    trace = model.sample_trace(X, Noise(3), sample_size)
    z = np.asarray(trace.latents[0].z)
    error = X - z @ SYSTEM.weights.T - SYSTEM.bias
    variance = np.diag(WRONG.covariance)
    slopes = error @ SYSTEM.weights / SYSTEM.sigma**2 - z + (z - WRONG.mean(X)) / variance
    log_w = np.asarray(tfvae.objectives.log_weights(trace))
    return log_w, slopes


@pytest.mark.parametrize(("gradient", "power"), [("stl", 1), ("dreg", 2)])
def test_the_gradient_for_the_mean_is_the_formula(gradient, power):
    log_w, slopes = log_weights_and_slopes(6)
    v = softmax(log_w, axis=0)[..., np.newaxis] ** power
    expected = -np.mean(np.sum(v * slopes, axis=0), axis=0)  # dz/d offset is the identity
    encoder, _ = gradients_of(gradient, WRONG, 6)
    bias = encoder[1][: len(expected)]
    np.testing.assert_allclose(bias, expected, rtol=1e-6)


@pytest.mark.slow
def test_dreg_and_the_plain_gradient_agree_on_average():
    x = np.repeat(X[:1], 40_000, axis=0)
    means, errors = {}, {}
    for gradient in ("plain", "dreg"):
        model, blocks = linear_vae(SYSTEM, WRONG, objective=tfvae.ImportanceWeighted(3, gradient)), []
        for first_row in range(0, len(x), 1000):
            with tf.GradientTape(persistent=True) as tape:
                trace = model.sample_trace(x[:1000], Noise(0, 0, first_row), 3)
                scores = model.objective(trace)
                loss = tf.reduce_mean(scores.loss)
            variables = model.encoder.trainable_variables
            blocks.append(np.asarray(gradients(tape, loss, variables, trace, scores.path_weights)[1]))
        means[gradient] = np.mean(blocks, axis=0)
        errors[gradient] = np.std(blocks, axis=0, ddof=1) / np.sqrt(len(blocks))
    error = np.hypot(errors["plain"], errors["dreg"])
    assert np.all(error < 0.05 * np.max(np.abs(means["dreg"])))
    assert np.all(np.abs(means["plain"] - means["dreg"]) < 4 * error)
    assert np.sum(errors["dreg"] ** 2) < 0.5 * np.sum(errors["plain"] ** 2)  # what it is for


@pytest.mark.parametrize("gradient", tfvae.objectives.GRADIENTS)
def test_a_training_step_goes_along_it(gradient):
    model = linear_vae(SYSTEM, WRONG, objective=tfvae.ImportanceWeighted(4, gradient), seed=3)
    model.compile(keras.optimizers.SGD(1.0), jit_compile=False, run_eagerly=gradient != "dreg")
    before = [np.asarray(each) for each in model.encoder.trainable_variables]
    model.train_on_batch(X)
    moved = [old - np.asarray(new) for old, new in zip(before, model.encoder.trainable_variables, strict=True)]
    for step, expected in zip(moved, gradients_of(gradient, WRONG, 4)[0], strict=True):
        np.testing.assert_allclose(step, expected, rtol=1e-5, atol=1e-6)  # the noise is float32
