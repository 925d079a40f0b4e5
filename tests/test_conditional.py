"""A network and a family make a model that returns distributions, whatever the leading axes and the precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.conditional import ConditionalDistribution
from tfvae.families import Bernoulli, Categorical, Delta, DiscretizedLogistic, FullNormal, Normal
from tfvae.networks import convnet, deconvnet, mlp

IMAGES = [(28, 20, 1), (8, 8, 1), (32, 32, 3), (7, 5, 2)]


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def half_precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param.removeprefix("mixed_")
    keras.config.set_dtype_policy(before)


def built(network, family, *input_shape):
    keras.utils.set_random_seed(0)
    model = ConditionalDistribution(network, family)
    model.build((None, *input_shape))
    return model


def cases():
    """A decoder or encoder of every kind, with the shape of its input."""
    return [
        pytest.param(lambda: built(mlp((7,)), Normal((4, 3, 1)), 5), id="dense"),
        pytest.param(lambda: built(mlp((7,)), Normal((4,)), 1), id="one-latent"),
        pytest.param(lambda: built(mlp((7,)), Normal((1,)), 5), id="one-element"),
        pytest.param(lambda: built(mlp(()), FullNormal((3,)), 5), id="linear-full"),
        pytest.param(lambda: built(mlp((7,)), Normal((4, 3, 1), "image"), 5), id="dense-image"),
        pytest.param(lambda: built(deconvnet((7, 5, 2), (4,)), Normal((7, 5, 2), "image"), 3), id="spatial-image"),
        pytest.param(lambda: built(deconvnet((7, 5, 2), (4,)), Normal((7, 5, 2), "shared"), 3), id="spatial-shared"),
        pytest.param(lambda: built(deconvnet((7, 5, 2), (4,)), Bernoulli((7, 5, 2)), 1), id="spatial-one-latent"),
        pytest.param(lambda: built(mlp((7,)), Categorical((4, 3, 1), levels=6), 5), id="dense-levels"),
        pytest.param(
            lambda: built(deconvnet((7, 5, 2), (4,)), Categorical((7, 5, 2), levels=6), 3), id="spatial-levels"
        ),
        pytest.param(
            lambda: built(deconvnet((7, 5, 2), (4,)), DiscretizedLogistic((7, 5, 2), "image"), 3), id="spatial-logistic"
        ),
        pytest.param(lambda: built(convnet((4,)), Normal((3,)), 7, 5, 2), id="convolutional-encoder"),
        pytest.param(lambda: built(keras.layers.Dense(6, activation="tanh"), Delta((3,)), 5), id="layer"),
    ]


every_case = pytest.mark.parametrize("make", cases())


def inputs(model, *leading):
    return np.random.default_rng(0).normal(size=(*leading, *model.input_event_shape)).astype(model.compute_dtype)


@every_case
@pytest.mark.parametrize("leading", [(3, 4), (1, 1), (2, 1, 3), (1,)], ids=str)
def test_all_leading_axes_at_once_are_one_call_for_each(make, leading):
    model = make()
    x = inputs(model, *leading)
    distribution = model(x)
    assert (distribution.batch_shape, distribution.event_shape) == (leading, model.family.event_shape)
    assert distribution.sample().shape == (*leading, *model.family.event_shape)
    for index in np.ndindex(*leading[:-1]):
        one_call = model(x[index])
        np.testing.assert_allclose(distribution.mean()[index], one_call.mean(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(distribution.stddev()[index], one_call.stddev(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("known", [(None,), (None, None), (2, None), (None, 3)], ids=str)
@pytest.mark.parametrize("scale", ["pixel", "image"])
def test_sizes_of_leading_axes_may_be_unknown_in_a_graph(scale, known):
    model = built(deconvnet((7, 5, 2), (4,)), Normal((7, 5, 2), scale), 3)
    x = inputs(model, *(2, 3)[-len(known) :])
    graph = tf.function(lambda z: model(z).log_prob(tf.zeros((7, 5, 2))), input_signature=[tf.TensorSpec([*known, 3])])
    np.testing.assert_allclose(graph(x), model(x).log_prob(tf.zeros((7, 5, 2))), rtol=1e-5)


@pytest.mark.parametrize("image_shape", IMAGES, ids=str)
def test_any_image_size_has_an_encoder_and_a_decoder(image_shape):
    encoder = built(convnet((4, 6)), Normal((3,)), *image_shape)
    decoder = built(deconvnet(image_shape, (6, 4)), Normal(image_shape, "image"), 3)
    posterior = encoder(inputs(encoder, 2))
    likelihood = decoder(posterior.sample(5))
    assert posterior.batch_shape == (2,)
    assert likelihood.log_prob(inputs(encoder, 2)).shape == (5, 2)
    # The encoder's head is dense on all features, the decoder's a 1x1 convolution: as many weights as channels.
    positions = -(-image_shape[0] // 4) * -(-image_shape[1] // 4)
    assert encoder.get_layer("elements").kernel.shape == (positions * 6, 2 * 3)
    assert decoder.get_layer("elements").kernel.shape == (4, image_shape[-1])
    assert decoder.get_layer("examples").kernel.shape == (4, 1)


def test_a_spatial_head_is_linear_in_the_features_of_each_position_and_the_image_scale_in_their_average():
    model = built(deconvnet((7, 5, 2), (4,)), Normal((7, 5, 2), "image"), 3)
    model.get_layer("examples").set_weights([np.ones((4, 1), np.float32), np.full(1, -0.5, np.float32)])
    z = inputs(model, 6)
    features, distribution = model.network(z).numpy(), model(z)
    kernel, bias = model.get_layer("elements").get_weights()
    np.testing.assert_allclose(distribution.mean(), features @ kernel + bias, rtol=1e-5, atol=1e-6)
    scale = 1 / 256 + np.logaddexp(0, features.mean(axis=(1, 2)).sum(axis=-1) - 0.5)
    np.testing.assert_allclose(distribution.stddev()[:, 0, 0, 0], scale, rtol=1e-5)


def test_a_dense_head_gives_each_parameter_its_own_outputs():
    model = built(mlp(()), Normal((2, 3, 1)), 4)
    kernel, bias = model.get_layer("elements").get_weights()
    x = inputs(model, 5)
    location, raw_scale = np.split(x @ kernel + bias, 2, axis=-1)
    np.testing.assert_allclose(model(x).mean(), location.reshape(5, 2, 3, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        model(x).stddev(), 1 / 256 + np.logaddexp(0, raw_scale).reshape(5, 2, 3, 1), rtol=1e-5, atol=1e-6
    )


@every_case
def test_every_trainable_variable_gets_a_finite_gradient(make):
    model = make()
    x = inputs(model, 2, 3)
    with tf.GradientTape() as tape:
        distribution = model(x)
        loss = tf.reduce_sum(distribution.mean() ** 2) + tf.reduce_sum(distribution.stddev() ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert len(gradients) >= 2
    assert all(np.all(np.isfinite(each)) and np.any(each != 0) for each in gradients)


def test_a_shared_scale_is_one_trainable_variable_of_the_model():
    model = built(mlp((7,)), Normal((4, 3, 1), "shared"), 5)
    (raw_scale,) = [each for each in model.trainable_variables if each.name == "raw_scale"]
    assert raw_scale.shape == (1,)
    raw_scale.assign([1.5])
    expected = np.full((2, 3, 4, 3, 1), 1 / 256 + np.logaddexp(0, 1.5))
    np.testing.assert_allclose(model(inputs(model, 2, 3)).stddev(), expected, rtol=1e-6)


def test_bodies_in_half_precision_give_parameters_in_float32(half_precision):
    model = built(deconvnet((7, 5, 2), (4,)), Normal((7, 5, 2), "image"), 3)
    z = inputs(model, 6)
    features, distribution = model.network(z), model(z)
    assert features.dtype == half_precision
    assert {each.dtype for each in model.variables} == {"float32"}
    assert distribution.dtype == tf.float32
    # The head computes in float32 too: what it makes of the rounded features is not rounded again.
    features = tf.cast(features, tf.float32).numpy()
    (kernel, bias), (weights, _) = (model.get_layer(name).get_weights() for name in ("elements", "examples"))
    np.testing.assert_allclose(distribution.mean(), features @ kernel + bias, rtol=1e-5, atol=1e-6)
    scale = 1 / 256 + np.logaddexp(0, features.mean(axis=(1, 2)) @ weights)
    np.testing.assert_allclose(distribution.stddev()[:, 0, 0, :1], scale, rtol=1e-6)


def test_float64_reaches_from_the_weights_to_the_log_probability(float64):
    model = built(deconvnet((7, 5, 2), (4,)), Normal((7, 5, 2), "shared"), 3)
    assert {each.dtype for each in model.variables} == {"float64"}
    assert model(inputs(model, 2)).log_prob(np.zeros((7, 5, 2))).dtype == tf.float64


@every_case
def test_predict_gives_means_as_an_array(make):
    model = make()
    x = inputs(model, 5)
    means = model.predict(x, batch_size=2, verbose=0)
    assert isinstance(means, np.ndarray)
    np.testing.assert_allclose(means, model(x).mean(), rtol=1e-5, atol=1e-6)


def test_predict_builds_a_model_that_was_never_called():
    model = ConditionalDistribution(mlp((7,)), Normal((2,)))
    x = np.zeros((3, 4, 2), np.float32)
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x).mean(), rtol=1e-6)
    assert model.input_event_shape == (4, 2)


def test_predict_preprocesses_raw_levels_without_noise():
    model = built(mlp((7,)), Normal((2,)), 4, 4, 1)
    model.prepare = tfvae.preprocessing.Dequantize()
    raw = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), np.uint8)
    expected = model(tf.constant((raw + 0.5) / 256, tf.float32)).mean()
    np.testing.assert_allclose(model.predict(raw, verbose=0), expected, rtol=1e-5, atol=1e-6)


@every_case
def test_a_saved_model_is_equal_bit_for_bit_when_it_is_loaded(make, tmp_path):
    model = make()
    for variable in model.variables:  # also those that start at zero
        variable.assign(variable.value + np.float32(0.1))
    model.save(tmp_path / "model.keras")
    loaded, x = tfvae.load(tmp_path / "model.keras"), inputs(model, 4)
    assert loaded.input_event_shape == model.input_event_shape
    np.testing.assert_array_equal(loaded(x).mean(), model(x).mean())
    np.testing.assert_array_equal(loaded(x).stddev(), model(x).stddev())


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_integers_are_refused(dtype):
    model = built(mlp((7,)), Normal((2,)), 4)
    with pytest.raises(TypeError, match=rf"takes preprocessed floats; received {np.dtype(dtype)}\. Pass raw images"):
        model(np.zeros((3, 4), dtype))


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 1), (4, 3)], ids=str)
def test_inputs_of_another_shape_are_refused(shape):
    model = built(mlp((7,)), Normal((2,)), 4)
    with pytest.raises(ValueError, match=r"was built for inputs of shape \(\.\.\., 4\); received \("):
        model(np.zeros(shape, np.float32))


class ScaleFirst(Normal):
    """Its location is not the first of its parameters."""

    @property
    def parameters(self):
        return dict(reversed(super().parameters.items()))


@pytest.mark.parametrize(
    "family",
    [
        Normal((4, 3, 1)),
        ScaleFirst((4, 3, 1)),
        Normal((4, 3, 1), "shared"),
        Bernoulli((4, 3, 1)),
        DiscretizedLogistic((4, 3, 1), 0.001),
    ],
    ids=["pixel-scale", "scale-first", "shared-scale", "bernoulli", "levels"],
)
def test_a_decoder_that_starts_at_a_mean_has_it_where_features_are_zero(family):
    wanted = np.random.default_rng(0).uniform(0.1, 0.9, family.event_shape)
    if family.scores == "levels":
        wanted = np.round(255 * wanted)
    decoder = built(mlp((7,), "tanh"), family, 2)
    decoder.start_at(wanted)
    found = decoder(np.zeros((1, 2), np.float32)).mean()[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_biases_of_a_convolutional_head_are_those_of_the_average_over_positions():
    decoder = built(deconvnet((7, 5, 2), (4,), "tanh"), Bernoulli((7, 5, 2)), 3)
    wanted = np.random.default_rng(0).uniform(0.1, 0.9, (7, 5, 2))
    decoder.start_at(wanted)
    found = decoder(np.zeros((1, 3), np.float32)).mean()[0]
    np.testing.assert_allclose(found, np.broadcast_to(wanted.mean((0, 1)), (7, 5, 2)), rtol=1e-5)


def test_a_pixel_that_is_never_on_starts_at_one_in_a_thousand():
    decoder = built(mlp((7,), "tanh"), Bernoulli((2,)), 1)
    decoder.start_at(np.array([0.0, 1.0]))
    np.testing.assert_allclose(decoder(np.zeros((1, 1), np.float32)).mean()[0], [0.001, 0.999], rtol=1e-4)


def test_a_family_without_a_known_mean_says_so():
    with pytest.raises(NotImplementedError, match="`Categorical` does not say for which parameters"):
        built(mlp((7,)), Categorical((2,), levels=6), 1).start_at(np.zeros(2))
