"""`keras.saving.load_model` loads every model of the package after `import tfvae`, in either order of the imports."""

import hashlib
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import tfvae
from tfvae.models import classes  # noqa: F401
from tfvae.recipes import RECIPES
from tiers import long

LOAD = """
def loaded(path):
    model = load_model(path)
    weights = b''.join(weight.tobytes() for weight in model.get_weights())
    return type(model).__name__, hashlib.sha256(weights).hexdigest(), bool(model.compiled)

import hashlib, json
assert not any(name.startswith('tfvae.models') for name in sys.modules)
found = {'models': [loaded(path) for path in sys.argv[1:]]}
"""
KERAS_FIRST = f"""
import sys, keras
from keras.saving import load_model
import tfvae

assert keras.saving.get_registered_object('other>Thing') is None
assert keras.layers.deserialize(keras.layers.serialize(keras.layers.Dense(2))).units == 2
imported = [name for name in sys.modules if name.startswith('tfvae.models')]

backend, keras.config.backend = keras.config.backend, lambda: 'jax'
try:
    keras.saving.deserialize_keras_object({{'module': None, 'class_name': 'Normal',
        'config': {{'event_shape': [2]}}, 'registered_name': 'tfvae>Normal'}})
except Exception as error:
    refused = f'{{type(error).__name__}}: {{error}}'
keras.config.backend = backend
{LOAD}
import importlib, pkgutil
registered = set(keras.saving.get_custom_objects())
for each in pkgutil.walk_packages(tfvae.__path__, 'tfvae.'):
    if each.name != 'tfvae.__main__': importlib.import_module(each.name)
more = sorted(set(keras.saving.get_custom_objects()) - registered)
print(json.dumps(found | dict(imported=imported, refused=refused, registered=len(registered), more=more)))
"""
TFVAE_FIRST = f"""
import sys, tfvae
assert not {{'keras', 'tensorflow'}} & sys.modules.keys()
from keras.saving import load_model
{LOAD}
print(json.dumps(found))
"""
TF_KERAS = f"""
import sys, tfvae, tensorflow as tf
load_model = tf.keras.models.load_model
{LOAD}
print(json.dumps(found))
"""


def digest(model):
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()


FEW = {
    "glow": {"depth": 1, "filters": (4,)},
    "realnvp": {"depth": 2, "filters": (4,)},
    "maf": {"depth": 2, "hidden": (8,)},
    "masked_autoencoder": {"width": 8},
}
"""Options that leave a model its kinds of parts, and fewer of them."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The models by file, one of each recipe, a part and a model of Keras' with a layer of ours."""
    folder = tmp_path_factory.mktemp("saved")
    models = {name: getattr(tfvae, name)((8, 8, 1), **FEW.get(name, {})) for name in RECIPES.names()}
    models["part"] = tfvae.ConditionalDistribution(tfvae.networks.mlp((3,)), tfvae.families.FullNormal((2,)))
    models["part"].build((None, 5))
    models["mine"] = keras.Sequential([keras.Input((8, 8, 1)), tfvae.networks.convnet((4,))])
    models["vae"].compile(keras.optimizers.Adam(), run_eagerly=True)
    models["vae"].fit(np.zeros((4, 8, 8, 1), np.uint8), batch_size=2, verbose=0)
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    return {folder / f"{name}.keras": model for name, model in models.items()}


def run(code, saved):
    """What a new process that runs the code on these files prints."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, saved)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def keras_first(saved):
    """What one process found, which is asked all that can be asked before and after it loads the models."""
    return run(KERAS_FIRST, saved)


def assert_loaded(found, saved):
    expected = [[type(model).__name__, digest(model), path.stem == "vae"] for path, model in saved.items()]
    assert found["models"] == expected


@pytest.mark.slow
def test_keras_loads_every_model_when_it_is_imported_first(keras_first, saved):
    assert_loaded(keras_first, saved)


@pytest.mark.slow
@pytest.mark.parametrize("code", [TFVAE_FIRST, long(TF_KERAS)], ids=["tfvae first", "tf.keras"])
def test_keras_loads_every_model(code, saved):
    assert_loaded(run(code, saved), saved)


def test_the_classes_that_the_look_up_imports_are_all_that_are_registered(keras_first):
    assert keras_first["more"] == []
    assert keras_first["registered"] > 30


def test_another_backend_is_refused_when_a_class_is_looked_up_and_not_before(keras_first):
    assert keras_first["refused"].startswith("UnfitEnvironment: tfvae needs Keras' TensorFlow backend")


def test_names_of_others_are_looked_up_without_this_package(keras_first):
    assert keras_first["imported"] == []
