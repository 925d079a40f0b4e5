"""Under every policy the networks compute in it, and distributions, losses and weights in float32."""

import keras
import pytest
import tensorflow as tf

import tfvae
import tiny
from tfvae import families, preprocessing
from tfvae.noise import Noise
from tfvae.trace import Latent, Trace, require_full_precision
from tiers import long, slow

RAW = tiny.images(6)
POLICIES = ["float32", "mixed_bfloat16", "mixed_float16"]
LIKELIHOODS = [
    *((preprocessing.Dequantize(), families.Normal(tiny.SHAPE, scale=s)) for s in ("pixel", "image", "shared", 0.2)),
    (preprocessing.Binarize(), families.Bernoulli(tiny.SHAPE)),
    (preprocessing.Binarize(), families.AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3)),
    (preprocessing.Dequantize(), families.ContinuousBernoulli(tiny.SHAPE)),
    *(
        (preprocessing.Levels(), families.DiscretizedLogistic(tiny.SHAPE, scale=s))
        for s in ("pixel", "image", "shared", 8.0)
    ),
    (preprocessing.Levels(), families.Categorical(tiny.SHAPE)),
    (preprocessing.Rescale(), families.Delta(tiny.SHAPE)),
]
POSTERIORS = [families.Normal((tiny.LATENT,)), families.FullNormal((tiny.LATENT,)), families.Delta((tiny.LATENT,))]


def named(part):
    return f"{type(part).__name__} {getattr(part, 'scale', '')}".strip()


PAIRS = pytest.mark.parametrize(
    ("policy", "kind"),
    [("mixed_bfloat16", "mlp"), ("mixed_bfloat16", "conv"), slow("mixed_float16", "conv"), ("float32", "mlp")],
    indirect=["policy"],
)
"""Both kinds of networks in one half precision, and one of them in each other policy."""


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def half(policy):
    return policy.removeprefix("mixed_")


def assert_single(*tensors):
    assert {tensor.dtype for tensor in tensors} == {tf.float32}


@pytest.mark.parametrize(("preprocess", "family"), LIKELIHOODS, ids=named)
@PAIRS
def test_likelihoods_are_float32_and_their_networks_are_not(policy, preprocess, family, kind):
    body = tiny.network(kind, tiny.SHAPE)
    decoder = tfvae.ConditionalDistribution(body, family)
    decoder.build((None, tiny.LATENT))
    z = tf.ones((3, 6, tiny.LATENT))
    assert body(z[0]).dtype == half(policy)
    assert {layer.compute_dtype for layer in body.layers} == {half(policy)}
    assert {each.dtype for each in decoder.variables} == {"float32"}
    likelihood = decoder(z)
    assert_single(*_tensors(likelihood))
    x = preprocess(tf.constant(RAW), Noise(0))
    assert_single(x, likelihood.log_prob(x), likelihood.mean(), family.draw(decoder(z[0]), Noise(0), "draw"))


@pytest.mark.parametrize("family", POSTERIORS, ids=named)
@PAIRS
def test_posteriors_are_float32_and_their_networks_are_not(policy, family, kind):
    encoder = tfvae.ConditionalDistribution(tiny.network(kind), family)
    encoder.build((None, *tiny.SHAPE))
    x = tf.constant(RAW / 255.0, tf.float32)
    assert encoder.network(x).dtype == half(policy)
    posterior = encoder(x)
    assert_single(*_tensors(posterior))
    z = family.draw(posterior, Noise(0), "posterior", 3)
    assert_single(z, posterior.log_prob(z))


@pytest.mark.parametrize("objective", [tfvae.ELBO(), tfvae.ImportanceWeighted(3)], ids=["ELBO", "importance weighted"])
@PAIRS
def test_traces_scores_and_gradients_are_float32(policy, objective, kind):
    model = tiny.vae(objective=objective, kind=kind)
    with tf.GradientTape() as tape:
        trace = model.sample_trace(tf.constant(RAW), Noise(0), objective.sample_size, training=True)
        scores = objective(trace)
        loss = tf.reduce_mean(scores.loss)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert_single(*(each for each in tf.nest.flatten([trace, scores]) if each is not None), *gradients)
    assert model.decoder.network.compute_dtype == half(policy)


def test_half_precision_is_as_far_from_float32_as_it_rounds():
    """The same weights: the loss differs, by about as much as features of 8 or 11 bits allow."""
    losses = {}
    for policy in POLICIES:
        keras.config.set_dtype_policy(policy)
        model = tiny.compiled(tiny.vae(), run_eagerly=True)
        keras.config.set_dtype_policy("float32")
        losses[policy] = model.evaluate(tiny.images(24), verbose=0, return_dict=True)["loss"]
    single, brain, ieee = losses.values()
    assert 0 < abs(brain - single) < 2**-8 * abs(single)
    assert 0 < abs(ieee - single) < 2**-11 * abs(single)


def test_log_probabilities_in_half_precision_are_refused():
    number = tf.zeros((2, 3), tf.bfloat16)
    for trace in (
        Trace(number, ()),
        Trace(tf.zeros((2, 3)), (Latent(tf.zeros((2, 3, 1)), number, number, number, None),)),
    ):
        with pytest.raises(TypeError, match=r"^Distributions must compute in float32 .* the trace holds bfloat16\.$"):
            require_full_precision(trace)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", long("mixed_float16"), long("float32")], indirect=True)
def test_a_model_in_half_precision_is_equal_bit_for_bit_when_it_is_loaded(policy, tmp_path):
    model = tiny.compiled(tiny.vae(kind="conv"), run_eagerly=True)
    model.fit(RAW, verbose=0)
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")  # what a new process starts with
    loaded = tfvae.load(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in loaded.decoder.network.layers} == {half(policy)}
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    tiny.assert_same_bits([loaded.predict(RAW, verbose=0)], [model.predict(RAW, verbose=0)])
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))


def _tensors(distribution):
    """The parameters that a distribution holds."""
    return tf.nest.flatten(distribution, expand_composites=True)
