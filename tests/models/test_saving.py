"""A `.keras` file holds everything: what comes back predicts, scores and trains on as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny
from faults import fault
from tiers import slow

import tfvae
from tfvae import families

RAW = tiny.images(24)
ROOT = Path(__file__).resolve().parents[2]

MODELS = {
    "dense": tiny.vae,
    "convolutional": lambda: tiny.vae(
        kind="conv", likelihood=families.Normal(tiny.SHAPE, scale="image", min_scale=0.1)
    ),
    "Bernoulli": lambda: tiny.bernoulli_vae(objective=tfvae.ImportanceWeighted(3), seed=11),
    "full covariance": lambda: tiny.vae(
        likelihood=families.Normal(tiny.SHAPE, scale=0.3),
        posterior=families.FullNormal((3,), min_scale=0.01),
        objective=tfvae.ELBO(analytic_kl=False, sample_size=2),
    ),
    "warm-up": lambda: tiny.vae(objective=tfvae.ELBO(beta=tfvae.WarmUp(5, final=2.0), free_bits=0.1)),
    "levels": lambda: tiny.vae(
        likelihood=families.DiscretizedLogistic(tiny.SHAPE, "image", min_scale=0.01),
        preprocess=tfvae.preprocessing.Levels(),
    ),
    "categorical": lambda: tiny.vae(
        likelihood=families.Categorical(tiny.SHAPE, levels=256), preprocess=tfvae.preprocessing.Levels()
    ),
    "autoregressive Bernoulli": lambda: tiny.vae(
        preprocess=tfvae.preprocessing.Binarize(), likelihood=families.AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3)
    ),
    "continuous Bernoulli": lambda: tiny.vae(likelihood=families.ContinuousBernoulli(tiny.SHAPE)),
    "grey": lambda: tiny.vae(
        likelihood=families.Normal(tiny.SHAPE, scale="pixel"), preprocess=tfvae.preprocessing.Rescale()
    ),
}


def as_json(model):
    """The configuration as it stands in a file, where a tuple is a list."""
    return json.loads(json.dumps(model.get_config()))


def trained(make=tiny.vae):
    model = tiny.compiled(make(), run_eagerly=True)  # so that nothing has to be traced
    model.fit(RAW, batch_size=8, shuffle=False, verbose=0)
    return model


SLOW = ("dense", "warm-up", "grey", "categorical", "continuous Bernoulli")  # the others have most of what these have


@pytest.fixture(params=[slow(name) if name in SLOW else name for name in MODELS])
def pair(request, tmp_path):
    """A trained model, and what comes back from its file."""
    model = trained(MODELS[request.param])
    model.save(tmp_path / "model.keras")
    return model, tfvae.load(tmp_path / "model.keras")


def test_the_same_model_comes_back(pair):
    model, loaded = pair
    assert type(loaded) is type(model)
    assert as_json(loaded) == as_json(model)
    assert (loaded.steps, loaded.seed, loaded.unit) == (3, model.seed, model.unit)
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))
    assert int(loaded.optimizer.iterations) == 3
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    # With its preprocessing, families, prior and objective at work, bit for bit:
    tiny.assert_same_bits(loaded.predict(RAW, verbose=0), model.predict(RAW, verbose=0))
    tiny.assert_same_bits(loaded.encoder.predict(RAW, verbose=0), model.encoder.predict(RAW, verbose=0))
    tiny.assert_same_bits(loaded.sample(5, seed=3), model.sample(5, seed=3))
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    # And it goes on in the same way: the optimiser's state, the noise's seed and step, and the warm-up's step.
    histories = [each.fit(RAW, batch_size=8, shuffle=False, verbose=0).history for each in pair]
    assert histories[0] == histories[1]
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))


def run_alone(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_a_fresh_process_loads_it_with_one_call(tmp_path):
    model = trained()
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "raw.npy", RAW)
    run_alone(
        "import sys, numpy as np, tfvae\n"
        "model = tfvae.load(sys.argv[1])\n"
        "np.savez(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0), model.steps)",
        *(tmp_path / name for name in ("model.keras", "raw.npy", "out.npz")),
    )
    predictions, steps = np.load(tmp_path / "out.npz").values()
    tiny.assert_same_bits(predictions, model.predict(RAW, verbose=0))
    assert steps == 3


def test_weights_alone_can_be_saved(tmp_path):
    model, other = trained(), tiny.compiled(tiny.vae(weights_seed=9))
    assert tiny.differs(tiny.state(model), tiny.state(other))
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    tiny.assert_same_bits(tiny.state(other), tiny.state(model))
    assert other.steps == 3


def test_the_optimiser_is_saved_with_its_schedule(tmp_path):
    adam = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-2, 10), clipnorm=1.0)
    model = tiny.compiled(tiny.vae(), keras.optimizers.LossScaleOptimizer(adam, initial_scale=8.0), run_eagerly=True)
    for _ in range(2):  # also what has been loaded can be trained and loaded again
        model.fit(RAW, batch_size=8, verbose=0)
        model.optimizer.dynamic_scale.assign(model.optimizer.dynamic_scale / 2)
        model.save(tmp_path / "model.keras")
        loaded = tfvae.load(tmp_path / "model.keras")
        assert loaded.optimizer.get_config() == model.optimizer.get_config()
        tiny.assert_same_bits(tiny.values(loaded.optimizer.variables), tiny.values(model.optimizer.variables))
        model = loaded
    assert float(model.optimizer.dynamic_scale) == 2.0
    assert int(model.optimizer.iterations) == 6


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model at .*nothing\.keras"):
        tfvae.load(tmp_path / "nothing.keras")


@fault("trust")
def test_no_code_in_a_model_file_is_run(tmp_path):
    """A layer of Python code, which Keras writes into the file."""

    def bodies():
        code = keras.layers.Lambda(lambda x: x, output_shape=(64,))
        return keras.Sequential([keras.layers.Flatten(), code]), tiny.network("mlp", tiny.SHAPE)

    tiny.vae(bodies=bodies).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"model\.keras cannot be loaded: .*`Lambda` layer.* is a Python lambda"):
        tfvae.load(tmp_path / "model.keras")
