"""The rate of each latent dimension and active units, against closed forms and NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from linear_gaussian import linear_vae
from oracles import LinearGaussian, kl_diagonal_normals
from tfvae.evaluation import fix, latent_statistics
from tfvae.noise import Noise

ANY = LinearGaussian.random()
ORTHOGONAL = LinearGaussian.random(orthogonal=True)
X = ORTHOGONAL.draw(23)
EXACT = ORTHOGONAL.posterior()
WRONG = EXACT._replace(offset=EXACT.offset + 0.3, covariance=1.5 * EXACT.covariance)
IMAGES = np.random.default_rng(0).integers(0, 256, (23, 4, 3, 1), np.uint8)


def image_vae(latent_size=3):
    keras.utils.set_random_seed(0)
    return tfvae.vae((4, 3, 1), latent_size, "mlp(5)")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("posterior", [EXACT, WRONG], ids=["exact", "wrong"])
def test_rates_and_variances_of_a_linear_gaussian_model_are_the_closed_forms(posterior):
    found = latent_statistics(linear_vae(ORTHOGONAL, posterior), X, batch_size=10)
    mean, stddev = posterior.mean(X), np.sqrt(np.diag(posterior.covariance))
    np.testing.assert_allclose(found.rate, kl_diagonal_normals(mean, stddev).mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(found.total_rate, ORTHOGONAL.rate(X, posterior).mean(), rtol=1e-10)
    np.testing.assert_allclose(found.variance_of_mean, np.var(mean, axis=0), rtol=1e-10)
    assert (found.sampled, found.active.tolist(), found.active_units) == (False, [True] * 3, 3)


@pytest.mark.usefixtures("float64")
def test_a_full_covariance_has_a_sampled_total_rate_and_none_by_dimension():
    posterior, x = ANY.posterior(), ANY.draw(4000)
    model = linear_vae(ANY, full=True)
    found = latent_statistics(model, x)
    assert found.rate is None
    assert found.sampled
    np.testing.assert_allclose(found.variance_of_mean, np.var(posterior.mean(x), axis=0), rtol=1e-10)
    (other,) = model.sample_trace(tf.constant(x), Noise(1), 1).latents
    exact = ANY.rate(x, posterior)
    error = np.std(other.log_q[0] - other.log_p[0] - exact) / np.sqrt(len(x))
    assert error < 0.03
    assert abs(found.total_rate - exact.mean()) <= 4 * error


@pytest.mark.usefixtures("float64")
def test_the_sampled_rate_is_that_of_the_draws_by_index():
    model = linear_vae(ANY, full=True, seed=9)
    trace = model.sample_trace(tf.constant(X), Noise(4), 1)
    (each,) = trace.latents
    expected = np.mean(each.log_q - each.log_p)
    assert latent_statistics(model, X, batch_size=7, seed=4).total_rate == pytest.approx(expected, rel=1e-6)


@pytest.mark.usefixtures("float64")
def test_a_collapsed_dimension_has_no_rate_and_is_not_active():
    collapsed = EXACT._replace(
        slope=EXACT.slope * [[1], [0], [1]], offset=EXACT.offset * [1, 0, 1], covariance=np.diag([0.2, 1, 0.3])
    )
    found = latent_statistics(linear_vae(ORTHOGONAL, collapsed), X)
    assert abs(found.rate[1]) < 1e-12
    assert found.variance_of_mean[1] < 1e-24
    assert found.active.tolist() == [True, False, True]
    assert found.active_units == 2


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("variance", "active"), [(0.0099, 0), (0.0101, 3)])
def test_a_unit_is_active_where_the_variance_of_its_mean_is_above_a_hundredth(variance, active):
    spread = np.std(EXACT.mean(X), axis=0)
    scaled = EXACT._replace(slope=EXACT.slope * np.sqrt(variance) / spread[:, np.newaxis])
    assert latent_statistics(linear_vae(ORTHOGONAL, scaled), X).active_units == active


@pytest.mark.usefixtures("float64")
def test_a_mean_far_from_zero_costs_no_digits():
    far = EXACT._replace(offset=EXACT.offset + 1e6)
    found = latent_statistics(linear_vae(ORTHOGONAL, far), X, batch_size=4)
    np.testing.assert_allclose(found.variance_of_mean, np.var(EXACT.mean(X), axis=0), rtol=1e-8)


@pytest.mark.parametrize("batch_size", [1, 7, 22, 23, 1000])
def test_the_batch_size_does_not_matter(batch_size):
    model = image_vae()
    expected, found = latent_statistics(model, IMAGES), latent_statistics(model, IMAGES, batch_size)
    np.testing.assert_allclose(found.rate, expected.rate, rtol=1e-6)
    np.testing.assert_allclose(found.total_rate, expected.total_rate, rtol=1e-6)
    np.testing.assert_allclose(found.variance_of_mean, expected.variance_of_mean, rtol=1e-6)


@pytest.mark.parametrize("seed", [0, 3])
def test_x_is_the_fixed_draw(seed):
    model, given = image_vae(), image_vae()
    given.preprocess = tfvae.preprocessing.Identity()
    found = latent_statistics(model, IMAGES, batch_size=10, seed=seed)
    expected = latent_statistics(given, fix(IMAGES, model.preprocess, seed).x)
    np.testing.assert_allclose(found.rate, expected.rate, rtol=1e-6)
    assert abs(found.total_rate / latent_statistics(model, IMAGES, seed=5).total_rate - 1) > 1e-5  # it would be seen


def test_the_total_rate_is_that_of_evaluate():
    model = image_vae()
    model.compile(jit_compile=False)
    expected = model.evaluate(IMAGES, batch_size=10, return_dict=True, verbose=0)["rate"]
    found = latent_statistics(model, IMAGES)
    assert found.total_rate == pytest.approx(expected, rel=1e-5)
    assert found.total_rate == pytest.approx(found.rate.sum(), rel=1e-12)


@pytest.mark.parametrize("with_labels", [False, True])
def test_a_dataset_of_batches_is_the_same_data(with_labels):
    model = image_vae()
    data = tf.data.Dataset.from_tensor_slices((IMAGES, np.arange(23)) if with_labels else IMAGES)
    found, expected = latent_statistics(model, data.batch(10)), latent_statistics(model, IMAGES)
    np.testing.assert_allclose(found.rate, expected.rate, rtol=1e-6)
    np.testing.assert_allclose(found.variance_of_mean, expected.variance_of_mean, rtol=1e-6)


def test_a_channel_axis_may_be_missing():
    model = image_vae()
    np.testing.assert_array_equal(latent_statistics(model, IMAGES[..., 0]).rate, latent_statistics(model, IMAGES).rate)


def test_bad_arguments_are_refused():
    model = image_vae()
    with pytest.raises(ValueError, match=r"^`raw` must hold at least one example; received none\.$"):
        latent_statistics(model, IMAGES[:0])
    with pytest.raises(ValueError, match=r"^`batch_size` must be at least 1; received 0\.$"):
        latent_statistics(model, IMAGES, batch_size=0)
    with pytest.raises(ValueError, match=r"takes examples of shape \(4, 3, 1\); received \(5, 3, 1\)"):
        latent_statistics(model, np.zeros((2, 5, 3, 1), np.uint8))
    with pytest.raises(ValueError, match=r"^`raw` holds floats, which must be in \[0, 1\]; received 0.5 to 2"):
        latent_statistics(model, np.float32([0.5, 2.0]).reshape(2, 1, 1, 1) * np.ones((1, 4, 3, 1), np.float32))


def test_a_point_has_no_rate():
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Delta((2,))),
        decoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Normal((4, 3, 1))),
        prior=tfvae.priors.StandardNormal((2,)),
        preprocess=tfvae.preprocessing.Dequantize(),
    )
    with pytest.raises(ValueError, match=r"q\(z\|x\) is a point: its rate is infinite"):
        latent_statistics(model, IMAGES)
