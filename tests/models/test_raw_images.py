"""One rule about raw images behind every door: the same arrays are refused with the same sentence, and no others."""

import itertools
import re

import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from faults import fault
from tfvae import datasets, evaluation, raw_images
from tfvae.preprocessing import Identity, Levels, Rescale
from tfvae.raw_images import ROUNDING, NotImages

RAW = tiny.images(24)
GREY = RAW / np.float32(255)
BLACK_AND_WHITE = RAW > 100
MODEL = tiny.compiled(tiny.vae(), run_eagerly=True)


def load(folder, images):
    np.save(folder / "data.npy", images)
    datasets.load(folder / "data.npy")


DOORS = {
    "load": load,
    "fit": lambda _, images: MODEL.fit(images, verbose=0),
    "validation": lambda _, images: MODEL.fit(RAW, validation_data=images, verbose=0),
    "validation with labels": lambda _, images: MODEL.fit(RAW, validation_data=(images, None), verbose=0),
    "evaluate": lambda _, images: MODEL.evaluate(images, verbose=0),
    "predict": lambda _, images: MODEL.predict(images, verbose=0),
    "encoder.predict": lambda _, images: MODEL.encoder.predict(images, verbose=0),
    "fix": lambda _, images: evaluation.fix(images, MODEL.preprocess),
    "log_likelihood": lambda _, images: MODEL.log_likelihood(images, 2),
    "latent_statistics": lambda _, images: evaluation.latent_statistics(MODEL, images),
    "export": lambda folder, images: tfvae.export(MODEL, folder / "model", reference=images),
}
BINARY = "holds the integers 0 and 1 only, which as levels of 0 to 255 are all but black; pass black and white as 0 and"
REFUSED = {
    "0 and 1 as uint8": (BLACK_AND_WHITE.astype("uint8"), BINARY),
    "0 and 1 as int64": (BLACK_AND_WHITE.astype("int64"), BINARY),
    "levels as floats": (RAW * 1.0, "received 0 to 255: pass levels 0 to 255 as uint8, or divide them by 255."),
    "12 bits in 16": (RAW.astype("uint16") * 16, "received 0 to 4080: divide levels of more bits by their largest"),
    "a few of 12 bits in 16": (
        np.where(RAW.max() == RAW, 300, RAW.astype("uint16")),
        "levels 0 to 255; received 0 to 300",
    ),
    "signed": (RAW.astype("int16") - 128, "levels 0 to 255; received -128 to 127."),
    "-1 to 1": (GREY * 2 - 1, "received -1 to 1: `(images + 1) / 2` maps [-1, 1] to [0, 1]."),
    "a resize that overshoots": (GREY * 1.05, "received 0 to 1.05: clip what a resize overshot"),
    "more than rounding": (GREY + 3e-6, "received 3e-06 to 1 + 3e-06: clip what"),
    "not finite": (np.where(RAW.max() == RAW, np.nan, GREY), "holds values that are not finite."),
    "text": (RAW.astype(str), "must hold integers 0 to 255 or floats in [0, 1]; received <U3."),
}


@fault("one-check")
@pytest.mark.parametrize(
    ("door", "case"),
    # Two doors make a tensor first, which text cannot be.
    [
        each
        for each in itertools.product(DOORS, REFUSED)
        if each not in (("log_likelihood", "text"), ("export", "text"))
    ],
)
def test_every_door_refuses_the_same_arrays_with_the_same_sentence(door, case, tmp_path):
    images, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        DOORS[door](tmp_path, images)
    assert str(caught.value).startswith("`")
    assert "\n" not in str(caught.value)


@fault("one-check")
def test_a_model_still_raises_floating_point_errors():
    assert issubclass(NotImages, FloatingPointError)


@fault("one-check")
@pytest.mark.parametrize("door", ["load", "fit", "evaluate", "fix"])
def test_levels_that_were_divided_twice_are_refused_as_a_set(door, tmp_path):
    with pytest.raises(ValueError, match=r"floats up to 0.00392\d+ only.*were levels divided by 255 twice"):
        DOORS[door](tmp_path, GREY / 255)


@fault("one-check")
def test_a_dataset_of_0_and_1_is_refused_by_its_first_batch():
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    data = tf.data.Dataset.from_tensor_slices(BLACK_AND_WHITE.astype("uint8")).batch(8)
    for use in (model.fit, model.evaluate, model.predict):
        with pytest.raises(FloatingPointError, match=r"stopped.*the integers 0 and 1 only"):
            use(data, verbose=0)
    assert model.skipped_steps == 1


DARK = np.zeros_like(RAW)
DARK[3, 2, 2] = 1


@fault("one-check")
@pytest.mark.parametrize(
    "images",
    [DARK[:1] * 0, DARK[3:4], DARK[:8], BLACK_AND_WHITE[:1].astype("uint8"), GREY / 255],
    ids=["black", "one pixel", "black but for one pixel", "one of 0 and 1", "dark floats"],
)
def test_images_that_may_be_dark_are_taken(images):
    """A night may be black: predictions and scores of it are given."""
    assert np.isfinite(MODEL.predict(images, verbose=0)).all()
    assert np.isfinite(MODEL.predict_on_batch(images)).all()
    assert np.isfinite(MODEL.log_likelihood(images, 2)).all()
    assert np.isfinite(MODEL.evaluate(images[-1:], verbose=0)).all()  # one image is no set
    assert evaluation.fix(images[-1:], MODEL.preprocess).x.shape == (1, *tiny.SHAPE)


TAKING = [door for door in DOORS if door != "export"]  # which takes seconds, and scores as `log_likelihood` does


@pytest.mark.parametrize("door", TAKING)
def test_black_and_white_as_bool_are_taken_everywhere(door, tmp_path):
    DOORS[door](tmp_path, BLACK_AND_WHITE)


@fault("types")
def test_bool_arrays_are_measured_as_0_and_255():
    levels = np.where(BLACK_AND_WHITE, 255, 0).astype("uint8")
    for preprocess in (MODEL.preprocess, Rescale(), Levels()):
        assert evaluation.fix(BLACK_AND_WHITE, preprocess).digest == evaluation.fix(levels, preprocess).digest
    np.testing.assert_array_equal(MODEL.log_likelihood(BLACK_AND_WHITE, 2), MODEL.log_likelihood(levels, 2))


ROUNDED = {
    "1 + 1e-12": np.clip(RAW / 255.0, 0, 1) * (1 + 1e-12),
    "1.0000001": GREY * np.float32(1.0000001),
    "-1e-7": GREY - np.float32(1e-7),
}


def rounded():
    """Each of the three at each door; one of them is fast at every door, and all are at two."""
    for door in TAKING:
        for name, images in ROUNDED.items():
            is_fast = name == "1.0000001" or door in ("fit", "fix")
            yield pytest.param(door, images, id=f"{door}-{name}", marks=() if is_fast else pytest.mark.slow)


@fault("types")
@pytest.mark.parametrize(("door", "images"), list(rounded()))
def test_rounding_is_forgiven(door, images, tmp_path):
    DOORS[door](tmp_path, images)


@fault("types")
def test_rounding_leaves_no_values_outside_0_to_1(tmp_path):
    images = np.where(RAW == 255, 1 + ROUNDING, np.where(RAW == 0, -ROUNDING, GREY))
    for preprocess in (Rescale(), Levels()):
        x = evaluation.fix(images, preprocess).x
        assert (x.min(), x.max()) == (0, preprocess(np.uint8([[255]])).numpy().max())
    np.save(tmp_path / "data.npy", images)
    loaded = datasets.load(tmp_path / "data.npy").train.images
    assert (loaded.min(), loaded.max()) == (0, 1)


def test_numbers_that_are_no_images_only_have_to_be_finite():
    preprocess = Identity()
    preprocess.check(np.float32([[-1e6, 1e6]]))
    preprocess.check(np.int64([[0, 1], [1, 1]]))
    for wrong, sentence in ((np.inf, "not finite"), ("a", "must hold numbers; received <U1")):
        with pytest.raises(ValueError, match=f"^`raw` .*{sentence}"):
            preprocess.check(np.array([[wrong]]))


def test_a_batch_of_integers_is_judged_by_its_first_images():
    few = BLACK_AND_WHITE[: raw_images.FEW].astype("int32")
    found = [int(Rescale().problems(tf.constant(each))) for each in (few, few[1:], np.concatenate([few, RAW]), few * 2)]
    assert found == [8, 0, 32, 0]


def test_half_precision_is_checked_too():
    for dtype in (tf.float16, tf.bfloat16):
        Rescale().check(tf.cast(GREY, dtype))
        with pytest.raises(NotImages, match="received 0 to 2"):
            Rescale().check(tf.cast(GREY * 2, dtype))
