"""A density alone: a mixture of normals trained on its exact likelihood."""

import keras
import numpy as np
import pytest
from scipy import special, stats

import tfvae
import tiny
from tfvae import preprocessing
from tfvae.models import Density
from tfvae.noise import Noise
from tfvae.priors import MixtureOfNormals, StandardNormal

RAW = tiny.images(60)


def mixture(components=3, rank=0, event_shape=(4,), min_scale=0.1, seed=0):
    """One with weights that are nothing special."""
    layer = MixtureOfNormals(event_shape, components, rank, min_scale)
    rng = np.random.default_rng(seed)
    for variable in layer.weights:
        variable.assign(rng.normal(size=variable.shape))
    return layer


def parameters(layer):
    """Weights `[K]`, means `[K, D]` and covariances `[K, D, D]`, in float64."""
    names = {variable.name: np.float64(variable) for variable in layer.weights}
    scales = layer.min_scale + np.logaddexp(0, names["raw_scales"])
    covariances = np.stack([np.diag(each**2) for each in scales])
    if "factors" in names:
        covariances += names["factors"] @ names["factors"].transpose(0, 2, 1)
    return special.softmax(names["logits"]), names["means"], covariances


def joint(layer, x):
    """log w_k N(x; ...) of each example and component, by SciPy."""
    columns = [
        np.log(weight) + stats.multivariate_normal(mean, covariance).logpdf(x)
        for weight, mean, covariance in zip(*parameters(layer), strict=True)
    ]
    return np.stack(columns, axis=-1)


every_rank = pytest.mark.parametrize("rank", [0, 2])


@every_rank
def test_log_prob_is_that_of_the_mixture(float64, rank):
    layer = mixture(rank=rank)
    x = 2 * np.random.default_rng(1).normal(size=(7, 4))
    expected = special.logsumexp(joint(layer, x), axis=1)
    np.testing.assert_allclose(layer.distribution().log_prob(x), expected, rtol=1e-10)
    samples = x.reshape(7, 1, 4)
    np.testing.assert_allclose(layer.distribution().log_prob(samples)[:, 0], expected, rtol=1e-10)


@every_rank
def test_an_image_is_its_pixels_in_a_row(float64, rank):
    flat, image = mixture(rank=rank), mixture(rank=rank, event_shape=(2, 2, 1))
    x = np.random.default_rng(1).normal(size=(7, 4))
    np.testing.assert_allclose(
        image.distribution().log_prob(x.reshape(7, 2, 2, 1)), flat.distribution().log_prob(x), rtol=1e-12
    )
    np.testing.assert_array_equal(image.draw(None, Noise(0), 5), np.reshape(flat.draw(None, Noise(0), 5), (5, 2, 2, 1)))


@every_rank
def test_responsibilities_are_bayes_rule(float64, rank):
    layer = mixture(rank=rank)
    x = np.random.default_rng(1).normal(size=(7, 4))
    np.testing.assert_allclose(layer.responsibilities(x), special.softmax(joint(layer, x), axis=1), rtol=1e-9)


@every_rank
def test_draws_have_the_mixtures_mean_and_covariance(rank):
    layer = mixture(rank=rank)
    weights, means, covariances = parameters(layer)
    mean = weights @ means
    centred = means - mean
    covariance = np.einsum("k,kij->ij", weights, covariances + centred[:, :, None] * centred[:, None])
    draws = np.float64(layer.draw(None, Noise(2), 40_000))
    assert np.abs(draws.mean(axis=0) - mean).max() < 4 * np.sqrt(covariance.max() / 40_000)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.05 * covariance.max())


def test_the_first_of_more_draws_are_those_of_fewer():
    layer = mixture()
    np.testing.assert_array_equal(layer.draw(None, Noise(2), 9)[:4], layer.draw(None, Noise(2), 4))


def test_one_component_at_the_origin_is_the_standard_normal(float64):
    layer = MixtureOfNormals((4,), 1, min_scale=1e-9)
    for variable in layer.weights:
        variable.assign(np.zeros(variable.shape))
    by_name = {variable.name: variable for variable in layer.weights}
    by_name["raw_scales"].assign(np.full((1, 4), np.log(np.expm1(1 - 1e-9))))
    x = np.random.default_rng(1).normal(size=(7, 4))
    expected = StandardNormal((4,)).distribution(None).log_prob(x)
    np.testing.assert_allclose(layer.distribution().log_prob(x), expected, rtol=1e-12)


def test_it_starts_at_clusters():
    rng = np.random.default_rng(0)
    centres = np.array([[-5.0, 0], [5, 0], [0, 8]])
    counts = [50, 30, 20]
    x = np.concatenate([c + 0.5 * rng.normal(size=(n, 2)) for c, n in zip(centres, counts, strict=True)])
    layer = MixtureOfNormals((2,), 3)
    layer.start_at(x)
    weights, means, covariances = parameters(layer)
    order = np.argsort(-weights)
    np.testing.assert_allclose(weights[order], np.array(counts) / 100, rtol=1e-5)
    np.testing.assert_allclose(means[order], [x[:50].mean(0), x[50:80].mean(0), x[80:].mean(0)], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        covariances[order][:, 0, 0], [g[:, 0].var() for g in (x[:50], x[50:80], x[80:])], rtol=1e-3
    )


def test_more_components_than_examples_are_refused():
    with pytest.raises(ValueError, match=r"^`components` must be at most the number of examples, 4; received 5\.$"):
        MixtureOfNormals((2,), 5).start_at(np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"components": 0}, "`components` must be at least 1; received 0."),
        ({"rank": -1}, "`rank` must be at least 0; received -1."),
        ({"rank": 4}, "`rank` must be below the 4 elements of an example; received 4."),
        ({"min_scale": 0}, "`min_scale` must be above 0; received 0."),
    ],
)
def test_what_makes_no_mixture_is_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        MixtureOfNormals((4,), **arguments)
    assert str(error.value) == message


def density(rank=0):
    keras.utils.set_random_seed(0)
    return tiny.compiled(Density(MixtureOfNormals(tiny.SHAPE, 3, rank), preprocessing.Dequantize()))


@pytest.mark.slow
@every_rank
def test_a_density_learns_its_exact_likelihood(rank):
    model = density(rank)
    model.density.start_at(np.asarray(model.representative(RAW)))
    history = model.fit(RAW, batch_size=20, epochs=10, validation_data=RAW, verbose=0).history
    assert set(history) == {"loss", "val_loss", "skipped"}
    assert history["val_loss"][-1] < history["val_loss"][0]
    x = tfvae.evaluation.fix(RAW, model.preprocess).x
    exact = np.float64(model.density.distribution().log_prob(x))
    assert -exact.mean() == pytest.approx(history["val_loss"][-1], rel=1e-5)
    np.testing.assert_allclose(model.log_likelihood(RAW), exact, rtol=1e-5)


def test_the_title_of_its_samples_speaks_of_no_latents():
    assert density().sample_title(mean=True) == density().sample_title(mean=False) == "draws from p(x)"


def test_saved_it_is_the_same(tmp_path, eager):
    model = density(2)
    tiny.train(model, 3)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    for one, other in zip(model.sample(4), loaded.sample(4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_it_lacks_it_says():
    model = density()
    with pytest.raises(NotImplementedError, match="nothing to reconstruct from"):
        model.views(RAW)
    assert "exact" in model.lacks["latents"]


def test_a_density_of_two_points_is_refused():
    with pytest.raises(ValueError, match="a density on the two points 0 and 1 grows without limit"):
        Density(StandardNormal(tiny.SHAPE), preprocessing.Binarize())


def test_an_evaluation_calls_it_exact():
    examples = tfvae.evaluation.Examples(RAW, np.arange(60) % 2)
    report = tfvae.evaluation.assess(density(), examples, examples, sample_size=50).report
    found = report["likelihood"]
    assert (found["sample_size"], found["corrected"], found["exact"]) == (1, None, True)
    assert "elbo" not in found
    assert "log p(x), exact" in tfvae.evaluation.table(report)
    assert found["draw_error"] > 0
    assert {"reliability", "simulated", "naive"}.isdisjoint(report)
    assert "bits_per_dim" in found
