"""Input that is not finite, or is no image, stops the run at once, says so, and leaves the model as it was."""

import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from tfvae import preprocessing
from tiers import long, slow

RAW = tiny.images(24)


@pytest.mark.parametrize("mode", ["graph", "eager", long("XLA"), slow("one program")])
def test_bad_input_stops_at_once(mode):
    model = tiny.compiled(tiny.vae(kind="linear"), **tiny.MODES[mode])
    raw = tiny.images(8) / np.float32(255)
    tiny.train(model, 4, raw)
    before = tiny.state(model)
    raw[3, 2, 2, 0] = np.nan
    with pytest.raises(FloatingPointError, match="step 4: the input"):
        tiny.train(model, 1, raw)
    tiny.assert_same_bits(tiny.state(model), before)
    assert model.skipped_steps == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.5, -0.01, 255.0])
def test_floats_that_are_no_images_are_bad_input(value):
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    raw = tiny.images(8) / np.float32(255)
    raw[7, 0, 0, 0] = value
    with pytest.raises(FloatingPointError, match="input"):
        model.train_on_batch(raw)


@pytest.mark.parametrize(("value", "bad"), [(np.nan, True), (np.inf, True), (1e3, False)])
def test_data_that_are_no_images_only_have_to_be_finite(value, bad):
    model = tiny.compiled(tiny.vae(preprocess=preprocessing.Identity()), run_eagerly=True)
    raw = np.zeros((8, *tiny.SHAPE), "float32")
    raw[0, 0, 0, 0] = value
    if bad:
        with pytest.raises(FloatingPointError, match="input"):
            model.train_on_batch(raw)
    else:
        model.train_on_batch(raw)
        assert model.skipped_steps == 0


@pytest.mark.parametrize("mode", [slow("graph"), long("XLA")])
def test_training_can_be_tried_again_with_good_data(mode):
    model = tiny.compiled(tiny.vae(kind="linear"), **tiny.MODES[mode])
    raw = tiny.images(8)
    with pytest.raises(FloatingPointError):
        tiny.train(model, 1, np.full((8, *tiny.SHAPE), np.nan, "float32"))
    first, *_, last = (tiny.train(model, 20, raw)["loss"][0] for _ in range(3))
    assert last < first
    assert (model.skipped_steps, model.steps) == (1, 61)


@pytest.mark.parametrize("bad", [np.nan, slow(np.inf), slow(255.0), -0.1])
def test_what_is_no_image_is_not_measured(bad, eager):
    model, images = tiny.compiled(tiny.vae()), np.float32(RAW / 255)
    good = model.evaluate(images, verbose=0)
    images[17, 0, 0] = bad
    for use in (model.evaluate, model.predict):
        with pytest.raises(FloatingPointError, match=r"^`x` holds (floats|values that are not finite)"):
            use(images, verbose=0)
        with pytest.raises(FloatingPointError, match=r"^Evaluation or prediction stopped: the input has values that"):
            use(tf.data.Dataset.from_tensor_slices(images).batch(8), verbose=0)
    for measure in (lambda: model.log_likelihood(images, 2), lambda: tfvae.evaluation.fix(images, model.preprocess)):
        with pytest.raises(ValueError, match=r"^`raw` holds (floats|values that are not finite)"):
            measure()
    images[17, 0, 0] = RAW[17, 0, 0] / 255
    assert model.evaluate(images, verbose=0) == good


def test_levels_outside_0_to_255_are_refused():
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    model.fit(RAW.astype("int32"), verbose=0)
    with pytest.raises(FloatingPointError, match="levels 0 to 255; received 1 to 256"):
        model.fit(RAW.astype("int32") + 1, verbose=0)
    with pytest.raises(FloatingPointError, match="levels outside 0 to 255"):
        model.train_on_batch(RAW.astype("int32") + 1)
