"""A training step that is not finite changes nothing but its counter, and ten in a row or a bad input stop the run."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from faults import fault
from poisoned import Poisoned
from tiers import long, slow


def poisoned(mode="graph", term="loss", optimizer=None, kind="linear", **when):
    return tiny.compiled(tiny.vae(objective=Poisoned(term=term, **when), kind=kind), optimizer, **tiny.MODES[mode])


@pytest.mark.parametrize(
    ("mode", "term"),
    [
        ("eager", "distortion"),
        ("eager", "rate"),
        ("eager", "loss"),
        ("eager", "gradient"),
        ("graph", "gradient"),
        long("one program", "gradient"),
        slow("XLA", "gradient"),
    ],
)
def test_bad_steps_change_nothing_but_their_counter(mode, term):
    model = poisoned(mode, term, bad=4)
    before = tiny.state(model)
    tiny.train(model, 4)
    tiny.assert_same_bits(tiny.state(model), before)
    assert (model.skipped_steps, model.steps) == (4, 4)


@pytest.mark.parametrize("mode", ["graph", slow("one program")])
def test_clipping_by_value_does_not_hide_an_infinite_gradient(mode):
    likelihood = tfvae.families.Normal(tiny.SHAPE, scale=0.5)
    model = tiny.vae(likelihood, objective=Poisoned(term="infinite gradient", bad=4), kind="linear")
    model.encoder.trainable = model.decoder.network.trainable = False  # where infinities of both signs meet in a NaN
    tiny.compiled(model, keras.optimizers.Adam(1e-2, clipvalue=1.0), **tiny.MODES[mode])
    before = tiny.state(model)
    tiny.train(model, 4)
    tiny.assert_same_bits(tiny.state(model), before)
    assert model.skipped_steps == 4


@pytest.mark.slow
def test_a_program_of_bad_steps_changes_nothing_and_a_bad_gradient_in_its_last_step_is_seen():
    model = poisoned("one program", "gradient", kind="linear", bad=4, period=7)
    before = tiny.state(model)
    tiny.train(model, 4)
    tiny.assert_same_bits(tiny.state(model), before)
    assert (model.skipped_steps, model.steps) == (4, 4)
    tiny.train(model, 4)  # three good ones and a bad one
    assert all(np.all(np.isfinite(each)) for each in tiny.state(model))
    assert tiny.differs(tiny.state(model)[:2], before[:2])
    assert (model.skipped_steps, int(model.optimizer.iterations)) == (5, 3)


@pytest.mark.parametrize("mode", ["graph", slow("eager"), long("XLA"), long("one program")])
def test_training_goes_on_after_a_bad_step(mode):
    model = poisoned(mode, first=1, bad=2)
    before = tiny.state(model)
    (loss,) = tiny.train(model, 8)["loss"]
    after = tiny.state(model)
    assert np.isfinite(loss) and all(np.all(np.isfinite(each)) for each in after)
    assert tiny.differs(before[:2], after[:2])
    assert model.skipped_steps == 2
    assert int(model.optimizer.iterations) == 6


def test_metrics_are_those_of_the_good_steps():
    """Plain gradient descent with rate 0 keeps the weights, so each step's loss is that of its noise alone."""
    good = [float(poisoned_step["loss"]) for poisoned_step in _single_steps(4)]
    (loss,) = tiny.train(poisoned("eager", optimizer=keras.optimizers.SGD(0.0), first=1, bad=2), 4)["loss"]
    assert len(set(good)) == 4
    assert loss == pytest.approx((good[0] + good[3]) / 2, rel=1e-6)


@fault("empty-average")
@pytest.mark.parametrize("mode", ["eager", slow("graph"), long("XLA"), slow("one program")])
def test_an_epoch_without_a_good_step_has_no_figures(mode):
    """Of 8 steps the first four are good; Keras would give 0, the lowest loss of all, for the others."""
    model = poisoned(mode, first=4)
    with pytest.warns(tfvae.training.guard.SkippedSteps, match=r"^4 of 8 training steps were skipped, because"):
        history = model.fit(tiny.images(32), batch_size=8, epochs=2, verbose=0).history
    assert history.pop("skipped") == [0, 1]
    for values in history.values():
        assert np.isfinite(values[0]) and np.isnan(values[1])


@fault("empty-average")
def test_a_ruined_epoch_is_not_the_best(tmp_path):
    model = tiny.compiled(tiny.vae(), keras.optimizers.Adam(1e30), run_eagerly=True)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True)
    with pytest.warns(tfvae.training.guard.SkippedSteps, match="^7 of 8"):
        history = model.fit(tiny.images(16), batch_size=8, epochs=4, verbose=0, callbacks=[best]).history
    assert history["skipped"] == [0.5, 1, 1, 1]
    assert best.best == history["loss"][0]
    assert tfvae.load(tmp_path / "best.keras").steps == 2


@fault("empty-average")
@pytest.mark.parametrize("mode", [slow("eager"), long("one program")])
def test_the_share_of_skipped_steps_is_said(mode, recwarn):
    model = poisoned(mode, first=1, bad=2, period=8)
    history = model.fit(tiny.images(32), batch_size=8, epochs=4, verbose=0).history
    assert history["skipped"] == [0.5, 0, 0.5, 0]
    (warning,) = (each for each in recwarn if each.category is tfvae.training.guard.SkippedSteps)
    assert str(warning.message).startswith("4 of 16 training steps were skipped")
    assert warning.filename == __file__
    recwarn.clear()
    tiny.train(model, 1)
    assert not [each for each in recwarn if each.category is tfvae.training.guard.SkippedSteps]


@fault("empty-average")
def test_a_callback_list_of_the_users_hears_of_skipped_steps():
    model = poisoned("eager")
    callbacks = keras.callbacks.CallbackList(None, add_history=True, model=model, epochs=1, steps=1)
    with pytest.warns(tfvae.training.guard.SkippedSteps):
        assert model.fit(tiny.images(8), verbose=0, callbacks=callbacks).history["skipped"] == [1]


@fault("empty-average")
@pytest.mark.parametrize("weights", [[0, 0, 0, 0], [0, 3, 0, 0]], ids=["no weight", "one weight"])
def test_figures_are_averages_over_what_has_a_weight(weights):
    """Arrays of no weight are refused, but the batches of a dataset are met one by one."""
    model, raw, weights = tiny.compiled(tiny.vae(), run_eagerly=True), tiny.images(4), np.array(weights)
    data = tf.data.Dataset.from_tensor_slices((raw, raw, weights)).batch(4)
    one = model.evaluate(raw, sample_weight=np.eye(4)[1], verbose=0)
    found = model.evaluate(data, verbose=0)
    np.testing.assert_allclose(found, one if weights.any() else np.nan, rtol=1e-6)
    history = model.fit(data, verbose=0).history
    assert np.isnan(history["loss"][0]) == (not weights.any())


@pytest.mark.slow
def test_a_program_that_is_repeated_counts_its_good_steps_once_and_is_stopped_by_ten_bad_ones():
    plain, program = (poisoned(mode, kind="linear", first=1, bad=2) for mode in ("graph", "one program"))
    (one_by_one,), (together,) = (tiny.train(model, 4)["loss"] for model in (plain, program))
    assert together == pytest.approx(one_by_one, rel=1e-6)
    program.decoder.weights[0].assign(np.nan * program.decoder.weights[0])
    before = tiny.state(program)
    with pytest.raises(FloatingPointError, match="step 13: the distortion was not finite in 10 steps in a row"):
        tiny.train(program, 12)
    tiny.assert_same_bits(tiny.state(program), before)


def _single_steps(count):
    model = tiny.compiled(tiny.vae(kind="linear"), keras.optimizers.SGD(0.0), run_eagerly=True)
    for _ in range(count):
        model.reset_metrics()
        yield model.train_on_batch(tiny.images(8), return_dict=True)


@pytest.mark.parametrize(
    ("mode", "term"),
    [
        slow("eager", "distortion"),
        slow("eager", "rate"),
        ("eager", "gradient"),
        ("graph", "loss"),
        long("one program", "loss"),
        long("XLA", "loss"),
    ],
)
def test_ten_in_a_row_stop_and_name_the_term_and_the_step(mode, term):
    model = poisoned(mode, term, kind="linear", first=3)
    with pytest.raises(FloatingPointError, match=rf"step 12: the {term} was not finite in 10 steps in a row"):
        tiny.train(model, 16)
    assert all(np.all(np.isfinite(each)) for each in tiny.state(model))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["eager", long("one program")])
def test_nine_in_a_row_do_not_stop(mode):
    model = poisoned(mode, first=1, bad=9, period=10)
    tiny.train(model, 32)
    assert model.skipped_steps == 28  # 9 + 9 + 9 + 1
    with pytest.raises(FloatingPointError, match="step 40"):
        tiny.train(_with_objective(model, Poisoned(first=0)), 16)


def _with_objective(model, objective):
    """The model with another objective, its function of a step made anew."""
    model.objective = objective
    model.make_train_function(force=True)
    return model


@pytest.mark.parametrize("mode", ["graph", long("one program")])
def test_a_network_that_went_bad_stops_the_run(mode):
    model = tiny.compiled(tiny.vae(kind="linear"), **tiny.MODES[mode])
    model.decoder.weights[0].assign(np.nan * model.decoder.weights[0])
    with pytest.raises(FloatingPointError, match="step 9: the distortion"):
        tiny.train(model, 12)


def test_a_huge_learning_rate_stops_the_run_with_finite_weights():
    model = tiny.compiled(tiny.vae(kind="linear"), keras.optimizers.SGD(1e25))
    with pytest.raises(FloatingPointError, match="learning rate"):
        tiny.train(model, 30)
    assert all(np.all(np.isfinite(each)) for each in tiny.state(model))


def test_counters_are_saved(tmp_path):
    model = poisoned("eager", first=2)
    tiny.train(model, 8)  # six bad steps in a row
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    assert (loaded.skipped_steps, loaded.steps) == (6, 8)
    with pytest.raises(FloatingPointError, match="step 11"):  # the fourth from here, the tenth in a row
        tiny.train(loaded, 8)


@pytest.mark.parametrize(
    ("mode", "how"),
    [("eager", "input"), slow("graph", "gradient"), slow("one program", "gradient")],
)
def test_moving_averages_are_left_alone_too(mode, how):
    """A network's own state, which the forward pass changes, belongs to what a skipped step must not touch."""

    def bodies():
        return [keras.Sequential([keras.layers.Flatten(), keras.layers.BatchNormalization()]) for _ in range(2)]

    model = tiny.compiled(
        tiny.vae(bodies=bodies, objective=Poisoned(term="gradient", first=4, bad=4)), **tiny.MODES[mode]
    )
    tiny.train(model, 4)
    before = tiny.state(model)
    if how == "input":
        with pytest.raises(FloatingPointError):
            tiny.train(model, 1, np.full((8, *tiny.SHAPE), np.nan, "float32"))
    else:
        tiny.train(model, 4)
    tiny.assert_same_bits(tiny.state(model), before)
