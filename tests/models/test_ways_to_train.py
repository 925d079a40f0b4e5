"""Every network, family, objective and precision that a user can choose trains, and learns something."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from tfvae import families, preprocessing
from tfvae.noise import Noise
from tiers import long, slow

RAW = tiny.images(24)
OTHERS = [
    (preprocessing.Binarize(), families.AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3)),
    (preprocessing.Dequantize(), families.ContinuousBernoulli(tiny.SHAPE)),
    *(
        (preprocessing.Levels(), families.DiscretizedLogistic(tiny.SHAPE, scale=s))
        for s in ("pixel", "image", "shared")
    ),
    (preprocessing.Levels(), families.Categorical(tiny.SHAPE)),
]


def named(part):
    return f"{type(part).__name__} {getattr(part, 'scale', '')}".strip()


def learns(model, epochs=5, **options):
    """Trains; the loss of the same noise on the same images has to be lower afterwards."""
    before = model.evaluate(RAW, verbose=0, return_dict=True)
    model.fit(RAW, epochs=epochs, batch_size=8, verbose=0, **options)
    after = model.evaluate(RAW, verbose=0, return_dict=True)
    assert all(np.isfinite(value) for value in after.values())
    assert model.skipped_steps == 0
    return after["loss"] < before["loss"]


LIKELIHOODS = [
    *((preprocessing.Dequantize(), families.Normal(tiny.SHAPE, scale=s)) for s in ("pixel", "image", "shared", 0.2)),
    (preprocessing.Binarize(), families.Bernoulli(tiny.SHAPE)),
    (preprocessing.Rescale(), families.Bernoulli(tiny.SHAPE)),
    (preprocessing.Identity(), families.Normal(tiny.SHAPE)),
    *OTHERS,
]
BOUNDS = {
    "ELBO": (families.Normal((2,)), tfvae.ELBO()),
    "sampled rate": (families.Normal((2,), scale="shared"), tfvae.ELBO(analytic_kl=False, sample_size=3)),
    "full covariance": (families.FullNormal((2,)), tfvae.ELBO(analytic_kl=False)),
    "importance weighted": (families.Normal((1,)), tfvae.ImportanceWeighted(4)),
}


def pairs():
    """Each likelihood with each bound, and either with each kind of network; two bounds of each likelihood are fast."""
    for row, (preprocess, likelihood) in enumerate(LIKELIHOODS):
        for column, (name, bound) in enumerate(BOUNDS.items()):
            kind = ("mlp", "conv")[(row + column // 2) % 2]
            marks = () if (row + column) % 2 else pytest.mark.slow
            case = f"{kind}-{name}-{type(preprocess).__name__}-{named(likelihood)}"
            yield pytest.param(kind, preprocess, likelihood, *bound, id=case, marks=marks)


@pytest.mark.parametrize(("kind", "preprocess", "likelihood", "posterior", "objective"), list(pairs()))
def test_every_variable_gets_a_finite_gradient(kind, preprocess, likelihood, posterior, objective):
    model = tiny.vae(likelihood, posterior, preprocess, objective, kind=kind)
    raw = tf.constant(RAW) if preprocess.makes != "reals" else tf.constant(RAW, tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(objective(model.sample_trace(raw, Noise(0), objective.sample_size)).loss)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert all(gradient is not None for gradient in gradients)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    assert all(np.any(gradient) for gradient in gradients)


@pytest.mark.parametrize("kind", ["mlp", pytest.param("conv", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(tfvae.ELBO(), id="ELBO"),
        pytest.param(tfvae.ImportanceWeighted(5), id="importance weighted", marks=pytest.mark.slow),
    ],
)
def test_it_learns(kind, objective):
    assert learns(tiny.compiled(tiny.vae(kind=kind, objective=objective)))


@pytest.mark.parametrize(
    ("preprocess", "likelihood"),
    [
        pytest.param(*case, id=named(case[1]), marks=() if case is OTHERS[0] else pytest.mark.slow)
        for case in OTHERS[::2]
    ],
)
@pytest.mark.parametrize("mode", ["eager", long("graph"), slow("XLA"), long("one program")])
def test_other_likelihoods_learn(preprocess, likelihood, mode):
    model = tiny.vae(likelihood, preprocess=preprocess)
    assert learns(tiny.compiled(model, **tiny.MODES[mode]), epochs=2)
    reconstructions = model.preprocess.grey(model.predict(RAW, verbose=0)).numpy()
    assert np.all((reconstructions >= 0) & (reconstructions <= 1))


@pytest.mark.slow
def test_latents_of_size_one():
    model = tiny.compiled(tiny.vae(posterior=families.Normal((1,))))
    assert learns(model)
    assert model.encoder.predict(RAW, verbose=0).shape == (24, 1)
    trace = model.sample_trace(tf.constant(RAW), Noise(0), 3)
    assert trace.log_px_z.shape == (3, 24)
    assert trace.latents[0].z.shape == (3, 24, 1)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, long(True)])
def test_batch_normalisation_trains_and_evaluates(jit_compile):
    def bodies():
        layers = keras.layers
        return [
            keras.Sequential([layers.Flatten(), layers.BatchNormalization(momentum=0.5), layers.Dense(8)])
            for _ in range(2)
        ]

    model = tiny.compiled(tiny.vae(bodies=bodies), jit_compile=jit_compile)
    normalisation = model.encoder.network.layers[1]
    assert learns(model)
    averages = tiny.values(normalisation.non_trainable_weights)
    x = np.asarray(model.preprocess(RAW)).reshape(24, -1)
    np.testing.assert_allclose(averages[0], x.mean(axis=0), atol=0.15)  # of moving batches of a third of the data
    model.evaluate(RAW, verbose=0)
    tiny.assert_same_bits(tiny.values(normalisation.non_trainable_weights), averages)


def test_regularisers_of_the_networks_enter_the_loss():
    """In one step of plain descent the regulariser moves the weights by twice its factor times the weights."""
    after = []
    for factor in (0.0, 0.25):
        regularizer = keras.regularizers.L2(factor)
        regular = functools.partial(keras.layers.Dense, 8, kernel_regularizer=regularizer)
        model = tiny.compiled(
            tiny.vae(bodies=lambda make=regular: [keras.Sequential([keras.layers.Flatten(), make()]), tiny.network()]),
            keras.optimizers.SGD(1e-3),
            run_eagerly=True,
        )
        kernel = tiny.values(model.trainable_variables)[0]
        model.train_on_batch(RAW[:8])
        after.append(tiny.values(model.trainable_variables))
    expected = [np.zeros_like(each) for each in after[0]]
    expected[0] = 1e-3 * 2 * 0.25 * kernel
    for plain, regularised, difference in zip(*after, expected, strict=True):
        np.testing.assert_allclose(plain - regularised, difference, atol=1e-6)


@pytest.fixture
def precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jit_compile", "kind", "precision"),
    [
        (True, "mlp", "mixed_float16"),
        (True, "conv", "mixed_bfloat16"),
        long(True, "mlp", "mixed_bfloat16"),
        long(True, "conv", "mixed_float16"),
        *(long(False, kind, f"mixed_{half}") for kind in ("mlp", "conv") for half in ("bfloat16", "float16")),
    ],
    indirect=["precision"],
)
def test_half_precision_networks_train(precision, kind, jit_compile):
    optimizer = keras.optimizers.Adam(1e-2)
    if precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model = tiny.compiled(tiny.vae(kind=kind), optimizer, jit_compile=jit_compile)
    assert all(variable.dtype == "float32" for variable in model.trainable_variables)
    assert model.encoder.network.compute_dtype == precision.removeprefix("mixed_")
    assert model.encoder(model.preprocess(RAW)).dtype == tf.float32
    assert learns(model)


@pytest.mark.parametrize("precision", ["mixed_float16"], indirect=True)
def test_an_overflow_in_half_precision_lowers_the_scale_and_is_no_fault(precision):
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2), initial_scale=2.0**40)
    model = tiny.compiled(tiny.vae(), optimizer, run_eagerly=True)
    before = tiny.values(model.trainable_variables)
    model.train_on_batch(RAW[:8])
    tiny.assert_same_bits(tiny.values(model.trainable_variables), before)
    assert float(optimizer.dynamic_scale) == 2.0**39
    assert model.skipped_steps == 0


def test_the_recipe_is_the_composition():
    def hand():
        return tfvae.VAE(
            encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp((8, 6), "gelu"), families.Normal((3,))),
            decoder=tfvae.ConditionalDistribution(
                tfvae.networks.mlp((6, 8), "gelu"), families.Normal(tiny.SHAPE, scale="image")
            ),
            prior=tfvae.priors.StandardNormal((3,)),
            preprocess=preprocessing.Dequantize(),
            objective=tfvae.ELBO(beta=2.0),
            seed=4,
        )

    def recipe():
        return tfvae.vae(tiny.SHAPE, 3, "mlp(8, 6)", "normal(scale=image)", objective="elbo(beta=2)", seed=4)

    assert_trained_alike(hand, recipe)


def test_the_convolutional_recipe_is_the_composition():
    def hand():
        return tfvae.VAE(
            encoder=tfvae.ConditionalDistribution(tfvae.networks.convnet((4, 6), "gelu"), families.Normal((3,))),
            decoder=tfvae.ConditionalDistribution(
                tfvae.networks.deconvnet(tiny.SHAPE, (6, 4), "gelu"), families.Normal(tiny.SHAPE, scale=0.3)
            ),
            prior=tfvae.priors.StandardNormal((3,)),
            preprocess=preprocessing.Dequantize(),
        )

    assert_trained_alike(hand, lambda: tfvae.conv_vae(tiny.SHAPE, 3, "conv(4, 6)", "normal(scale=0.3)"))


def assert_trained_alike(*makes):
    """From the same initial weights, the same losses and weights bit for bit."""
    outcomes = []
    for make in makes:
        keras.utils.set_random_seed(3)
        model = tiny.compiled(make(), run_eagerly=True)
        losses = model.fit(RAW, epochs=2, batch_size=24, shuffle=False, verbose=0).history["loss"]
        outcomes.append([losses, *tiny.state(model)])
    tiny.assert_same_bits(*outcomes)
