"""A `.keras` file holds everything: what comes back predicts, scores and trains on as if nothing had happened."""

import copy
import json
import os
import pickle
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from faults import fault
from places import ROOT
from tfvae import families
from tiers import slow

pytestmark = pytest.mark.usefixtures("eager")
RAW = tiny.images(24)

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
    model.fit(RAW, batch_size=12, shuffle=False, verbose=0)
    return model


FAST = ("Bernoulli",)  # it has an objective, a likelihood and a seed of its own


@pytest.fixture(params=[name if name in FAST else slow(name) for name in MODELS])
def pair(request, tmp_path):
    """A trained model, and what comes back from its file."""
    model = trained(MODELS[request.param])
    model.save(tmp_path / "model.keras")
    return model, tfvae.load(tmp_path / "model.keras")


def test_the_same_model_comes_back(pair):
    model, loaded = pair
    assert type(loaded) is type(model)
    assert as_json(loaded) == as_json(model)
    assert (loaded.steps, loaded.seed, loaded.unit) == (2, model.seed, model.unit)
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))
    assert int(loaded.optimizer.iterations) == 2
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    # With its preprocessing, families, prior and objective at work, bit for bit:
    tiny.assert_same_bits(loaded.predict(RAW, verbose=0), model.predict(RAW, verbose=0))
    tiny.assert_same_bits(loaded.encoder.predict(RAW, verbose=0), model.encoder.predict(RAW, verbose=0))
    tiny.assert_same_bits(loaded.sample(5, seed=3), model.sample(5, seed=3))
    assert loaded.evaluate(RAW, verbose=0) == model.evaluate(RAW, verbose=0)
    # And it goes on in the same way: the optimiser's state, the noise's seed and step, and the warm-up's step.
    histories = [each.fit(RAW, batch_size=12, shuffle=False, verbose=0).history for each in pair]
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
    assert steps == 2


def test_weights_alone_can_be_saved(tmp_path):
    model, other = trained(), tiny.compiled(tiny.vae(weights_seed=9))
    assert tiny.differs(tiny.state(model), tiny.state(other))
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    tiny.assert_same_bits(tiny.state(other), tiny.state(model))
    assert other.steps == 2


def test_the_optimiser_is_saved_with_its_schedule(tmp_path):
    adam = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-2, 10), clipnorm=1.0)
    model = tiny.compiled(tiny.vae(), keras.optimizers.LossScaleOptimizer(adam, initial_scale=8.0), run_eagerly=True)
    for _ in range(2):  # also what has been loaded can be trained and loaded again
        model.fit(RAW, batch_size=12, verbose=0)
        model.optimizer.dynamic_scale.assign(model.optimizer.dynamic_scale / 2)
        model.save(tmp_path / "model.keras")
        loaded = tfvae.load(tmp_path / "model.keras")
        assert loaded.optimizer.get_config() == model.optimizer.get_config()
        tiny.assert_same_bits(tiny.values(loaded.optimizer.variables), tiny.values(model.optimizer.variables))
        model = loaded
    assert float(model.optimizer.dynamic_scale) == 2.0
    assert int(model.optimizer.iterations) == 4


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
    with pytest.raises(ValueError, match=r"cannot be loaded: it has a `Lambda` layer, whose code `load` never runs"):
        tfvae.load(tmp_path / "model.keras")


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FORMS = {
    "HDF5": lambda model: model.save("m.h5"),
    "HDF5, spelt out": lambda model: model.save("m.hdf5"),
    "HDF5 over a file": lambda model: model.save("there.h5"),
    "a folder": lambda model: model.save("m", zipped=False),
    "no suffix": lambda model: model.save("m"),
    "a SavedModel": lambda model: model.save("m", save_format="tf"),
    "a file object": lambda model: model.save(open("m.bin", "wb")),  # noqa: SIM115
    "the encoder as HDF5": lambda model: model.encoder.save("m.h5"),
    "the encoder as a folder": lambda model: model.encoder.save("m", zipped=False),
}


@fault("saving-forms")
@pytest.mark.parametrize("form", FORMS)
def test_what_load_could_not_read_is_not_saved(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("m.bin", "there.h5"):
        (tmp_path / name).write_bytes(b"")
    before = content(tmp_path)
    with pytest.raises(ValueError, match=r"^`save` writes one file whose name ends in \.keras, .* received ") as caught:
        FORMS[form](tiny.vae())
    assert "`save_weights`" in str(caught.value) and "`tfvae.export`" in str(caught.value)
    assert content(tmp_path) == before and not (tmp_path / "m").exists()


@fault("saving-forms")
@pytest.mark.parametrize("write", ["save", "save_weights"])
def test_a_file_is_kept_where_it_should_be(write, tmp_path):
    """Keras asks at the keyboard, which a program has not, and writes the version into the file that was kept."""
    path = tmp_path / ("m.keras" if write == "save" else "m.weights.h5")
    model = tiny.vae()
    getattr(model, write)(path, overwrite=False)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=f"{path.name} exists already; pass `overwrite=True` to replace it"):
        getattr(model, write)(path, overwrite=False)
    assert path.read_bytes() == before
    getattr(model, write)(path)


@fault("saving-forms")
def test_keras_own_functions_save_what_load_reads(tmp_path):
    model = trained()
    keras.saving.save_model(model, tmp_path / "m.keras")
    tiny.assert_same_bits(tiny.state(tfvae.load(tmp_path / "m.keras")), tiny.state(model))
    for path, options in ((tmp_path / "m.keras", {}), (tmp_path / "m.weights.json", {"max_shard_size": 1e-5})):
        if options:
            model.save_weights(path, **options)
        other = tiny.compiled(tiny.vae(weights_seed=9))
        other.load_weights(path)
        tiny.assert_same_bits(tiny.state(other), tiny.state(model))


@fault("saving-forms")
def test_what_keras_saves_otherwise_is_named_when_it_is_loaded(tmp_path):
    model = tiny.vae()
    keras.saving.save_model(model, tmp_path / "m.h5")
    keras.saving.save_model(model, tmp_path / "m", zipped=False)
    with pytest.raises(ValueError, match=r"^`load` takes files whose names end in \.keras, which `model\.save` writes"):
        tfvae.load(tmp_path / "m.h5")
    with pytest.raises(ValueError, match=r"m is a folder; `load` takes the \.keras file in it, or one that "):
        tfvae.load(tmp_path / "m")


@fault("saving-forms")
@pytest.mark.parametrize("part", ["model", "encoder", "decoder"])
def test_keras_export_is_refused_before_it_writes(part, tmp_path):
    """It writes types of distributions, which cannot be loaded without TensorFlow Probability."""
    model = tiny.vae()
    exporter = model if part == "model" else getattr(model, part)
    signature = [keras.InputSpec(shape=(None, *tiny.SHAPE), dtype="uint8")]
    for options in ({}, {"verbose": False, "input_signature": signature}):
        with pytest.raises(NotImplementedError, match=r"use `tfvae\.export\(model, folder\)` on the whole model"):
            exporter.export(tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


@fault("saving-forms")
def test_weights_of_another_model_are_one_sentence(tmp_path):
    tiny.vae().save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "damaged.weights.h5").write_bytes((tmp_path / "m.weights.h5").read_bytes()[:1000])
    for name, reason in (
        ("m", "its weights do not fit the networks. Layer '"),
        ("damaged", "Unable to synchronously open file (truncated"),
    ):
        with pytest.raises(ValueError) as caught:
            tiny.vae(kind="conv").load_weights(tmp_path / f"{name}.weights.h5")
        assert f"{name}.weights.h5 cannot be loaded: {reason}" in str(caught.value)
        assert "\n" not in str(caught.value)


class Mine(keras.layers.Layer):
    """A layer that is not registered."""

    def call(self, x):
        return tf.reshape(x, [-1, 64])


class MyNormal(families.Normal):
    """A family that is not registered."""


class MyAdam(keras.optimizers.Adam):
    """An optimiser that is not registered."""


def with_layer(layer):
    return tiny.compiled(tiny.vae(bodies=lambda: (keras.Sequential([layer, keras.layers.Dense(4)]), tiny.network())))


UNKNOWN = {
    "Mine": lambda: with_layer(Mine()),
    "MyNormal": lambda: tiny.compiled(tiny.vae(posterior=MyNormal((2,)))),
    "MyAdam": lambda: tiny.compiled(tiny.vae(), MyAdam()),
}


@fault("messages")
@pytest.mark.parametrize("name", UNKNOWN)
def test_a_class_that_is_not_registered_is_named_with_the_way_out(name, tmp_path):
    UNKNOWN[name]().save(tmp_path / "m.keras")
    with pytest.raises(ValueError) as caught:
        tfvae.load(tmp_path / "m.keras")
    assert str(caught.value) == (
        f"{tmp_path / 'm.keras'} cannot be loaded: the class '{name}' is not registered; decorate it with "
        "`@keras.saving.register_keras_serializable()` and import its module first."
    )


@fault("messages")
def test_other_reasons_why_a_file_does_not_load(tmp_path):
    with_layer(keras.layers.Lambda(lambda x: tf.reshape(x, [-1, 64]))).save(tmp_path / "code.keras")
    plain = tiny.compiled(tiny.vae())
    plain.save(tmp_path / "plain.keras")
    changes = {
        "argument": (b'"config": {"seed": null', b'"config": {"colour": 3, "seed": null'),
        "weights": (b'"units": 8', b'"units": 9'),
    }
    for name, (old, new) in changes.items():
        with zipfile.ZipFile(tmp_path / "plain.keras") as file, zipfile.ZipFile(tmp_path / f"{name}.keras", "w") as out:
            for member in file.namelist():
                text = file.read(member)
                assert member != "config.json" or old in text
                out.writestr(member, text.replace(old, new) if member == "config.json" else text)
    for name, reason in (
        ("code", "it has a `Lambda` layer, whose code `load` never runs"),
        ("argument", "GlorotUniform.__init__() got an unexpected keyword argument 'colour'"),
        ("weights", "its weights do not fit the networks. Layer '"),
    ):
        with pytest.raises(ValueError) as caught:
            tfvae.load(tmp_path / f"{name}.keras")
        assert str(caught.value).startswith(f"{tmp_path / name}.keras cannot be loaded: {reason}")
        assert "\n" not in str(caught.value)


def loaded(encoder, folder):
    encoder.save(folder / "encoder.keras")
    return tfvae.load(folder / "encoder.keras")


ALONE = {
    "loaded": loaded,
    "copied": lambda encoder, _: copy.deepcopy(encoder),
    "pickled": lambda encoder, _: pickle.loads(pickle.dumps(encoder)),
}


@fault("messages")
@pytest.mark.parametrize(
    ("kind", "how"),
    [*(("dense", how) for how in ALONE), ("levels", "loaded"), *(slow("levels", how) for how in ("copied", "pickled"))],
)
def test_an_encoder_alone_takes_what_it_took_in_its_model(kind, how, tmp_path):
    model = MODELS[kind]()
    alone = ALONE[how](model.encoder, tmp_path)
    for raw in (RAW, RAW / np.float32(255), RAW[..., 0]):
        tiny.assert_same_bits(alone.predict(raw, verbose=0), model.encoder.predict(raw, verbose=0))


@fault("messages")
def test_an_encoder_that_was_in_no_model_says_what_it_takes():
    network = tfvae.ConditionalDistribution(tiny.network(), families.Normal((2,)), name="lonely")
    network.build((None, *tiny.SHAPE))
    with pytest.raises(TypeError, match="`lonely` is not the encoder of a model and has no preprocessing: "):
        network.predict(RAW, verbose=0)
