"""Numbers beyond float32: every door gives an error, and none gives NaN or infinity."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from exportable import LACKS, points
from faults import fault
from tfvae.evaluation import encode
from tfvae.serving import signatures
from tfvae.serving.answers import Answers
from tfvae.serving.forms import forms

HUGE = [3e38, -3e38, 2.0**64, np.inf, np.nan]
OF_REALS = ["encode", "encode_sample", "reconstruct", "log_likelihood", "anomaly_score"]


def served(model, names, reference=None):
    """The signatures of an export that answer so."""
    answers = Answers(model, 2, reference)
    taken = forms(model.preprocess, model.data_shape)
    return {key: each for name in names for key, each in signatures._in_all_forms(answers, name, taken).items()}


@pytest.fixture(scope="module")
def ladder():
    keras.utils.set_random_seed(0)
    model = LACKS["ladder"][0]()
    return model, served(model, ["decode"])


@pytest.fixture(scope="module")
def reals():
    """A VAE of vectors, which may be any finite numbers, and its signatures."""
    keras.utils.set_random_seed(0)
    model = points()
    return model, served(model, OF_REALS, np.arange(20.0))


def with_one(value, shape):
    """Zeros but for one number of the second row."""
    array = np.zeros((3, *shape), "float32")
    array[1].flat[0] = value
    return array


@fault("overflow")
@pytest.mark.parametrize("value", HUGE, ids=str)
@pytest.mark.parametrize("signature", ["decode", "decode_bytes"])
def test_a_server_refuses_latents_that_nothing_can_be_made_of(ladder, signature, value):
    model, loaded = ladder
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`z` must be finite, and below 2\^64 in size"):
        loaded[signature].function(z=tf.constant(with_one(value, model.latent_shape)))
    good = loaded[signature].function(z=tf.constant(with_one(30.0, model.latent_shape)))
    if signature == "decode":
        assert all(np.isfinite(each).all() for each in good.values())


@fault("overflow")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *((name, 3e38, "the input has values that are not finite, or of 2^64") for name in OF_REALS),
        ("log_likelihood", 1e19, "`bound` is not finite: the input is too large"),
        ("anomaly_score", -1e19, "`score` is not finite: the input is too large"),
    ],
)
def test_a_server_gives_no_answer_that_is_not_finite(reals, name, value, said):
    _, loaded = reals
    given = {"data": tf.constant(np.full((2, 2), value, "float32"))}
    if "seed" in loaded[name].inputs:
        given["seed"] = tf.constant([1, 2], tf.int64)
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(said)):
        loaded[name].function(**given)
    good = loaded[name].function(**given | {"data": tf.ones((2, 2))})
    assert all(np.isfinite(each).all() for each in good.values())


@fault("overflow")
@pytest.mark.parametrize("value", HUGE, ids=str)
@pytest.mark.parametrize("predict", ["predict", "predict_on_batch"])
def test_parts_predict_nothing_from_what_overflows(ladder, predict, value):
    decoder = ladder[0].decoder
    options = {"verbose": 0} if predict == "predict" else {}
    with pytest.raises(FloatingPointError, match=r"takes finite numbers below 2\^64 in size; received others"):
        getattr(decoder, predict)(with_one(value, decoder.input_event_shape), **options)
    assert np.isfinite(getattr(decoder, predict)(with_one(30.0, decoder.input_event_shape), **options)).all()


@fault("overflow")
@pytest.mark.parametrize("predict", ["predict", "predict_on_batch"])
def test_a_model_predicts_no_answer_that_is_not_finite(predict):
    model, images = overflowing(tiny.vae()), tiny.images(2)
    for answering in (model, model.encoder):
        with pytest.raises(FloatingPointError, match=r"^The (answers|means) of `.+` are not finite"):
            getattr(answering, predict)(images)
    with pytest.raises(FloatingPointError, match=r"^The codes are not finite"):
        encode(model, model.representative(images))


@fault("overflow")
def test_real_numbers_whose_squares_overflow_are_no_data(reals):
    model, _ = reals
    data = np.ones((2, 2), "float32")
    assert np.isfinite(model.predict(data, verbose=0)).all()
    with pytest.raises(FloatingPointError, match=r"`x` holds numbers of 2\^64 and more"):
        model.predict(data * 3e38, verbose=0)


def overflowing(model):
    """The model, whose weights are finite and whose answers are not."""
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(tf.fill(weight.shape, 3e38))
    return model


@fault("overflow")
@pytest.mark.parametrize(
    "make",
    [
        tiny.vae,
        LACKS["ladder"][0],
        LACKS["naive"][0],
        LACKS["flow"][0],
        lambda: tfvae.VAE(*overflowing(tiny.vae()).parts, tfvae.preprocessing.Dequantize()),
    ],
    ids=["VAE", "ladder", "naive", "flow", "VAE of the same parts"],
)
def test_samples_that_are_not_finite_are_an_error(make):
    with pytest.raises(FloatingPointError, match=r"^The samples are not finite"):
        overflowing(make()).sample(3)


@fault("overflow")
def test_a_flow_gives_no_way_and_no_hot_sample_that_is_not_finite():
    flow = LACKS["flow"][0]()
    ends = tiny.images(2)
    assert np.isfinite(flow.interpolate(ends[:1], ends[1:], 3)).all()
    with pytest.raises(FloatingPointError, match=r"^The samples are not finite"):
        flow.sample(3, temperature=1.7e38)
    with pytest.raises(FloatingPointError, match=r"^The images between are not finite"):
        overflowing(flow).interpolate(ends[:1], ends[1:], 3)


@fault("overflow")
def test_a_graph_takes_samples_as_they_are():
    """There nothing can be looked at; an exported signature looks itself."""
    model = tiny.vae()
    z, x = tf.function(lambda: model.sample(2))()
    for one, other in zip((z, x), model.sample(2), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
