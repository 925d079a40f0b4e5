"""A thin convolution is Keras' convolution, compiled by XLA or not: outputs, gradients, what is saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae._support.devices import inside_xla
from tfvae.networks.thin_convolution import ThinConv2D

# Channels of inputs and outputs and the size of the kernel: both ways to a product, and what has no neighbours.
SIZES = [(1, 8, 3), (8, 2, 3), (3, 3, 3), (2, 3, 5), (8, 8, 1), (2, 4, (3, 1))]


def pair(inputs, outputs, size, activation="tanh"):
    """A thin convolution and Keras' with the same weights, and images of odd sides."""
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(3, 5, 7, inputs)))
    thin = ThinConv2D(outputs, size, activation, dtype="float64")
    keras_layer = keras.layers.Conv2D(outputs, size, padding="same", activation=activation, dtype="float64")
    for layer in (thin, keras_layer):
        layer.build(x.shape)
    weights = [random.normal(size=weight.shape) for weight in thin.get_weights()]
    thin.set_weights(weights)
    keras_layer.set_weights(weights)
    return thin, keras_layer, x


def outputs_and_gradients(layer, x, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y**3)
        return [y, *tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_variables)])]

    return run(x)


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_is_keras_convolution(sizes, jit_compile):
    thin, keras_layer, x = pair(*sizes)
    expected = outputs_and_gradients(keras_layer, x, jit_compile=False)
    for found, of_keras in zip(outputs_and_gradients(thin, x, jit_compile), expected, strict=True):
        np.testing.assert_allclose(found, of_keras, rtol=1e-9, atol=1e-12)


def test_is_a_product_under_xla_only(monkeypatch):
    thin, _, x = pair(1, 2, 3)
    used = []
    twice = lambda x, *_: used.append(1) or tf.tile(x, [1, 1, 1, 2])  # noqa: E731
    monkeypatch.setattr("tfvae.networks.thin_convolution._product", twice)
    outputs_and_gradients(thin, x, jit_compile=False)
    thin(x)
    assert not used
    tf.function(thin, jit_compile=True)(x)
    assert used


def test_what_xla_compiles_is_known_inside_loops_and_functions():
    seen = []

    def body(step):
        seen.append(inside_xla())
        return step + 1

    for jit_compile in (True, False):
        looped = tf.function(lambda: tf.while_loop(lambda step: step < 2, body, [0]), jit_compile=jit_compile)
        looped()
        assert set(seen) == {jit_compile}
        seen.clear()
    assert not inside_xla()


def test_half_precision_is_computed_in_half_precision():
    thin = ThinConv2D(4, 3, "relu", dtype="mixed_bfloat16")
    x = tf.random.stateless_normal([2, 4, 4, 1], seed=(0, 0))
    y = tf.function(thin, jit_compile=True)(x)
    assert y.dtype == "bfloat16"
    np.testing.assert_allclose(tf.cast(y, "float32"), tf.cast(thin(x), "float32"), atol=0.05)


def test_saved_and_made_again():
    thin, _, x = pair(1, 2, 3)
    again = ThinConv2D.from_config(thin.get_config())
    again.build(x.shape)
    again.set_weights(thin.get_weights())
    np.testing.assert_array_equal(again(x), thin(x))


def test_multiplications():
    thin, _, _ = pair(2, 3, 5)
    assert thin.operations == 5 * 7 * (5 * 5 * 2 * 3)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match=r"`kernel_size` must be odd; received 2\."):
        ThinConv2D(4, 2)
