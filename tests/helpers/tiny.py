"""Models and data small enough to train in a moment, and how two models are compared."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import families, networks, preprocessing

SHAPE = (8, 8, 1)
LATENT = 2

MODES = {
    "graph": {},
    "eager": {"run_eagerly": True},
    "XLA": {"jit_compile": True},
    "one program": {"jit_compile": True, "steps_per_execution": 4},
}
"""How steps can be run, as arguments of `compiled`."""


ALL_MODES = ["graph", "eager", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("XLA", "one program"))]
# Without `tiers`, which processes that tests start do not find.


def images(count=24, seed=0):
    """uint8 `[count, 8, 8, 1]`: bright discs at random places, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(2, 6, size=(count, 2, 1, 1))
    row, column = np.mgrid[:8, :8]
    distance = (row - centre[:, 0]) ** 2 + (column - centre[:, 1]) ** 2
    return np.round(255 * np.exp(-distance / 4)).astype("uint8")[..., np.newaxis]


def network(kind="mlp", image_shape=None):
    """A body: "mlp", "linear" (quick to compile), or "conv" (up to an image where `image_shape` is given)."""
    if kind == "linear":
        return networks.mlp(())
    if kind == "mlp":
        return networks.mlp((8,), activation="tanh")
    return networks.deconvnet(image_shape, (4,)) if image_shape else networks.convnet((4,))


def vae(
    likelihood=None, posterior=None, preprocess=None, objective=None, kind="mlp", bodies=None, weights_seed=0, seed=5,
    prior=None,
):  # fmt: skip
    """A VAE of 8x8 images; `weights_seed` is of its initial weights, `bodies()` makes its two networks."""
    keras.utils.set_random_seed(weights_seed)
    encoder_body, decoder_body = bodies() if bodies else (network(kind), network(kind, SHAPE))
    posterior = posterior or families.Normal((LATENT,))
    return tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(encoder_body, posterior, name="encoder"),
        decoder=tfvae.ConditionalDistribution(
            decoder_body, likelihood or families.Normal(SHAPE, scale="shared"), name="decoder"
        ),
        prior=prior or tfvae.priors.StandardNormal(posterior.event_shape),
        preprocess=preprocess or preprocessing.Dequantize(),
        objective=objective,
        seed=seed,
    )


def bernoulli_vae(**changes):
    return vae(likelihood=families.Bernoulli(SHAPE), preprocess=preprocessing.Binarize(), **changes)


def masked_autoencoder():
    """One block and few weights, each of which costs a step some milliseconds."""
    encoder, decoder = (networks.transformer(4, 1, 2) for _ in range(2))
    return tfvae.MaskedAutoencoder(encoder, decoder, SHAPE, 4, 0.75, preprocessing.Rescale())


def compiled(model, optimizer=None, **options):
    """The model, compiled (with Adam if nothing else is said), its optimiser's variables made."""
    model.compile(optimizer=optimizer or keras.optimizers.Adam(1e-2), **({"jit_compile": False} | options))
    model.optimizer.build(model.trainable_variables)
    return model


def train(model, steps, raw=None):
    """`steps` steps of the same examples (eight images if nothing is said), in one epoch; gives the history."""
    data = tf.data.Dataset.from_tensors(images(8) if raw is None else raw).repeat(steps)
    return model.fit(data, verbose=0).history


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def state(model):
    """Everything that training changes, but for counters of steps: weights, then the optimiser's variables."""
    parts = values([*model.encoder.weights, *model.decoder.weights, *model.prior.weights])
    return parts + values(model.optimizer.variables)


def assert_same_bits(ones, others):
    assert len(ones) == len(others)
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_all_close(ones, others, tolerance):
    """Norm of the difference / norm <= tolerance, array by array."""
    assert len(ones) == len(others)
    for one, other in zip(ones, others, strict=True):
        assert np.linalg.norm(np.asarray(one) - other) <= tolerance * np.linalg.norm(other)


def differs(ones, others):
    return any(not np.array_equal(one, other) for one, other in zip(ones, others, strict=True))
