"""The masked autoencoder: the encoder never sees what is masked, and only that is scored."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from tfvae import networks, preprocessing
from tfvae.models import MaskedAutoencoder
from tfvae.noise import EVALUATION_SEED, Noise

RAW = tiny.images()


def masked_autoencoder(share=0.75, patch=2, shape=tiny.SHAPE):
    keras.utils.set_random_seed(0)
    encoder, decoder = networks.transformer(8, 1, 2), networks.transformer(4, 1, 2)
    return MaskedAutoencoder(encoder, decoder, shape, patch, share, preprocessing.Rescale())


def patches(images, side=2):
    """[B, P, side, side, C], by slicing."""
    _, height, width, _ = images.shape
    rows, columns = range(0, height, side), range(0, width, side)
    return np.stack([images[:, r : r + side, c : c + side] for r in rows for c in columns], axis=1)


def masks(model):
    """Which patches are masked in `views`, by their grey."""
    return np.all(patches(np.asarray(model.views(RAW)["masked"])) == 0.5, axis=(2, 3, 4))


@pytest.mark.parametrize(("share", "visible"), [(0.75, 4), (0.5, 8), (0.1, 14)])
def test_as_many_patches_are_masked_as_was_said(share, visible):
    found = masks(masked_autoencoder(share))
    assert (found.sum(axis=1) == 16 - visible).all()
    assert len({tuple(each) for each in found}) > 12  # of 24 images


def test_visible_patches_come_back_as_they_were():
    model = masked_autoencoder()
    views = {name: patches(np.asarray(each)) for name, each in model.views(RAW).items()}
    seen = ~masks(model)
    for name in ("masked", "restored"):
        np.testing.assert_array_equal(views[name][seen], views["image"][seen])
    assert np.abs(views["restored"] - views["image"])[~seen].max() > 0.01


def test_the_loss_is_the_squared_error_of_the_masked_patches(eager):
    model = tiny.compiled(masked_autoencoder())
    views = {name: np.float64(each) for name, each in model.views(RAW).items()}
    errors = np.sum((views["restored"] - views["image"]) ** 2, axis=(1, 2, 3))
    assert model.evaluate(RAW, batch_size=24, verbose=0) == pytest.approx(errors.mean(), rel=1e-4)


def test_what_is_masked_is_not_seen():
    """Other pixels there change nothing in what is restored."""
    model = masked_autoencoder()
    x = RAW.astype(np.float32) / 255
    hidden = np.kron(masks(model).reshape(-1, 4, 4), np.ones((2, 2)))[..., np.newaxis] > 0
    other = np.where(hidden, 1 - x, x).astype(np.float32)
    for one, two in zip(
        patches(np.asarray(model.views(x)["restored"])),
        patches(np.asarray(model.views(other)["restored"])),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


def test_where_patches_are_matters():
    """With all weights but the positions' the same, two patches that change places give something else."""
    model = masked_autoencoder()
    x = RAW[:1].astype(np.float32) / 255
    turned = x[:, ::-1]
    assert np.abs(model.codes(x) - model.codes(np.ascontiguousarray(turned))).max() > 1e-4


@pytest.mark.slow
def test_it_learns():
    model = tiny.compiled(masked_autoencoder(0.5))
    history = model.fit(RAW, batch_size=8, epochs=30, validation_data=RAW, verbose=0).history
    assert set(history) == {"loss", "val_loss", "skipped"}
    assert history["val_loss"][-1] < 0.7 * history["val_loss"][0]


def test_masks_are_addressed():
    model = masked_autoencoder()
    x = tf.constant(RAW.astype(np.float32) / 255)
    whole = model.trace_of(x, Noise(EVALUATION_SEED)).log_px_z
    part = model.trace_of(x[5:9], Noise(EVALUATION_SEED, first_row=5)).log_px_z
    np.testing.assert_allclose(whole[:, 5:9], part, rtol=1e-5)


def test_every_weight_has_a_gradient():
    model = masked_autoencoder()
    with tf.GradientTape() as tape:
        loss = -tf.reduce_sum(model.trace_of(model.representative(RAW), Noise(0)).log_px_z)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert not any(gradient is None for gradient in gradients)
    assert all(np.isfinite(tf.convert_to_tensor(gradient)).all() for gradient in gradients)


@pytest.mark.slow
def test_colour_and_oblong_images(eager):
    model = tiny.compiled(masked_autoencoder(0.5, 3, (6, 9, 3)))
    raw = np.random.default_rng(0).integers(0, 256, (5, 6, 9, 3), np.uint8)
    model.fit(raw, batch_size=5, verbose=0)
    assert model.predict(raw, verbose=0).shape == raw.shape
    assert model.codes(model.representative(raw)).shape == (5, 8)


@pytest.mark.slow
def test_saved_it_is_the_same(tmp_path, eager):
    model = tiny.compiled(masked_autoencoder())
    tiny.train(model, 3)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    np.testing.assert_array_equal(loaded.predict(RAW, verbose=0), model.predict(RAW, verbose=0))


@pytest.mark.parametrize(
    ("patch", "wrong"), [(3, "divide the image, 8 x 8"), (0, "be at least 1"), (2.0, "be an integer")]
)
def test_patches_that_do_not_divide_the_image_are_refused(patch, wrong):
    with pytest.raises(ValueError, match=rf"^`patch_size` must {wrong}; received {patch}\.$"):
        masked_autoencoder(patch=patch)


@pytest.mark.parametrize(
    ("share", "wrong"),
    [(0, "be above 0"), (-0.5, "be above 0"), (1, "be below 1"), (1.5, "be below 1"), ("most", "be a number"),
     (float("nan"), "be a number"), (0.99, "leave at least one of 16"), (0.01, "leave at least one of 16")],
)  # fmt: skip
def test_masks_that_leave_nothing_are_refused(share, wrong):
    with pytest.raises(ValueError, match=rf"^`mask_share` must {wrong}"):
        masked_autoencoder(share)


def test_it_says_why_it_cannot_sample():
    with pytest.raises(NotImplementedError, match="so it cannot sample; a VAE can"):
        masked_autoencoder().sample(2)


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"^`width` must be a multiple of `heads`, 4; received 6\.$"):
        networks.transformer(6)
