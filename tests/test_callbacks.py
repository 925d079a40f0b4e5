"""Callbacks write one picture an epoch, of the arrays that the model gives."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae.callbacks import ReconstructionGrid, SampleGrid

SHAPE = (4, 3, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return tfvae.vae(SHAPE, latent_size=2, hidden=(5,))


@pytest.fixture
def drawn(monkeypatch):
    """What the plotting functions are called with, by their names."""
    calls = {}
    for name in ("image_grid", "reconstruction_grid"):
        draw = getattr(tfvae.plots, name)

        def record(*arrays, _name=name, _draw=draw, **options):
            calls.setdefault(_name, []).append((*arrays, options))
            return _draw(*arrays, **options)

        monkeypatch.setattr(tfvae.plots, name, record)
    return calls


def epochs(callback, model, number=2):
    callback.set_model(model)
    for epoch in range(number):
        callback.on_epoch_end(epoch, logs={"loss": 1.0})


def test_a_picture_is_written_at_the_end_of_every_epoch(model, tmp_path):
    folder = tmp_path / "not" / "there"
    epochs(SampleGrid(folder, n=4), model)
    epochs(ReconstructionGrid(str(folder), IMAGES), model)
    names = [f"{kind}-epoch-00{epoch}.png" for kind in ("reconstructions", "samples") for epoch in (1, 2)]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in names)


@pytest.mark.parametrize(
    ("mean", "title"), [(True, "decoder means for z ~ p(z)"), (False, "draws from p(x|z) for z ~ p(z)")]
)
def test_samples_come_from_the_same_latents_every_epoch_and_the_title_says_what_they_are(
    model, drawn, tmp_path, mean, title
):
    epochs(SampleGrid(tmp_path, n=4, seed=3, mean=mean), model)
    _, expected = model.sample(4, seed=3, mean=mean)
    for images, options in drawn["image_grid"]:
        np.testing.assert_array_equal(images, expected)
        assert options == {"title": title}


@pytest.mark.parametrize("raw", [IMAGES, IMAGES[..., 0], IMAGES / np.float32(255)], ids=["levels", "no-axis", "floats"])
def test_reconstructions_are_the_models_of_the_images_given(model, drawn, tmp_path, raw):
    epochs(ReconstructionGrid(tmp_path, raw), model, number=1)
    ((originals, reconstructions, _),) = drawn["reconstruction_grid"]
    np.testing.assert_allclose(originals, (IMAGES + 0.5) / 256, rtol=1e-6)
    np.testing.assert_allclose(reconstructions, model.predict(IMAGES, verbose=0), rtol=1e-5, atol=1e-6)
