"""Autoencoders: the loss is the squared error of the clean image, and what they cannot do they say."""

import keras
import numpy as np
import pytest

import tfvae
import tiny
from tfvae import families, preprocessing
from tfvae.corruption import MaskingNoise
from tfvae.models import Autoencoder
from tfvae.noise import EVALUATION_SEED, Noise
from tiers import slow

RAW = tiny.images()


def autoencoder(corruption=None, preprocess=None, **families_):
    keras.utils.set_random_seed(0)
    of = {"encoder": families.Delta((tiny.LATENT,)), "decoder": families.Delta(tiny.SHAPE)} | families_
    encoder, decoder = (tfvae.ConditionalDistribution(tiny.network(), of[name]) for name in ("encoder", "decoder"))
    return Autoencoder(encoder, decoder, preprocess or preprocessing.Rescale(), corruption)


both = pytest.mark.parametrize("corruption", [None, MaskingNoise(0.4)], ids=["plain", "denoising"])


@both
def test_the_loss_is_the_squared_error_of_an_image_whose_input_is_corrupted(corruption, eager):
    model = tiny.compiled(autoencoder(corruption))
    x = RAW.astype(np.float32) / 255
    seen = x if corruption is None else corruption(x, Noise(EVALUATION_SEED))
    restored = model.decoder(model.encoder(seen).mean()).mean()
    errors = np.sum((np.float64(restored) - x) ** 2, axis=(1, 2, 3))
    assert model.evaluate(RAW, verbose=0) == pytest.approx(errors.mean(), rel=1e-5)


@pytest.mark.parametrize("corruption", [slow(None), MaskingNoise(0.4)], ids=["plain", "denoising"])
def test_it_learns_and_reports_the_loss_alone(corruption):
    model = tiny.compiled(autoencoder(corruption), keras.optimizers.Adam(0.1))
    history = model.fit(RAW, batch_size=8, epochs=8, validation_data=RAW, verbose=0).history
    assert set(history) == {"loss", "val_loss", "skipped"}
    assert history["val_loss"][-1] < 0.7 * history["val_loss"][0]


def test_a_corruption_is_drawn_anew_in_training_and_is_the_same_in_every_validation(eager):
    model = autoencoder(MaskingNoise(0.4))
    model.compile(keras.optimizers.SGD(0.0))
    history = model.fit(RAW, batch_size=24, epochs=2, validation_data=RAW, verbose=0).history
    assert history["loss"][0] != history["loss"][1]
    assert history["val_loss"][0] == history["val_loss"][1]


@pytest.mark.slow
@both
def test_saved_it_is_the_same(corruption, tmp_path, eager):
    model = tiny.compiled(autoencoder(corruption))
    tiny.train(model, 3)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert loaded.corruption == corruption
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    for each in (model, loaded):
        tiny.train(each, 2)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_views_are_what_went_in_and_came_out(eager):
    plain, denoising = autoencoder(), autoencoder(MaskingNoise(0.4))
    assert list(plain.views(RAW)) == ["image", "reconstruction"]
    views = denoising.views(RAW)
    assert list(views) == ["image", "corrupted", "restored"]
    np.testing.assert_array_equal(
        views["restored"], denoising.decoder(denoising.encoder(views["corrupted"]).mean()).mean()
    )
    np.testing.assert_allclose(plain.predict(RAW, verbose=0), plain.views(RAW)["reconstruction"], atol=1e-6)


def test_codes_are_the_points_that_the_encoder_gives(eager):
    model = autoencoder()
    x = model.representative(RAW)
    np.testing.assert_array_equal(model.codes(x), model.encoder(x).mean())
    np.testing.assert_allclose(model.encoder.predict(RAW, verbose=0), model.codes(x), rtol=1e-6)
    assert tfvae.evaluation.encode(model, x).stddev is None


def test_it_says_why_it_cannot_sample():
    with pytest.raises(NotImplementedError, match=r"no p\(z\) that codes could be drawn from, so it cannot sample"):
        autoencoder().sample(3)


def test_it_says_why_it_has_no_likelihood():
    with pytest.raises(ValueError, match=r"^An autoencoder has no p\(x\)"):
        autoencoder().log_likelihood(RAW)


def test_an_evaluation_names_what_there_is_not():
    labels = np.arange(len(RAW)) % 2
    examples = tfvae.evaluation.Examples(RAW, labels)
    report = tfvae.evaluation.assess(autoencoder(), examples, examples).report
    assert {"likelihood", "latents", "samples"} <= set(report["missing"])
    assert "representation" in report
    assert "has no p(x)" in tfvae.evaluation.table(report)


def test_distributions_are_refused_for_points():
    with pytest.raises(ValueError, match=r"^`encoder` must have the family `Delta`: a point; received `Normal`\.$"):
        autoencoder(encoder=families.Normal((tiny.LATENT,)))
    with pytest.raises(ValueError, match=r"^`decoder` must have the family `Delta`: a point; received `Bernoulli`\.$"):
        autoencoder(decoder=families.Bernoulli(tiny.SHAPE))


def test_other_kinds_of_parts_are_refused():
    with pytest.raises(TypeError, match="`encoder` must be a `ConditionalDistribution`; received Sequential"):
        Autoencoder(tiny.network(), tiny.network(), preprocessing.Rescale())
    with pytest.raises(TypeError, match=r"`corruption` must be a `Corruption` or None; received 0\.3"):
        autoencoder(0.3)


def test_a_vae_refuses_a_point_for_a_likelihood():
    with pytest.raises(ValueError, match="`decoder` must have a density"):
        tiny.vae(likelihood=families.Delta(tiny.SHAPE), preprocess=preprocessing.Rescale())
