"""What the encoder of a VAE sees of the preprocessed data."""

import numpy as np
import tensorflow as tf
import tiny

from tfvae import families, preprocessing
from tfvae.noise import Noise

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
