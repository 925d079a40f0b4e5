"""A small run that is interrupted and resumed, and the comparison of two runs bit for bit."""

import dataclasses
import json

import keras
import numpy as np
import pytest

import tfvae
import tiny
from tfvae.app import run
from tfvae.app.settings import Settings

# One step an execution, so there are 15 executions an epoch to be interrupted in. One latent dimension has no map and
# no manifold to draw, which would take as long as the steps.
SMALL = Settings(
    model="vae(latent_size=1, network=mlp(3), objective=elbo(warm_up=2))", epochs=3, train_size=150,
    validation_size=100, batch_size=10, averaging=0.9, xla=False, steps_per_execution=1, seed=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """SMALL on images of 8x8 pixels: a run on MNIST ends with its 10,000 test images."""
    path = tmp_path_factory.mktemp("data") / "discs.npy"
    np.save(path, tiny.images(250))
    return dataclasses.replace(SMALL, data=str(path), validation_size=50)


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "whole"
    run.train(small, folder, verbose=0)
    return folder


def files(folder):
    """The run's files that have to be equal, by name: all that are not named by the hash of a zip with times in it.

    The report is there without the seconds that training took, and without its own digest, which is of them too.
    """
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    contents = {name: path.read_bytes() for name, path in names.items() if not name.endswith(".keras")}
    if run.REPORT in contents:
        report = json.loads(contents[run.REPORT])
        contents[run.REPORT] = {
            name: value for name, value in report.items() if not name.endswith(("seconds", "content_digest"))
        }
    return contents


def everything(path):
    model = tfvae.load(path)
    return [keras.ops.convert_to_numpy(variable) for variable in model.state()]


def assert_same_run(one, other):
    assert files(one).keys() == files(other).keys()
    for name, content in files(one).items():
        assert content == files(other)[name], name
    for left, right in zip(everything(one / run.MODEL), everything(other / run.MODEL), strict=True):
        np.testing.assert_array_equal(left, right)
