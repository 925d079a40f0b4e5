"""Environments that Keras cannot run this package in: one sentence, before Keras is imported."""

import json
import os
import subprocess
import sys
from importlib import metadata

import pytest

from faults import fault
from places import ROOT
from tfvae._support import environment

WAY_OUT = "; set KERAS_BACKEND=tensorflow before Python starts."


def run(*arguments, **variables):
    """A new Python, which has imported nothing yet."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**inherited, "PYTHONPATH": str(ROOT), **variables},
    )


@fault("environments")
@pytest.mark.parametrize("backend", ["jax", "torch", "tensorflo"])
def test_another_backend_is_one_sentence_and_exit_code_1(backend, tmp_path):
    said = f"tfvae needs Keras' TensorFlow backend, and KERAS_BACKEND is {backend!r}{WAY_OUT}"
    done = run("-m", "tfvae", "train", "--out", str(tmp_path / "r"), KERAS_BACKEND=backend)
    assert (done.returncode, done.stderr.strip()) == (1, f"Error: {said}")
    assert not (tmp_path / "r").exists()
    done = run("-c", "import tfvae; tfvae.vae", KERAS_BACKEND=backend)
    assert done.stderr.strip().splitlines()[-1].endswith(said)
    assert "keras/src" not in done.stderr


@fault("environments")
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ('{"backend": "torch"}', "is 'torch'" + WAY_OUT),
        ("[1]", "must be a JSON object of Keras' settings; correct or delete it."),
        ("[" * 5000, "must be a JSON object of Keras' settings; correct or delete it."),
    ],
    ids=["torch", "a list", "brackets"],
)
def test_the_file_of_keras_settings_is_looked_at(settings, sentence, tmp_path):
    (tmp_path / "keras.json").write_text(settings)
    done = run("-m", "tfvae", "train", "--out", str(tmp_path / "run"), KERAS_HOME=str(tmp_path))
    (said,) = done.stderr.strip().splitlines()
    assert done.returncode == 1
    assert str(tmp_path / "keras.json") in said and said.endswith(sentence)


@fault("environments")
def test_help_needs_no_backend():
    assert run("-m", "tfvae", "--help", KERAS_BACKEND="jax").returncode == 0


@fault("environments")
def test_a_library_that_is_too_old_is_named(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["keras>=3.12", "tensorflow>=2.21", 'jax>=1; extra == "bench"'])
    monkeypatch.setattr(metadata, "version", lambda name: {"keras": "3.11.3", "tensorflow": "2.21.0"}[name])
    with pytest.raises(ImportError) as caught:
        environment.check.__wrapped__()
    assert str(caught.value) == "tfvae needs keras 3.12 or newer, and 3.11.3 is installed; pip install 'keras>=3.12'."


def test_the_environment_of_the_tests_is_fit():
    environment.check.__wrapped__()
    assert {name for name, _ in environment._needed()} <= {"tensorflow", "keras", "tensorflow-probability", "tf-keras"}


@pytest.mark.slow
@fault("environments")
def test_legacy_keras_makes_no_difference(tmp_path):
    """TF_USE_LEGACY_KERAS is about `tf.keras`, which nothing here uses."""
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import tiny\n"
        "model = tiny.compiled(tiny.vae()); model.fit(tiny.images(8), verbose=0)\n"
        "print(json.dumps(float(model.evaluate(tiny.images(8), verbose=0, return_dict=True)['loss'])))"
    )
    path = str(ROOT / "tests/helpers")
    found = [run("-c", code, path, TF_CPP_MIN_LOG_LEVEL="3", TF_USE_LEGACY_KERAS=value) for value in ("0", "1")]
    assert [done.returncode for done in found] == [0, 0], found[1].stderr
    assert len({json.loads(done.stdout.splitlines()[-1]) for done in found}) == 1
