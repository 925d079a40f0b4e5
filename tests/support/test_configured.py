"""What a part is made of: the arguments of its constructor, each kept as the attribute of its name."""

import keras
import pytest

import tfvae


@keras.saving.register_keras_serializable("test_configured")
class Scaled(tfvae.Configured, keras.layers.Layer):
    def __init__(self, factor, body=None, name=None):
        super().__init__(name=name)
        self.factor, self.body = factor, body

    def call(self, x):
        return self.factor * x


@keras.saving.register_keras_serializable("test_configured")
class Wide(tfvae.families.Normal):
    """Hands on what it has no argument for, as Keras' users write it."""

    def __init__(self, *args, width=2.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.width = width


class Forgetful(tfvae.families.Bernoulli):
    def __init__(self, event_shape, softness):
        super().__init__(event_shape)


def again(made):
    return keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))


def test_an_own_layer_and_what_is_inside_come_back():
    made = again(Scaled(3, body=Scaled((1, 2), name="inner"), name="outer"))
    assert (made.name, made.factor, made.body.name, made.body.body) == ("outer", 3, "inner", None)
    assert tuple(made.body.factor) == (1, 2)


def test_arguments_that_are_handed_on_are_arguments_too():
    made = again(Wide((3,), scale="shared", width=5.0))
    assert (made.event_shape, made.scale, made.min_scale, made.width) == ((3,), "shared", 1 / 256, 5.0)
    assert sorted(made.get_config()) == ["event_shape", "min_scale", "scale", "width"]


def test_a_part_without_arguments_has_an_empty_configuration():
    assert tfvae.preprocessing.Binarize().get_config() == {}


def test_an_argument_that_is_not_kept_is_named_when_the_object_is_saved():
    with pytest.raises(
        NotImplementedError, match=r"^`Forgetful` cannot be saved: .* takes `softness` .* `self.softness = softness`"
    ):
        Forgetful((2,), 0.5).get_config()
