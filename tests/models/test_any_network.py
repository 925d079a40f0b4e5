"""Networks as Keras allows them: what Keras infers is inferred, their losses are minimised, the rest is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from faults import fault
from tfvae import bijectors, families, flows, preprocessing, priors
from tiers import slow

RAW = tiny.images(8)
register = keras.saving.register_keras_serializable("test_any_network")


@register
class Subclassed(keras.Model):
    """Says nothing of shapes: no `build` and no `compute_output_shape`."""

    def __init__(self, units=4, name=None, **_):
        super().__init__(name=name)
        self.units = units
        self.flat, self.dense = keras.layers.Flatten(), keras.layers.Dense(units, activation="tanh")

    def call(self, x):
        return self.dense(self.flat(x))

    def get_config(self):
        return {"units": self.units, "name": self.name}


@register
class Halved(keras.layers.Layer):
    """A layer whose sizes are known when it runs only."""

    def call(self, x):
        return tf.reshape(x, [tf.shape(x)[0], tf.size(x[0]) // 2, -1])


@register
class Penalised(keras.layers.Layer):
    """Adds a loss in its call."""

    def call(self, x):
        self.add_loss(0.5 * keras.ops.mean(keras.ops.sum(x**2, axis=-1)))
        return x


def functional():
    x = keras.Input(())
    return keras.Model(x, keras.layers.Dense(4)(keras.ops.expand_dims(x, -1)))


def called():
    network = Subclassed()
    network(np.zeros((1, *tiny.SHAPE), "float32"))
    return network


def sequential(*layers):
    return keras.Sequential([keras.layers.Flatten(), *layers])


NETWORKS = {
    "subclassed": Subclassed,
    "subclassed in a row": lambda: sequential(Subclassed()),
    "nested": lambda: sequential(sequential(sequential(keras.layers.Dense(4)))),
    "sizes known late": lambda: keras.Sequential([Halved()]),
    "normalised": lambda: sequential(keras.layers.Dense(4), keras.layers.BatchNormalization()),
    "dropping out": lambda: sequential(keras.layers.Dense(4), keras.layers.Dropout(0.5)),
    "sharing a layer": lambda: shared(),
    "one layer": lambda: keras.layers.Dense(3),
}


SLOW = ("subclassed in a row", "nested", "dropping out", "one layer")  # the others have most of what these have


def shared():
    x = keras.Input(tiny.SHAPE)
    twice = keras.layers.Dense(4)
    flat = keras.layers.Flatten()(x)
    return keras.Model(x, keras.layers.Add()([twice(flat), twice(-flat)]))


@fault("networks")
@pytest.mark.parametrize("kind", [slow(kind) if kind in SLOW else kind for kind in NETWORKS])
def test_what_keras_infers_is_inferred(kind, tmp_path, eager):
    model = tiny.vae(bodies=lambda: (NETWORKS[kind](), tiny.network()))
    tiny.compiled(model, run_eagerly=True)
    tiny.train(model, 1)
    assert model.encoder.network.weights or kind == "sizes known late"
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    tiny.assert_same_bits([loaded.predict(RAW, verbose=0)], [model.predict(RAW, verbose=0)])
    np.testing.assert_allclose(model(RAW[:2]).mean(), model.predict(RAW, verbose=0)[:2], rtol=1e-4, atol=1e-6)


@fault("networks")
def test_a_network_that_was_called_before_keeps_its_weights():
    network = called()
    before = tiny.values(network.weights)
    encoder = tfvae.ConditionalDistribution(network, families.Normal((2,)))
    encoder.build((None, *tiny.SHAPE))
    tiny.assert_same_bits(tiny.values(network.weights), before)
    assert encoder(np.zeros((3, *tiny.SHAPE), "float32")).mean().shape == (3, 2)


@fault("networks")
def test_subclassed_networks_serve_everywhere():
    tfvae.GAN(tiny_generator(), Subclassed(), priors.StandardNormal((2,)), preprocessing.Rescale())
    bijector = bijectors.HalvesCoupling(Subclassed())
    bijector.build((None, 4))
    tfvae.LadderVAE(
        [Subclassed(), Subclassed()],
        [part((2,)), part((2,))],
        [Subclassed()],
        [part((2,))],
        part(tiny.SHAPE),
        priors.StandardNormal((2,)),
        preprocessing.Dequantize(),
    )


def part(shape):
    return tfvae.ConditionalDistribution(Subclassed(), families.Normal(shape))


def tiny_generator():
    return tfvae.ConditionalDistribution(tiny.network(), families.Delta(tiny.SHAPE))


def two_inputs():
    x, y = keras.Input(tiny.SHAPE), keras.Input((2,))
    return keras.Model([x, y], keras.layers.Flatten()(x) + keras.layers.Dense(64)(y))


def two_outputs():
    x = keras.Input(tiny.SHAPE)
    return keras.Model(x, [keras.layers.Flatten()(x), x])


def named_outputs():
    x = keras.Input(tiny.SHAPE)
    return keras.Model(x, {"mean": keras.layers.Flatten()(x)})


def other_size():
    return keras.Sequential([keras.Input((7, 7, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])


def fixed_batch():
    x = keras.Input(batch_shape=(5, *tiny.SHAPE))
    return keras.Model(x, keras.layers.Dense(2)(keras.ops.reshape(x, (5, -1))))


REFUSED = {
    "two inputs": (two_inputs, r"does not take inputs of shape \(8, 8, 1\): .*2"),
    "two outputs": (two_outputs, r"must have one output, a tensor; received list\.$"),
    "named outputs": (named_outputs, r"must have one output, a tensor; received dict\.$"),
    "another size": (other_size, r"does not take inputs of shape \(8, 8, 1\): .*\(None, 7, 7, 1\)"),
    "batches of one size": (fixed_batch, r"(must give features for each of any number|does not take inputs)"),
    "no example left": (
        lambda: keras.layers.Lambda(lambda x: tf.reduce_sum(x, 0)),
        r"must give features for each of any number of examples, .* received shape \(8, 8, 1\)",
    ),
    "no layers": (lambda: keras.Sequential([]), r"does not take inputs of shape .*no layers"),
    "nothing that can be flattened": (lambda: keras.layers.Conv3D(2, 3), r"does not take inputs .*expected min_ndim=5"),
    "quantised": (lambda: keras.layers.Dense(2, dtype="int8_from_float32"), r"has the quantised layer `dense.*int8"),
}


@fault("networks")
@pytest.mark.parametrize("kind", REFUSED)
def test_other_networks_are_refused_in_a_sentence(kind):
    make, sentence = REFUSED[kind]
    for use in (
        lambda: tfvae.ConditionalDistribution(make(), families.Normal((2,)), name="encoder").build((None, *tiny.SHAPE)),
        lambda: tfvae.GAN(tiny_generator(), make(), priors.StandardNormal((2,)), preprocessing.Rescale()),
    ):
        with pytest.raises(ValueError, match=rf"^`(encoder\.network|network|discriminator)` {sentence}") as caught:
            use()
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@fault("networks")
def test_tokens_of_unknown_width_are_refused_and_known_ones_are_not():
    def masked(encoder):
        return tfvae.MaskedAutoencoder(
            encoder, tfvae.networks.transformer(8, 1), tiny.SHAPE, 4, 0.5, preprocessing.Rescale()
        )

    with pytest.raises(ValueError, match=r"^`encoder` must be built, so that it says how wide its tokens are"):
        masked(keras.layers.Dense(8))
    built = keras.layers.Dense(6)
    built.build((None, None, 8))
    assert masked(built).expand.kernel.shape[0] == 6
    with pytest.raises(TypeError, match=r"^`encoder` must be a Keras layer or model; received str\.$"):
        masked("dense")


@fault("networks")
def test_a_model_is_not_quantised():
    model = tiny.vae()
    for whole in (model, model.encoder):
        with pytest.raises(NotImplementedError, match=r"cannot be quantised: .* mixed_bfloat16"):
            whole.quantize("int8")


def step(model):
    """What one step of plain gradient descent, of rate 1, does to the weights."""
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    before = {weight.path: np.array(weight) for weight in model.trainable_variables}
    model.fit(RAW, batch_size=8, shuffle=False, verbose=0)
    return {weight.path: np.array(weight) - before[weight.path] for weight in model.trainable_variables}, before


def regularised(regularizer, name="body"):
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4, kernel_regularizer=regularizer, name=name)])


MODELS = {
    "VAE": lambda l2: tiny.vae(bodies=lambda: (regularised(l2), regularised(l2))),
    "GAN": lambda l2: tfvae.GAN(
        tfvae.ConditionalDistribution(regularised(l2), families.Delta(tiny.SHAPE), name="generator"),
        regularised(l2),
        priors.StandardNormal((2,)),
        preprocessing.Rescale(),
    ),
    "flow": lambda l2: tfvae.Density(
        flows.Flow(tiny.SHAPE, bijectors.CheckerboardCoupling(regularised(l2))), preprocessing.Dequantize()
    ),
}


@fault("networks")
@pytest.mark.parametrize("kind", MODELS)
def test_regularisers_of_networks_are_minimised_too(kind):
    changes = []
    for l2 in (None, keras.regularizers.L2(0.01)):
        keras.utils.set_random_seed(0)
        change, before = step(MODELS[kind](l2))
        changes.append([(before[path], change[path]) for path in change if path.endswith("body/kernel")])
    assert changes[0]
    for (weight, plain), (_, more) in zip(*changes, strict=True):
        np.testing.assert_allclose(more - plain, -0.02 * weight, rtol=1e-2, atol=2e-6)


@fault("networks")
@pytest.mark.parametrize("layer", [Penalised, lambda: keras.layers.Activation("linear", activity_regularizer="l2")])
def test_losses_that_a_call_adds_are_minimised_too(layer):
    changes = []
    for body in (lambda: sequential(keras.layers.Dense(4)), lambda: sequential(keras.layers.Dense(4), layer())):
        model = tiny.vae(bodies=lambda body=body: (body(), tiny.network()))
        changes.append(next(iter(step(model)[0].values())))
    assert np.abs(changes[1] - changes[0]).max() > 1e-4


@fault("networks")
def test_losses_of_which_keras_keeps_one_call_s_only_are_refused():
    def penalised():
        return sequential(keras.layers.Dense(4), Penalised())

    gan = tfvae.GAN(tiny_generator(), penalised(), priors.StandardNormal((2,)), preprocessing.Rescale())
    vamp = tiny.vae(
        bodies=lambda: (penalised(), tiny.network()),
        prior=priors.VampPrior((2,), tiny.SHAPE, 3),
        objective=tfvae.ELBO(analytic_kl=False),
    )
    for model, name in ((gan, "discriminator"), (vamp, "encoder")):
        model.compile("sgd", run_eagerly=True)
        with pytest.raises(ValueError, match=rf"^`{name}` adds a loss in each call .* more than once in a step"):
            model.fit(RAW, verbose=0)
