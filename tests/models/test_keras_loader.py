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

IMPORTS = {
    "keras first": "import sys\nfrom keras.saving import load_model\nimport tfvae",
    "tfvae first": "import sys, tfvae\nassert not {'keras', 'tensorflow'} & sys.modules.keys()\n"
    "from keras.saving import load_model",
    "tf.keras": "import sys, tfvae, tensorflow as tf\nload_model = tf.keras.models.load_model",
}
LOOK_UP = (
    "keras.saving.deserialize_keras_object({'module': None, 'class_name': 'Normal', "
    "'config': {'event_shape': [2]}, 'registered_name': 'tfvae>Normal'})"
)
LOAD = """
assert not any(name.startswith('tfvae.models') for name in sys.modules)
import hashlib, json
for path in sys.argv[1:]:
    model = load_model(path)
    weights = b''.join(weight.tobytes() for weight in model.get_weights())
    print(json.dumps([type(model).__name__, hashlib.sha256(weights).hexdigest(), bool(model.compiled)]))
"""


def digest(model):
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The models by file, one of each recipe, a part and a model of Keras' with a layer of ours."""
    folder = tmp_path_factory.mktemp("saved")
    models = {name: getattr(tfvae, name)((8, 8, 1)) for name in RECIPES.names()}
    models["part"] = tfvae.ConditionalDistribution(tfvae.networks.mlp((3,)), tfvae.families.FullNormal((2,)))
    models["part"].build((None, 5))
    models["mine"] = keras.Sequential([keras.Input((8, 8, 1)), tfvae.networks.convnet((4,))])
    models["vae"].compile(keras.optimizers.Adam())
    models["vae"].fit(np.zeros((4, 8, 8, 1), np.uint8), batch_size=2, verbose=0)
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    return {folder / f"{name}.keras": model for name, model in models.items()}


@pytest.mark.parametrize("order", IMPORTS)
def test_keras_loads_every_model(order, saved):
    code = IMPORTS[order] + LOAD
    done = subprocess.run([sys.executable, "-c", code, *map(str, saved)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    compiled = [path.stem == "vae" for path in saved]
    assert [each[:2] for each in found] == [[type(model).__name__, digest(model)] for model in saved.values()]
    assert [each[2] for each in found] == compiled


def test_the_classes_that_the_look_up_imports_are_all_that_are_registered():
    code = (
        "import keras, tfvae, importlib, pkgutil\n"
        f"{LOOK_UP}\n"
        "found = set(keras.saving.get_custom_objects())\n"
        "for each in pkgutil.walk_packages(tfvae.__path__, 'tfvae.'):\n"
        "    if each.name != 'tfvae.__main__': importlib.import_module(each.name)\n"
        "print(sorted(set(keras.saving.get_custom_objects()) - found), len(found) > 30)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[] True", done.stderr


def test_another_backend_is_refused_when_a_class_is_looked_up_and_not_before():
    code = "import keras, tfvae\nkeras.config.backend = lambda: 'jax'\n" + LOOK_UP
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "UnfitEnvironment: tfvae needs Keras' TensorFlow backend" in done.stderr.strip().splitlines()[-1]


def test_names_of_others_are_looked_up_without_this_package():
    code = (
        "import sys, tfvae, keras\nassert keras.saving.get_registered_object('other>Thing') is None\n"
        "assert keras.layers.deserialize(keras.layers.serialize(keras.layers.Dense(2))).units == 2\n"
        "print([name for name in sys.modules if name.startswith('tfvae.models')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
