"""Overflows in float16 lower the loss's scale and leave the step out; where no scale helps, training stops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from poisoned import Poisoned
from tfvae.training.loss_scale import SMALLEST_SCALE
from tiers import long, slow

ONE_PROGRAM = slow("one program")


def scaled(mode="graph", scale=2.0**15, **changes):
    """A VAE whose networks compute in float16, compiled with a scaled Adam."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = tiny.vae(**changes)
    finally:
        keras.config.set_dtype_policy(before)
    adam = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2), initial_scale=scale)
    return tiny.compiled(model, adam, **tiny.MODES[mode])


def scale_of(model):
    return float(tiny.values([model.optimizer.dynamic_scale])[0])


def assert_finite(model):
    assert all(np.all(np.isfinite(each)) for each in tiny.state(model))


@pytest.mark.parametrize("mode", [slow("graph"), ONE_PROGRAM])
def test_a_scale_far_too_high_comes_down_by_half_a_step_and_then_training_goes_on(mode):
    model = scaled(mode, scale=2.0**60, kind="linear")
    before = tiny.values(model.trainable_variables)
    tiny.train(model, 12)
    tiny.assert_same_bits(tiny.values(model.trainable_variables), before)
    assert scale_of(model) == 2.0**48
    tiny.train(model, 52)
    taken = int(model.optimizer.iterations)
    assert 0 < taken < 52 and scale_of(model) == 2.0 ** (60 - (64 - taken))
    assert_finite(model)
    assert tiny.differs(tiny.values(model.trainable_variables), before)
    assert (model.steps, model.skipped_steps) == (64, 0)  # none of it is a fault


@pytest.mark.parametrize(
    ("term", "mode"),
    [
        ("gradient", "graph"),
        slow("gradient", "one program"),
        slow("infinite gradient", "graph"),
        long("infinite gradient", "one program"),
    ],
)
def test_gradients_that_no_scale_makes_finite_stop_the_run(term, mode):
    model = scaled(mode, scale=8 * SMALLEST_SCALE, objective=Poisoned(term=term), kind="linear")
    weights = tiny.values(model.trainable_variables)
    with pytest.raises(FloatingPointError, match="step 12: the gradient was not finite in 10 steps in a row"):
        tiny.train(model, 40)
    tiny.assert_same_bits(tiny.values(model.trainable_variables), weights)
    assert scale_of(model) == SMALLEST_SCALE  # it does not go on to 0, which would divide gradients by 0
    assert model.skipped_steps >= 10  # the rest of the last program is skipped too
    assert int(model.optimizer.iterations) == 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["graph", "one program"])
def test_some_bad_gradients_at_the_smallest_scale_do_not_stop_the_run(mode):
    objective = Poisoned(term="gradient", first=2, bad=9, period=12)
    model = scaled(mode, scale=SMALLEST_SCALE, objective=objective, kind="linear")
    tiny.train(model, 24)
    assert (model.skipped_steps, int(model.optimizer.iterations)) == (18, 6)
    assert scale_of(model) == SMALLEST_SCALE
    assert_finite(model)


@pytest.mark.parametrize("mode", [slow("graph"), long("one program")])
def test_features_that_overflow_stop_the_run_and_are_no_matter_of_the_scale(mode):
    model = scaled(mode, bodies=lambda: [tfvae.networks.mlp((8,), "relu") for _ in range(2)])
    kernel = model.encoder.network.layers[1].kernel
    kernel.assign(1e6 * kernel)  # products above 65,504
    before = tiny.state(model)
    with pytest.raises(FloatingPointError, match="step 9: the distortion was not finite in 10 steps in a row"):
        tiny.train(model, 12)
    tiny.assert_same_bits(tiny.state(model), before)
    assert scale_of(model) == 2.0**15


def test_a_bad_step_counts_on_after_saving_and_loading(tmp_path, eager):
    model = scaled(scale=SMALLEST_SCALE, objective=Poisoned(term="gradient"))
    tiny.train(model, 6)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert (loaded.skipped_steps, scale_of(loaded)) == (6, SMALLEST_SCALE)
    with pytest.raises(FloatingPointError, match="step 9: the gradient"):
        tiny.train(loaded, 6)


@pytest.mark.slow
@pytest.mark.parametrize("row", [long(0), 7])
def test_an_overflow_on_one_replica_leaves_the_step_out_on_both(row):
    """Rows 0 to 3 are the first replica's, 4 to 7 the second's, at whose gradients Keras does not look."""
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())
    with two.scope():
        model = scaled()
    raw, weights = tiny.images(8), np.ones(8, np.float32)
    weights[row] = 1e30
    before = tiny.values(model.trainable_variables)
    model.fit(raw, sample_weight=weights, batch_size=8, shuffle=False, verbose=0)
    tiny.assert_same_bits(tiny.values(model.trainable_variables), before)
    assert [float(copy) for copy in model.optimizer.dynamic_scale.value.values] == [2.0**14] * 2
    model.fit(raw, batch_size=8, shuffle=False, verbose=0)
    assert_finite(model)
    assert tiny.differs(tiny.values(model.trainable_variables), before)
    assert model.skipped_steps == 0
