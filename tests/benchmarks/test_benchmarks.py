"""The benchmarks compare equal work: for the same weights, batch and random numbers every framework has tfvae's loss.

Frameworks that are not installed are left out; TensorFlow by hand is always there.
"""

import functools
import importlib
import subprocess
import sys

import numpy as np
import pytest

import cases
import harness
from places import ROOT
from questions import Target
from tiers import long, only

BENCHMARKS = ROOT / "benchmarks"
QUESTIONS = ("dense", "burda", "convolutional", "realnvp", "likelihood", "sampling", "startup", "memory")
EXAMPLES = 8

pytestmark = pytest.mark.slow


def compared():
    """Each model once with each module that trains it: (tfvae's module, case, module)."""
    found = set()
    for name in QUESTIONS:
        for experiment in importlib.import_module(name).QUESTION.experiments:
            if experiment.case:
                modules = {system.module for system in experiment.systems} - {experiment.ours}
                found |= {(experiment.ours, experiment.case, module) for module in modules}
    return sorted(found, key=str)


@functools.cache
def reference(ours, case):
    raw = cases.training_images(EXAMPLES)
    peer = importlib.import_module(f"peers.{ours}")
    return (raw, *peer.reference(case, raw), peer.parameters(case))


def module_of(name):
    if name in harness.NEEDS:
        pytest.importorskip(harness.NEEDS[name], reason=f"{harness.NEEDS[name]} is not installed")
    return importlib.import_module(f"peers.{name}")


IN_CI = [("tfvae_vae", cases.DENSE, "keras_example"), ("tfvae_vae", cases.BURDA_5, "tensorflow_by_hand")]


@pytest.mark.parametrize(("ours", "case", "module"), only(IN_CI, compared()), ids=str)
def test_losses_and_parameters_are_equal(ours, case, module):
    peer = module_of(module)
    raw, weights, draws, loss, parameters = reference(ours, case)
    assert peer.parameters(case) == parameters
    assert peer.loss(case, weights, raw, draws) == pytest.approx(loss, rel=harness.TOLERANCE)


@pytest.mark.parametrize("case", [cases.BURDA_5, long(cases.DENSE), long(cases.CONVOLUTIONAL)], ids=str)
def test_the_comparison_sees_other_random_numbers_and_other_weights(case):
    peer = module_of("tensorflow_by_hand")
    raw, weights, draws, loss, _ = reference("tfvae_vae", case)
    other_draws = cases.Draws(draws.data, draws.latent[:, ::-1])
    assert peer.loss(case, weights, raw, other_draws) != pytest.approx(loss, rel=harness.TOLERANCE)
    for index in range(len(weights)):
        changed = [weight + 0.1 * (index == each) for each, weight in enumerate(weights)]
        assert peer.loss(case, changed, raw, draws) != pytest.approx(loss, rel=harness.TOLERANCE)


def test_the_gradient_of_a_transposed_convolution_in_jax_is_that_of_the_library():
    peer = module_of("jax_vae")
    import jax

    random = np.random.default_rng(0)
    x, kernel = random.normal(size=(2, 5, 5, 3)).astype("float32"), random.normal(size=(3, 3, 4, 3)).astype("float32")
    ours, theirs = peer.transposed_convolution, peer.transposed_convolution.__wrapped__
    expected = jax.grad(lambda *each: (theirs(*each) ** 2).sum(), argnums=(0, 1))(x, kernel)
    found = jax.grad(lambda *each: (ours(*each) ** 2).sum(), argnums=(0, 1))(x, kernel)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_targets():
    medians = {"ours": 6.0, "a": 2.0, "b": 3.0}
    assert Target("", "ours", ["a", "b"], 2.0).result(medians) == 2.0
    assert Target("", "ours", ["a", "b"], 2.0, less_is_better=True).result(medians) == 3.0
    assert Target("", "ours", ["b", "missing"], 2.0, difference=True).result(medians) == 3.0
    assert Target("", "ours", [], 2.0).result(medians) == 6.0
    assert Target("", "ours", ["missing"], 2.0).result(medians) is None
    assert Target("", "missing", ["a"], 2.0).result(medians) is None
    assert Target("", "ours", ["a"], 2.0).met(2.0)
    assert not Target("", "ours", ["a"], 2.0, less_is_better=True).met(2.1)
    assert Target("", "ours", ["a"], None).met(2.0) is None


def test_useful_operations_of_the_dense_model():
    # Two for each weight and image forwards, two for its gradient, two for the input's, but not the image's.
    forwards = 784 * 500 + 500 * 40 + 20 * 500 + 500 * 1568
    assert importlib.import_module("dense").useful_flops(cases.DENSE) == 6 * forwards - 2 * 784 * 500


@pytest.mark.long
def test_a_script_runs():
    command = [sys.executable, str(BENCHMARKS / "dense.py"), "--smoke", "--only", "GEMM"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "TensorFlow XLA: " in done.stdout
