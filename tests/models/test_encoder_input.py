"""What the encoder of a VAE sees of the preprocessed data."""

import copy

import numpy as np
import pytest
import tensorflow as tf

import tiny
from faults import fault
from tfvae import families, preprocessing
from tfvae.noise import Noise
from tiers import slow

pytestmark = pytest.mark.usefixtures("eager")
RAW = tiny.images(24)


def test_encoders_see_grey_values_also_of_levels():
    """Numbers up to 255 would train badly: the codes of an image are those that grey values u/255 have."""
    logistic = families.DiscretizedLogistic(tiny.SHAPE)
    levels = tiny.vae(logistic, preprocess=preprocessing.Levels())
    grey = tiny.vae(families.Normal(tiny.SHAPE), preprocess=preprocessing.Rescale())  # with the same encoder
    traces = [model.sample_trace(tf.constant(RAW), Noise(0), 2) for model in (levels, grey)]
    np.testing.assert_allclose(traces[0].latents[0].z, traces[1].latents[0].z, rtol=1e-5, atol=1e-6)
    codes = [model.encoder.predict(RAW, verbose=0) for model in (levels, grey)]
    np.testing.assert_allclose(*codes, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(levels.posterior(levels.preprocess(RAW)).mean(), codes[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(levels(RAW).mean(), levels.decoder(codes[0]).mean(), rtol=1e-4, atol=1e-3)


NO_IMAGES = {
    "levels as floats": RAW.astype(np.float32),
    "levels of 16 bits": RAW.astype(np.uint16) * 257,
    "levels below 0": RAW.astype(np.int32) - 1,
    "floats below 0": RAW / 127.5 - 1,
    "0 and 1": RAW.reshape(len(RAW), -1).argsort(1).reshape(RAW.shape) % 2,
}


@fault("one-check")
@pytest.mark.parametrize(
    ("alone", "data"),
    [
        *((False, data) for data in NO_IMAGES),
        (True, "0 and 1"),
        *(slow(True, data) for data in NO_IMAGES if data != "0 and 1"),
    ],
)
def test_encoders_refuse_batches_that_are_no_images(data, alone):
    encoder = tiny.vae().encoder
    encoder = copy.deepcopy(encoder) if alone else encoder
    codes = encoder.predict(RAW, verbose=0)
    for predict in (
        lambda raw: encoder.predict(tf.data.Dataset.from_tensor_slices(raw).batch(10), verbose=0),
        encoder.predict_on_batch,
    ):
        with pytest.raises(FloatingPointError, match=r"prediction stopped: .* floats outside \[0, 1\]"):
            predict(NO_IMAGES[data])
        np.testing.assert_allclose(predict(RAW), codes, rtol=1e-5, atol=1e-6)


@fault("one-check")
def test_an_encoder_of_levels_that_is_called_with_levels_refuses_them():
    raw = tiny.images(4)
    model = tiny.vae(families.DiscretizedLogistic(tiny.SHAPE), preprocess=preprocessing.Levels())
    x = model.preprocess(raw)
    with pytest.raises(ValueError, match=r"takes grey values.*received levels up to \d+\. .*`posterior\(x\)`"):
        model.encoder(x)
    grey = model.encoder(model.preprocess.grey(x)).mean()
    np.testing.assert_array_equal(grey, model.posterior(x).mean())
    np.testing.assert_allclose(grey, model.encoder.predict(raw, verbose=0), rtol=1e-5, atol=1e-6)
