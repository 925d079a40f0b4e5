"""Codes are the moments of the posteriors of a fixed array, in its order."""

import keras
import numpy as np
import pytest

import tfvae
from linear_gaussian import linear_vae
from oracles import LinearGaussian
from tfvae.evaluation import encode, fix

SYSTEM = LinearGaussian.random()
X = SYSTEM.draw(23)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("batch_size", [1, 7, 22, 23, 1000])
def test_mean_and_stddev_of_a_linear_gaussian_model(batch_size):
    exact = SYSTEM.posterior()
    found = encode(linear_vae(SYSTEM, full=True), X, batch_size)
    np.testing.assert_allclose(found.mean, exact.mean(X), rtol=1e-10)
    np.testing.assert_allclose(found.stddev, np.tile(np.sqrt(np.diag(exact.covariance)), (23, 1)), rtol=1e-10)


def test_x_is_preprocessed_already():
    keras.utils.set_random_seed(0)
    model = tfvae.vae((4, 3, 1), 3, "mlp(5)")
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 3, 1), np.uint8)
    mean, stddev = encode(model, np.asarray(model.representative(images)))
    np.testing.assert_allclose(mean, model.encoder.predict(images, verbose=0), rtol=1e-5)
    assert mean.shape == stddev.shape == (9, 3) and mean.dtype == np.float32
    assert np.abs(encode(model, fix(images, model.preprocess).x).mean - mean).max() > 1e-5


def test_latents_that_are_no_vectors_are_flattened():
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Normal((2, 1, 3))),
        decoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Normal((6,))),
        prior=tfvae.priors.StandardNormal((2, 1, 3)),
        preprocess=tfvae.preprocessing.Identity(),
    )
    x = np.float32(X)
    np.testing.assert_allclose(encode(model, x, 10).mean, np.reshape(model.posterior(x).mean(), (23, 6)), rtol=1e-5)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"^`x` must hold at least one example; received none\.$"):
        encode(linear_vae(SYSTEM, full=True), X[:0])
    with pytest.raises(ValueError, match=r"^`batch_size` must be an integer; received 2\.5\.$"):
        encode(linear_vae(SYSTEM, full=True), X, batch_size=2.5)
