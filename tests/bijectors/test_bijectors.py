"""Every bijector: its inverse, its log-det against the Jacobian, XLA, saving, and what it refuses."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from perturbing import CASES, examples, made, perturbed, tanh_convnet, tanh_mlp
from tfvae import bijectors, networks
from tfvae.bijectors.coupling import Coupling

every = pytest.mark.parametrize("case", CASES)


@every
def test_the_inverse_is_exact_and_its_log_det_the_negative(float64, case):
    bijector = made(case)
    x, context = examples(case)
    z, log_det = bijector.forward(x, context)
    again, inverse_log_det = bijector.inverse(z, context)
    assert (z.shape[1:], log_det.shape) == (tuple(bijector.latent_shape), (3,))
    np.testing.assert_allclose(again, x, atol=1e-12)
    np.testing.assert_allclose(inverse_log_det, -log_det, atol=1e-11)


@every
def test_the_log_det_is_that_of_the_jacobian(float64, case):
    bijector = made(case)
    x, context = examples(case)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        z, log_det = bijector.forward(x, context)
        flat = tf.reshape(z, [3, -1])
    jacobian = np.reshape(tape.batch_jacobian(flat, x, experimental_use_pfor=False), (3, flat.shape[1], -1))
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow) if case in ("RealNVP", "three scales", "MAF", "couplings") else case
        for case in CASES
    ],
)
def test_with_and_without_xla_they_are_the_same(case):
    bijector = made(case)
    x, context = examples(case)

    @tf.function(jit_compile=True, autograph=False)
    def there_and_back(x):
        z, log_det = bijector.forward(x, context)
        return z, log_det, *bijector.inverse(z, context)

    z, log_det = bijector.forward(x, context)
    for found, expected in zip(there_and_back(x), (z, log_det, x, -log_det), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@every
def test_its_configuration_and_weights_make_the_same(case):
    bijector = made(case)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(bijector)))
    again = keras.saving.deserialize_keras_object(config)
    again.build((None, *bijector.event_shape))
    again.set_weights(bijector.get_weights())
    x, context = examples(case)
    for found, expected in zip(again.forward(x, context), bijector.forward(x, context), strict=True):
        np.testing.assert_array_equal(found, expected)


@every
def test_every_weight_is_tracked_and_gets_a_gradient(float64, case):
    bijector = made(case)
    x, context = examples(case)
    with tf.GradientTape() as tape:
        z, log_det = bijector.forward(x, context)
        loss = tf.reduce_sum(z**2) + tf.reduce_sum(log_det)
    gradients = tape.gradient(loss, [variable.value for variable in bijector.trainable_variables])
    assert all(each is not None and np.all(np.isfinite(each)) and np.any(each) for each in gradients)


@pytest.mark.parametrize(
    ("make", "event_shape"),
    [
        (lambda: bijectors.realnvp(2, 2, (3,)), (4, 4, 1)),
        (lambda: bijectors.glow(2, 2, (3,)), (4, 4, 1)),
        (lambda: bijectors.maf(2, (6,)), (2, 3, 1)),
        (lambda: bijectors.vector_flow(3, (4,)), (5,)),
    ],
    ids=["RealNVP", "Glow", "MAF", "couplings"],
)
def test_at_the_start_lengths_and_volumes_are_kept(float64, make, event_shape):
    """All heads are zeros and all matrices rotations: under such a map N(0, I) stays what it is."""
    bijector = make()
    bijector.build((None, *event_shape))
    x = tf.constant(np.random.default_rng(0).normal(size=(4, *event_shape)))
    z, log_det = bijector.forward(x)
    np.testing.assert_allclose(np.sum(np.square(z), axis=1), np.sum(np.reshape(x, (4, -1)) ** 2, axis=1), rtol=1e-12)
    np.testing.assert_allclose(log_det, np.zeros(4), atol=1e-12)


@pytest.mark.parametrize("make", [bijectors.realnvp, bijectors.glow], ids=["RealNVP", "Glow"])
def test_at_the_depth_that_ships_float32_comes_back(make):
    """Grey values within 1e-5, log-dets within 1e-5 of their size, with scales of all couplings away from 1."""
    bijector = perturbed(bijectors.Chain([bijectors.Logit(), make()]), (28, 28, 1), deviation=0.03)
    levels = np.random.default_rng(0).integers(0, 256, size=(4, 28, 28, 1)) * (np.arange(28) % 3 > 0)[:, None]
    x = tf.constant((levels + 0.5) / 256, tf.float32)
    bijector.start_at(x)
    z, log_det = bijector.forward(x)
    again, inverse_log_det = bijector.inverse(z)
    couplings = [each for each in bijector._flatten_layers() if isinstance(each, Coupling)]
    assert len(couplings) >= 12
    assert np.max(np.abs(again - x)) < 1e-5
    np.testing.assert_allclose(inverse_log_det, -log_det, rtol=1e-5)


@pytest.mark.parametrize("bound", [0.5, 3.0])
def test_no_coupling_scales_by_more_than_its_bound(bound, float64):
    """Whatever it sees: its log-det is a sum over the elements that it moves."""
    coupling = bijectors.CheckerboardCoupling(tanh_convnet(), log_scale_bound=bound)
    perturbed(coupling, (4, 4, 1), deviation=50.0)
    _, log_det = coupling.forward(1000 * np.random.default_rng(0).normal(size=(20, 4, 4, 1)))
    assert bound * 4 < np.max(np.abs(log_det)) <= bound * 8


def test_couplings_of_realnvp_scale_by_e_at_most_and_those_saved_before_by_e_cubed():
    couplings = [each for each in bijectors.realnvp()._flatten_layers() if isinstance(each, Coupling)]
    assert {each.log_scale_bound for each in couplings} == {1.0}
    config = couplings[0].get_config()
    del config["log_scale_bound"]
    assert type(couplings[0]).from_config(config).log_scale_bound == 3.0


def test_autoregressive_elements_depend_on_those_before_them_only(float64):
    bijector = perturbed(bijectors.MaskedAutoregressive((16, 12), activation="tanh"), (6,))
    x = tf.constant(np.random.default_rng(0).normal(size=(1, 6)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        z, _ = bijector.forward(x)
    jacobian = tape.jacobian(z, x)[0, :, 0]
    assert np.all(np.triu(jacobian, 1) == 0)
    assert np.all(np.tril(jacobian) != 0 + (1 - np.tri(6)))  # and on all of those


def test_act_norm_starts_with_mean_zero_and_variance_one(float64):
    bijector = bijectors.ActNorm()
    bijector.build((None, 4, 2, 3))
    x = np.random.default_rng(0).normal([3.0, 0.0, -2.0], [0.5, 1.0, 20.0], size=(50, 4, 2, 3))
    z = np.asarray(bijector.start_at(tf.constant(x)))
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=(0, 1, 2)), 1, rtol=1e-12)
    np.testing.assert_array_equal(z, bijector.forward(x)[0])


@pytest.mark.parametrize("make", [bijectors.realnvp, bijectors.glow, bijectors.maf], ids=lambda make: make.__name__)
def test_constant_pixels_do_no_harm(make):
    """A border that is the same in all images, images that are all the same, and what then comes that is not."""
    bijector = make(depth=2)
    bijector.build((None, 4, 4, 1))
    x = np.zeros((6, 4, 4, 1), np.float32)
    for inside in (np.random.default_rng(0).normal(size=(6, 2, 2, 1)), 0.0):
        x[:, 1:3, 1:3] = inside
        assert np.all(np.isfinite(bijector.start_at(tf.constant(x))))
        z, log_det = bijector.forward(tf.constant(x))
        np.testing.assert_allclose(bijector.inverse(z)[0], x, atol=1e-5)
        assert np.all(np.isfinite(log_det))
    assert np.max(np.abs(bijector.forward(tf.ones((1, 4, 4, 1)))[0])) < 4


def test_levels_start_one_after_the_other():
    """What `start_at` gives is z, and it is standardised at each scale."""
    bijector = bijectors.glow(2, 2, (3,))
    bijector.build((None, 4, 4, 1))
    x = tf.constant(5 + 3 * np.random.default_rng(0).normal(size=(200, 4, 4, 1)), tf.float32)
    z = bijector.start_at(x)
    np.testing.assert_array_equal(z, bijector.forward(x)[0])
    np.testing.assert_allclose(np.std(z), 1, atol=0.01)


def test_a_squeeze_makes_channels_of_squares():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    squeeze = bijectors.Squeeze()
    squeeze.build((None, 4, 4, 1))
    z = np.asarray(squeeze.forward(tf.constant(x))[0])
    assert z.shape == (1, 2, 2, 4)
    assert z[0, 0, 1].tolist() == [2, 3, 6, 7]


def test_what_leaves_at_the_first_scale_does_not_go_on():
    """The first half of z is made by the first scale alone, from all pixels; the second half is made by both."""
    bijector = perturbed(bijectors.MultiScale([bijectors.glow(1, 1, (3,)).levels[0], bijectors.ActNorm()]), (4, 4, 1))
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 4, 1)), tf.float32)
    first = bijector.levels[0].forward(x)[0]
    z = bijector.forward(x)[0]
    np.testing.assert_array_equal(np.reshape(z[:, :8], (2, 2, 2, 2)), first[..., 2:])
    np.testing.assert_allclose(
        np.reshape(z[:, 8:], (2, 2, 2, 2)), bijector.levels[1].forward(first[..., :2])[0], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("bijector", "event_shape", "message"),
    [
        (bijectors.Squeeze(), (3, 4, 1), "whose height and width are even; received 3 x 4. Use fewer levels"),
        (bijectors.glow(3), (28, 28, 1), "whose height and width are even; received 7 x 7. Use fewer levels"),
        (bijectors.Squeeze(), (4,), r"`Squeeze` is for images \(H, W, C\); the examples have shape \(4,\)."),
        (
            bijectors.HalvesCoupling(tanh_mlp()),
            (1,),
            "needs two elements along the last axis, one to keep and one to tr",
        ),
        (bijectors.HalvesCoupling(tanh_convnet()), (4, 4, 1), r"the examples have shape \(4, 4, 1\)."),
        (bijectors.CheckerboardCoupling(tanh_convnet()), (1, 1, 3), "A checkerboard needs two pixels"),
        (bijectors.vector_flow(), (1,), "A coupling needs two elements"),
        (bijectors.MaskedAutoregressive(), (1,), "two elements or a context; the examples have one element"),
        (bijectors.MaskedAutoregressive(), (2, 2), r"is for vectors \(D,\)"),
        (bijectors.MultiScale([bijectors.ActNorm(), bijectors.ActNorm()]), (4, 4, 1), "two channels or more"),
        (bijectors.Invert(bijectors.Flatten()), (4, 4, 1), "is for bijectors that keep the shape"),
    ],
)
def test_examples_that_are_not_for_it_are_refused_in_a_sentence(bijector, event_shape, message):
    with pytest.raises(ValueError, match=message):
        bijector.build((None, *event_shape))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: bijectors.glow(levels=0), ValueError, "`levels` must be at least 1; received 0."),
        (lambda: bijectors.realnvp(levels=0), ValueError, "`levels` must be at least 1; received 0."),
        (lambda: bijectors.maf(depth=0), ValueError, "`depth` must be at least 1; received 0."),
        (lambda: bijectors.MultiScale([]), TypeError, "`levels` must be a list of at least one `Bijector`"),
        (lambda: bijectors.Chain([keras.layers.Dense(2)]), TypeError, "`bijectors` must be a list of at least one"),
        (lambda: bijectors.Logit(0.5), ValueError, "`alpha` must be below 0.5; received 0.5."),
        (lambda: bijectors.HalvesCoupling(3), TypeError, "`network` must be a Keras layer or model; received int."),
        (
            lambda: bijectors.HalvesCoupling(tanh_mlp(), log_scale_bound=0),
            ValueError,
            "`log_scale_bound` must be above 0; received 0.",
        ),
        (lambda: bijectors.MaskedAutoregressive(()), ValueError, "`hidden` must be a tuple of at least one integer"),
        (lambda: networks.coupling_convnet(()), ValueError, "`filters` must be a tuple of at least one integer"),
    ],
)
def test_arguments_that_make_no_bijector_are_refused(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_a_bijector_is_for_one_shape():
    bijector = bijectors.ActNorm()
    bijector.build((None, 4))
    bijector.build((None, 4))
    with pytest.raises(ValueError, match=r"was built for examples of shape \(4,\); received \(5,\)"):
        bijector.build((None, 5))


def test_where_the_logit_reaches_nothing_the_density_is_zero():
    bijector = bijectors.Logit(0.05)
    x = tf.constant([[0.0, 1.0], [0.5, 1.06], [-0.06, 0.5], [0.5, np.nan]])
    z, log_det = bijector.forward(x)
    assert np.all(np.isfinite(z[:3]))
    assert np.isfinite(log_det[0]) and np.isnan(log_det[3])
    np.testing.assert_array_equal(log_det[1:3], [-np.inf, -np.inf])
