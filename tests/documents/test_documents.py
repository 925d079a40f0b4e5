"""The Python blocks of README.md, docs/models.md and docs/extending.md run as printed, and the extensions are right.

The blocks of one document share a namespace, as if typed one after the other. They run in an empty folder and in a
world made small by three substitutions (`quickly`): few images, one epoch, and no XLA, whose compilation takes longer
than all the rest.
"""

import re
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

import tfvae
from oracles import normal_log_density
from places import ROOT
from tfvae.noise import Noise
from tiers import slow

TRAINING_IMAGES, TEST_IMAGES = 300, 50
MODELS = ("residual_vae", "laplace_vae", "mixture_vae", "capacity_vae", "pixels")


def blocks(document):
    """The number of the line before each Python block, and the block."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, block.start(1)), block[1]) for block in found]


def quickly(patch):
    """Makes what the documents call quick: few images, one epoch, no XLA whatever `compile` is told."""
    load, fit = tfvae.datasets.load, keras.Model.fit

    def load_few(name):
        data = load(name)
        few = data.train.take(np.arange(TRAINING_IMAGES)), data.test.take(np.arange(TEST_IMAGES))
        return replace(data, train=few[0], test=few[1])

    def fit_once(self, *arguments, **options):
        return fit(self, *arguments, **(options | {"epochs": 1, "verbose": 0}))

    patch.setenv("XDG_CACHE_HOME", str(Path.cwd() / "cache"))  # what is measured without XLA must not be kept
    patch.setattr(tfvae.datasets, "load", load_few)
    patch.setattr(keras.Model, "fit", fit_once)
    patch.setattr(keras.Model, "jit_compile", property(lambda self: False, lambda self, wanted: None))


def run(document, folder):
    """Runs the blocks of a document in a folder; returns the namespace that they leave."""
    namespace = {"__name__": "document"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        quickly(patch)
        for line, block in blocks(document):
            code = compile("\n" * line + block, document, "exec")  # tracebacks name the line of the document
            exec(code, namespace)
    return namespace


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """The namespace that docs/extending.md leaves."""
    return run("docs/extending.md", tmp_path_factory.mktemp("extending"))


@pytest.mark.parametrize("document", [slow("README.md"), "docs/models.md"])
def test_document_runs(document, tmp_path):
    run(document, tmp_path)


def test_extensions_are_short():
    sizes = [sum(bool(line.strip()) for line in block.splitlines()) for _, block in blocks("docs/extending.md")]
    assert sizes and max(sizes) <= 15, sizes


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_extension_learns_every_weight_and_survives_saving(extended, name, tmp_path):
    model, images = extended[name], extended["images"][:20]
    model.compile(optimizer=keras.optimizers.SGD(1e-4), jit_compile=False)
    before = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
    model.fit(images, batch_size=20, verbose=0)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        new = keras.ops.convert_to_numpy(variable)
        assert np.all(np.isfinite(new)) and np.any(new != old), variable.path
    model.save(tmp_path / "model.keras")
    again = tfvae.load(tmp_path / "model.keras")
    assert again.evaluate(images, verbose=0, return_dict=True) == model.evaluate(images, verbose=0, return_dict=True)


def test_residual_network_without_its_branches_is_linear(extended):
    network = extended["residual_mlp"]((4, 4, 1), units=6)
    first, *others = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    x = np.random.default_rng(0).normal(size=(5, 4, 4, 1)).astype("float32")
    linear = x.reshape(5, 16) @ first.kernel.numpy() + first.bias.numpy()
    assert len(others) == 4 and np.max(np.abs(network(x) - linear)) > 0.01
    for second_of_branch in others[1::2]:
        second_of_branch.kernel.assign(tf.zeros_like(second_of_branch.kernel.value))
    np.testing.assert_allclose(network(x), linear, atol=1e-6)


def test_laplace_is_scipys(extended):
    family, rng = extended["Laplace"]((3,)), np.random.default_rng(0)
    location, raw_scale, x = rng.normal(size=(4, 3)), np.array([0.3]), rng.normal(size=(5, 4, 3))
    scale = 1 / 256 + np.log1p(np.exp(0.3))
    distribution = family.distribution(tf.constant(location), tf.constant(raw_scale))
    expected = stats.laplace.logpdf(x, location, scale).sum(-1)
    np.testing.assert_allclose(distribution.log_prob(x), expected, rtol=1e-12)
    noise = Noise(1, 2, 3)
    uniform = np.float64(noise.uniform("likelihood", 4, (3,), 5))
    draws = family.draw(distribution, noise, "likelihood", 5)
    np.testing.assert_allclose(draws, stats.laplace.ppf(uniform, location, scale), rtol=1e-12)


def test_laplace_has_bits_per_dimension_and_refuses_binarised_pixels(extended):
    model = extended["laplace_vae"]
    assert model.unit.bits_per_dim(0.0, 784) == 8
    with pytest.raises(ValueError, match="do not fit"):
        tfvae.units.unit(tfvae.preprocessing.Binarize(), extended["Laplace"]((28, 28, 1)))


def test_mixture_is_the_mean_of_its_normals(extended):
    prior, rng = extended["MixtureOfNormals"]((2,), components=3), np.random.default_rng(0)
    centres, z = np.float32(5 * rng.normal(size=(3, 2))), np.float32(rng.normal(size=(6, 4, 2)))
    prior.centres.assign(centres)
    each = normal_log_density(z[..., np.newaxis, :], centres, 1.0).sum(-1)
    expected = special.logsumexp(each, axis=-1) - np.log(3)
    np.testing.assert_allclose(prior.distribution(None).log_prob(z), expected, rtol=1e-5)

    noise = Noise(0)
    draws = prior.draw(None, noise, 3000)
    distances = np.abs((draws - noise.normal("prior", 3000, (2,)))[:, np.newaxis] - centres).max(axis=-1)
    assert np.all(distances.min(axis=-1) < 1e-5)
    counts = np.bincount(distances.argmin(axis=-1), minlength=3)
    assert stats.chisquare(counts).pvalue > 1e-3
    np.testing.assert_allclose(prior.draw(None, noise, 7), draws[:7], rtol=1e-6)


def test_mixture_has_no_closed_form_and_says_so(extended):
    model = extended["mixture_vae"]
    trace = model.sample_trace(extended["images"][:2], Noise(0), 3)
    assert trace.latents[0].kl is None
    with pytest.raises(ValueError, match="analytic_kl=False"):
        tfvae.ELBO()(trace)


def test_capacity_charges_the_distance_from_the_capacity(extended):
    distortion, rate = np.float32([[5, 7], [9, 1]]), np.float32([[8, 30], [1, 1]])
    nothing = tf.zeros((2, 2))
    latent = tfvae.Latent(nothing, nothing, nothing, nothing, tf.constant(rate))
    scores = extended["Capacity"](capacity=15.0, weight=2.0)(tfvae.Trace(tf.constant(-distortion), (latent,)))
    np.testing.assert_allclose(scores.distortion, [7, 4])
    np.testing.assert_allclose(scores.rate, [38, 2])
    np.testing.assert_allclose(scores.elbo, [-45, -6])
    np.testing.assert_allclose(scores.loss, [7 + 2 * 23, 4 + 2 * 13])


def test_independent_pixels_are_exact(extended, float64):
    images = extended["images"][:20]
    model = extended["IndependentPixels"]((28, 28, 1))
    x = tfvae.evaluation.fix(images, model.preprocess).x
    logits = np.random.default_rng(0).normal(size=(28, 28, 1))
    model.logits.assign(logits)
    expected = (x * special.log_expit(logits) + (1 - x) * special.log_expit(-logits)).reshape(20, -1).sum(-1)
    for sample_size in (1, 3, 120):
        log_p = tfvae.evaluation.log_likelihood(model, images, sample_size)
        np.testing.assert_allclose(log_p, expected, rtol=1e-12)
    model.compile(optimizer=keras.optimizers.SGD(1.0), jit_compile=False)
    elbo = model.evaluate(images, verbose=0, return_dict=True)["elbo"]
    np.testing.assert_allclose(elbo, expected.mean(), rtol=1e-12)

    drawn = model.preprocess(images, Noise(model.seed, step=0, first_row=0))  # what the first training step sees
    model.fit(images, batch_size=20, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.logits, logits + np.mean(drawn - special.expit(logits), axis=0), rtol=1e-12)
