"""Bodies make features of the stated shapes from any input, and linear ones are linear."""

import numpy as np
import pytest

from tfvae.networks import convnet, deconvnet, mlp

IMAGES = [(28, 28, 1), (28, 20, 1), (8, 8, 1), (32, 32, 3), (7, 5, 2), (1, 1, 1)]


def uniform(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("input_shape", [(5,), (1,), (4, 3, 2)], ids=str)
@pytest.mark.parametrize("hidden", [(6,), (7, 1)], ids=str)
def test_mlp_flattens_anything(hidden, input_shape):
    network = mlp(hidden)
    assert network(uniform(2, *input_shape)).shape == (2, hidden[-1])
    assert [weight.shape for weight in network.weights[::2]] == list(
        zip((np.prod(input_shape), *hidden), hidden, strict=False)
    )


def test_mlp_without_hidden_layers_passes_its_input_on():
    network, x = mlp(hidden=()), uniform(3, 2, 2)
    np.testing.assert_array_equal(network(x), x.reshape(3, 4))
    assert network.weights == []


@pytest.mark.parametrize("image_shape", IMAGES, ids=str)
@pytest.mark.parametrize("filters", [(3,), (3, 4), (2, 3, 4)], ids=str)
def test_convnet_halves_the_image_and_rounds_up(image_shape, filters):
    height, width = (-(-extent // 2 ** len(filters)) for extent in image_shape[:2])
    network = convnet(filters)
    assert network(uniform(2, *image_shape)).shape == (2, height, width, filters[-1])
    assert network.compute_output_shape((None, *image_shape)) == (None, height, width, filters[-1])


@pytest.mark.parametrize("image_shape", IMAGES, ids=str)
@pytest.mark.parametrize("filters", [(3,), (4, 3), (4, 3, 2)], ids=str)
def test_deconvnet_ends_at_the_size_of_the_image(image_shape, filters):
    network = deconvnet(image_shape, filters)
    assert network(uniform(2, 5)).shape == (2, *image_shape[:2], filters[-1])
    start = [-(-extent // 2 ** len(filters)) for extent in image_shape[:2]]
    assert network.weights[0].shape == (5, start[0] * start[1] * filters[0])


def test_deconvnet_cuts_at_the_bottom_and_the_right():
    whole, cut = deconvnet((8, 8, 1), (3, 2)), deconvnet((7, 5, 1), (3, 2))
    z = uniform(2, 4)
    cut(z), whole(z)
    cut.set_weights(whole.get_weights())
    np.testing.assert_array_equal(cut(z), whole(z)[:, :7, :5])


@pytest.mark.parametrize(
    ("make", "input_shape"), [(mlp, (5,)), (convnet, (8, 8, 1)), (lambda **k: deconvnet((8, 8, 1), **k), (5,))]
)
def test_the_last_activation_is_the_one_asked_for(make, input_shape):
    x = 1e6 * uniform(20, *input_shape)
    relu, tanh = make()(x).numpy(), make(activation="tanh")(x).numpy()
    assert relu.min() == 0
    assert relu.max() > 1
    assert -1 <= tanh.min() < 0 < tanh.max() <= 1


@pytest.mark.parametrize(
    ("sizes", "bound"), [((0,), " of at least 1"), ((3, -1), " of at least 1"), ((2.0,), ""), (("3",), "")], ids=str
)
@pytest.mark.parametrize(
    ("make", "argument"), [(mlp, "hidden"), (convnet, "filters"), (lambda f: deconvnet((8, 8, 1), f), "filters")]
)
def test_sizes_that_are_none_are_refused(make, argument, sizes, bound):
    with pytest.raises(ValueError, match=rf"^`{argument}` must be a tuple of integers{bound}; received \("):
        make(sizes)


@pytest.mark.parametrize("make", [convnet, lambda filters: deconvnet((8, 8, 1), filters)])
def test_convolutional_networks_need_a_layer(make):
    with pytest.raises(ValueError, match=r"^`filters` must be a tuple of at least one integer; received \(\)"):
        make(())


@pytest.mark.parametrize("image_shape", [(28, 28), (784,)], ids=str)
def test_deconvnet_refuses_shapes_without_channels(image_shape):
    with pytest.raises(
        ValueError, match=r"^`image_shape` must be \(height, width, channels\), such as .*; received \("
    ):
        deconvnet(image_shape)
