"""One seed, one outcome: however the steps are run, interrupted or compiled."""

import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from places import ROOT
from tfvae.datasets import batches as training

RAW = tiny.images(56)
BATCH = 8
PER_EPOCH = 3
SEED = 1

XLA = pytest.param({"jit_compile": True}, marks=pytest.mark.slow, id="XLA")
TOGETHER = {"jit_compile": True, "steps_per_execution": 3}


def epochs(model, count):
    """Trains from where the model stands, in the order that can be resumed."""
    data = training.batches(RAW[:24], BATCH, seed=SEED, start=model.steps)
    return model.fit(data, epochs=count, steps_per_epoch=PER_EPOCH, verbose=0).history


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(TOGETHER, id="one program"),
        pytest.param({}, marks=pytest.mark.long, id="graph"),
        pytest.param({"jit_compile": True}, marks=pytest.mark.long, id="XLA"),
    ],
)
def test_one_seed_gives_one_outcome(options):
    models = [tiny.compiled(tiny.vae(kind="linear"), **options) for _ in range(2)]
    histories = [epochs(model, 2) for model in models]
    assert histories[0] == histories[1]
    tiny.assert_same_bits(*map(tiny.state, models))


def state_after_an_epoch(**changes):
    model = tiny.compiled(tiny.vae(**changes), run_eagerly=True)
    epochs(model, 1)
    return tiny.state(model)[:4]


plain_state = functools.cache(state_after_an_epoch)


@pytest.mark.parametrize("change", [{"seed": 6}, {"weights_seed": 1}])
def test_another_seed_gives_another_outcome(change):
    states = plain_state(), state_after_an_epoch(**change)
    assert all(tiny.differs([one], [other]) for one, other in zip(*states, strict=True))


@pytest.mark.slow  # run/test_kills.py goes on with a run in another process
@pytest.mark.parametrize(
    "options", [pytest.param({}, id="graph", marks=pytest.mark.long), pytest.param(TOGETHER, id="one program")]
)
def test_an_interrupted_run_ends_like_one_that_was_not(tmp_path, options):
    whole, half = (tiny.compiled(tiny.vae(kind="linear"), **options) for _ in range(2))
    epochs(whole, 2)
    epochs(half, 1)
    half.save(tmp_path / "half.keras")
    code = (
        "import sys, tfvae, test_reproducibility\n"
        "model = tfvae.load(sys.argv[1])\n"
        "test_reproducibility.epochs(model, 1)\n"
        "model.save(sys.argv[2])\n"
    )
    path = os.pathsep.join([str(ROOT / "tests/helpers"), str(ROOT / "tests/models"), str(ROOT)])
    command = [sys.executable, "-c", code, tmp_path / "half.keras", tmp_path / "whole.keras"]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert result.returncode == 0, result.stdout + result.stderr
    resumed = tfvae.load(tmp_path / "whole.keras")
    assert resumed.steps == whole.steps == 2 * PER_EPOCH
    tiny.assert_same_bits(tiny.state(resumed), tiny.state(whole))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("examples", "form"),
    [
        pytest.param(56, "dataset", id="seven batches"),
        pytest.param(53, "dataset", marks=pytest.mark.long, id="six batches and a smaller one"),
        pytest.param(53, "labels", marks=pytest.mark.long, id="with labels"),
        pytest.param(53, "array", marks=pytest.mark.long, id="an array"),
    ],
)
def test_several_steps_in_one_program_equal_one_step_at_a_time(examples, form):
    raw, labels = RAW[:examples], np.arange(examples)
    outcomes = []
    for together in (1, 3):
        model = tiny.compiled(tiny.vae(kind="linear"), jit_compile=True, steps_per_execution=together)
        if form == "array":
            history = model.fit(raw, batch_size=BATCH, shuffle=False, epochs=2, verbose=0).history
        else:
            data = tf.data.Dataset.from_tensor_slices((raw, labels) if form == "labels" else raw)
            history = model.fit(data.batch(BATCH), epochs=2, verbose=0).history
        assert model.steps == 14
        outcomes.append([*history["loss"], *history["rate"], *tiny.state(model)])
    if examples % BATCH == 0:
        tiny.assert_same_bits(*outcomes)
    else:  # Keras then traces for batches of any size, which XLA compiles to other sums
        for one, other in zip(*outcomes, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def gradients_and_losses(steps, **options):
    """The change of each variable in one step of plain descent, and the losses of some steps."""
    model = tiny.compiled(tiny.vae(), keras.optimizers.SGD(1e-2), **options)
    before, changes, losses = tiny.values(model.trainable_variables), None, []
    for step in range(steps):
        rows = np.arange(BATCH) + step % 7 * BATCH
        losses.append(model.train_on_batch(RAW[rows], return_dict=True)["loss"])
        if changes is None:
            after = tiny.values(model.trainable_variables)
            changes = [new - old for new, old in zip(after, before, strict=True)]
    return changes, np.array(losses)


@pytest.mark.parametrize("options", [XLA, pytest.param({"run_eagerly": True}, id="eager")])
def test_modes_agree(options):
    (gradients, losses), (plain_gradients, plain_losses) = gradients_and_losses(14, **options), gradients_and_losses(14)
    tiny.assert_all_close(gradients, plain_gradients, 1e-5)
    np.testing.assert_allclose(losses, plain_losses, rtol=1e-4)
    assert losses[-7:].mean() < losses[:7].mean()


@pytest.mark.parametrize("objective", [tfvae.ELBO(), tfvae.ImportanceWeighted(3)], ids=["ELBO", "importance weighted"])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"run_eagerly": True}, id="eager"),
        pytest.param({}, marks=pytest.mark.slow, id="graph"),
        pytest.param({"jit_compile": True}, marks=pytest.mark.long, id="XLA"),
        pytest.param(TOGETHER, marks=pytest.mark.slow, id="one program"),
    ],
)
def test_scores_do_not_depend_on_the_batch_size(options, objective):
    model = tiny.compiled(tiny.bernoulli_vae(objective=objective), **options)
    whole = model.evaluate(RAW, batch_size=56, verbose=0)
    for size in (10, 53):
        np.testing.assert_allclose(model.evaluate(RAW, batch_size=size, verbose=0), whole, rtol=1e-6)
    assert model.evaluate(RAW, batch_size=56, verbose=0) == whole  # the same draws again
