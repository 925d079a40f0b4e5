"""Log-likelihoods on the two logical CPUs: those of one device, to the last bit."""

import json
import re

import numpy as np
import pytest

import tfvae
import tiny
from small_runs import data, few_draws, make  # noqa: F401
from tfvae.app.run import evaluation
from tfvae.evaluation import assessment, likelihood_estimate, simulated_bracket
from tfvae.likelihood import estimate as likelihood
from tfvae.likelihood import log_weights
from tiers import long


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Of 10 examples and of 5 samples, of which the programs are quick to trace."""
    for module in (likelihood, log_weights):
        monkeypatch.setattr(module, "ROWS", 10)
    monkeypatch.setattr(log_weights, "BLOCK", 5)


@pytest.fixture(scope="module")
def models(two):
    """One and the same, on one device and on two."""
    with two.scope():
        mirrored = tiny.vae()
    one = tiny.vae()
    one.set_weights(mirrored.get_weights())
    return one, mirrored


def assert_same(found, expected):
    for name in assessment.PER_EXAMPLE:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(  # blocks of 10, 10 and 4; of one device only
    ("by_xla", "examples"),
    [("XLA", 24), long("XLA", 5), long("XLA", 1), long("no XLA", 24), ("no XLA", 5), long("no XLA", 1)],
)
def test_two_devices_give_each_example_what_one_gives(models, monkeypatch, by_xla, examples):
    monkeypatch.setattr(log_weights, "_WORTH_COMPILING", 0 if by_xla == "XLA" else 10**9)
    x = np.float32(tiny.images(examples)) / 255
    one, two = (likelihood_estimate(model, x, 30, seed=3, repeats=2) for model in models)
    assert_same(two, one)


def test_each_device_takes_a_block(models, monkeypatch):
    shares = []

    def seen(model, x, *arguments, **options):
        shares.append(len(x))
        return log_weights.streamed(model, x, *arguments, **options)

    monkeypatch.setattr(likelihood, "streamed", seen)
    for model in models:
        likelihood_estimate(model, np.float32(tiny.images(24)) / 255, 3)
    assert shares == [10, 10, 4, 20, 4]


def test_within_a_scope_too(models, two):
    """Also for a model that was made outside of it. There is no XLA there, so that they agree to rounding only."""
    raw, (one, mirrored) = tiny.images(24), models
    expected = tfvae.evaluation.log_likelihood(one, raw, 30)
    np.testing.assert_array_equal(tfvae.evaluation.log_likelihood(mirrored, raw, 30), expected)
    with two.scope():
        for model in models:
            np.testing.assert_allclose(tfvae.evaluation.log_likelihood(model, raw, 30), expected, rtol=1e-5)


def test_data_drawn_from_the_model_are_bracketed_alike(models):
    one, two = (simulated_bracket(model, 24, 5) for model in models)
    for name in one._fields:
        np.testing.assert_array_equal(getattr(two, name), getattr(one, name), err_msg=name)


def test_weights_that_are_not_finite_are_named(two):
    with two.scope():
        model = tiny.vae()
    x = np.float32(tiny.images(24)) / 255
    x[22] = np.nan
    with pytest.raises(FloatingPointError, match="importance weights of example number 22 are not finite"):
        likelihood_estimate(model, x, 5)


@pytest.mark.long
@pytest.mark.slow
def test_a_run_is_measured_alike(tmp_path):
    folder = make(tmp_path / "run", data(tmp_path / "discs.npz"), steps=20)
    said, found = [], {}
    for strategy in ("one", "mirrored"):
        evaluation.evaluate(folder, 30, progress=said.append, strategy=strategy)
        found[strategy] = evaluation.read(folder), (folder / "evaluation/table.txt").read_text()
    assert said[: len(said) // 2] == said[len(said) // 2 :]
    (one, arrays), table = found["one"]
    (mirrored, its_arrays), its_table = found["mirrored"]
    assert its_table == table
    for name, array in arrays.items():
        np.testing.assert_array_equal(its_arrays[name], array, err_msg=name)
    for section in ("likelihood", "reliability", "simulated", "latents", "data"):
        assert json.dumps(mirrored[section]) == json.dumps(one[section])


def test_an_unknown_strategy_is_refused(tmp_path):
    sentence = "`strategy` must be 'auto', 'one', 'mirrored' or 'multiworker'; received 'many'."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        evaluation.evaluate(tmp_path, strategy="many")
    with pytest.raises(ValueError, match="`strategy` multiworker takes TF_CONFIG"):
        evaluation.evaluate(tmp_path, strategy="multiworker")
