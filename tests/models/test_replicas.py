"""Two replicas are one device: the same weights, metrics and skipped steps, however a batch splits.

Compared with plain gradient descent, since Adam turns the rounding of gradients near zero into whole steps.
"""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from tiers import first, long

LABELS = np.arange(60) % 3


def model_on(strategy=None, optimizer=keras.optimizers.SGD, rate=1e-2, **changes):
    with strategy.scope() if strategy else contextlib.nullcontext():
        return tiny.compiled(tiny.vae(**changes), optimizer(rate))


def batches(sizes, weights=None):
    """Consecutive batches of the given sizes, with labels, and sample weights if given."""
    ends = np.cumsum(sizes)
    arrays = (tiny.images(60), LABELS) + (() if weights is None else (weights,))

    def rows():
        for end, size in zip(ends, sizes, strict=True):
            yield tuple(each[end - size : end] for each in arrays)

    signature = tuple(tf.TensorSpec((None, *each.shape[1:]), each.dtype) for each in arrays)
    return tf.data.Dataset.from_generator(rows, output_signature=signature)


def trained(strategy, data, epochs=2, **changes):
    model = model_on(strategy, **changes)
    start = tiny.values(model.trainable_variables)
    history = model.fit(data, epochs=epochs, validation_data=data, verbose=0).history
    moved = [after - before for after, before in zip(tiny.values(model.trainable_variables), start, strict=True)]
    assert all(np.any(each) for each in moved)
    return moved, history, model


@pytest.mark.parametrize(
    "sizes",
    first(1, [[20, 27, 1], [20, 20], [27], [1, 20]]),
    ids=str,
)
@pytest.mark.parametrize("floatx", [long("float32"), "float64"])
def test_two_replicas_train_like_one_device(two, sizes, floatx, request):
    if floatx == "float64":
        request.getfixturevalue("float64")
    one_device, replicas = (trained(strategy, batches(sizes), kind="linear") for strategy in (None, two))
    tolerance = {"float32": 1e-5, "float64": 1e-10}[floatx]
    tiny.assert_all_close(replicas[0], one_device[0], tolerance)
    for name, values in one_device[1].items():
        np.testing.assert_allclose(replicas[1][name], values, rtol=1e-5, err_msg=name)
    assert replicas[2].steps == one_device[2].steps == 2 * len(sizes)
    assert replicas[2].skipped_steps == 0


def regular_bodies():
    return [
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4, kernel_regularizer="l2")]) for _ in range(2)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        long({"likelihood": tfvae.families.Bernoulli(tiny.SHAPE), "preprocess": tfvae.preprocessing.Binarize()}),
        {"objective": tfvae.ImportanceWeighted(3), "kind": "conv"},
        {"bodies": regular_bodies},  # their losses count once, not once for each replica
    ],
    ids=["Bernoulli", "convolutional, importance weighted", "regularisers"],
)
@pytest.mark.slow
def test_other_models_on_two_replicas(two, changes):
    one_device, replicas = (trained(strategy, batches([20, 27, 1]), **changes) for strategy in (None, two))
    tiny.assert_all_close(replicas[0], one_device[0], 1e-5)
    np.testing.assert_allclose(replicas[1]["val_loss"], one_device[1]["val_loss"], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{}, long({"objective": tfvae.ImportanceWeighted(3), "kind": "conv"})], ids=["ELBO", "IWAE"]
)
def test_two_replicas_by_xla(two, changes, tmp_path):
    """XLA compiles what each replica does by itself; one device without it is the measure."""
    sizes = [20, 27, 1]
    one_device = model_on(**changes)
    with two.scope():
        replicas = tiny.compiled(tiny.vae(**changes), keras.optimizers.SGD(1e-2), jit_compile=True)
    start = tiny.values(replicas.trainable_variables)
    histories = [model.fit(batches(sizes), epochs=2, verbose=0).history for model in (replicas, one_device)]
    moved = [
        [after - before for after, before in zip(tiny.values(model.trainable_variables), start, strict=True)]
        for model in (replicas, one_device)
    ]
    tiny.assert_all_close(*moved, 1e-5)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)
    replicas.save(tmp_path / "model.keras")
    with two.scope():
        assert tfvae.load(tmp_path / "model.keras").get_compile_config()["jit_compile"]


@pytest.mark.slow
def test_sample_weights_on_two_replicas(two):
    data = batches([8, 7], weights=np.arange(60) % 4 / 2.0)
    one_device, replicas = (trained(strategy, data, epochs=1, kind="linear") for strategy in (None, two))
    tiny.assert_all_close(replicas[0], one_device[0], 1e-5)
    for name, values in one_device[1].items():
        np.testing.assert_allclose(replicas[1][name], values, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_arrays_on_two_replicas(two):
    one_device, replicas = model_on(kind="linear"), model_on(two, kind="linear")
    raw = tiny.images(27)
    for model in (one_device, replicas):
        model.fit(raw, batch_size=8, shuffle=False, verbose=0)
    tiny.assert_all_close(tiny.values(replicas.weights), tiny.values(one_device.weights), 1e-5)
    np.testing.assert_allclose(replicas.evaluate(raw, verbose=0), one_device.evaluate(raw, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(
        replicas.evaluate(raw, batch_size=5, verbose=0), one_device.evaluate(raw, verbose=0), rtol=1e-5
    )
    np.testing.assert_allclose(replicas.predict(raw, verbose=0), one_device.predict(raw, verbose=0), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, long(keras.optimizers.SGD)])
def test_a_bad_example_on_one_replica_skips_the_step_on_both(two, optimizer):
    model, good = model_on(two, optimizer), np.ones(60)
    model.fit(batches([8], good), verbose=0)
    before = tiny.state(model)
    copies = _copies(model)
    for skipped, bad_row in ((1, 0), (2, 7)):  # of eight: rows 0 to 3 are the first replica's, 4 to 7 the second's
        bad = np.where(np.arange(60) == bad_row, np.nan, 1.0)
        history = model.fit(batches([8], bad), verbose=0).history
        tiny.assert_same_bits(tiny.state(model), before)
        tiny.assert_same_bits(_copies(model), copies)
        assert (model.skipped_steps, model.steps) == (skipped, 1 + skipped)
        assert history.pop("skipped") == [1]
        assert all(np.isnan(values).all() for values in history.values())
    model.fit(batches([8], good), verbose=0)
    assert tiny.differs(tiny.values(model.trainable_variables), before)
    assert model.skipped_steps == 2


def _copies(model):
    """Every replica's copy of every variable; the copies of a variable have to be equal."""
    variables = [*model.trainable_variables, *model.optimizer.variables]
    local = [[np.array(copy) for copy in variable.value.values] for variable in variables]
    for copies in local:
        tiny.assert_same_bits([copies[0]], [copies[1]])
    return [copy for copies in local for copy in copies]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "how"),
    [
        (tf.distribute.MirroredStrategy, {}),
        long(tf.distribute.OneDeviceStrategy, {}),
        (tf.distribute.MirroredStrategy, {"jit_compile": True, "steps_per_execution": 2}),
    ],
)
def test_a_strategy_of_one_device_is_that_device(strategy, how):
    """What one GPU is mostly used with. A bad step in between is skipped."""
    weights = np.ones(60)
    weights[13] = np.nan
    outcomes = []
    for scope in (
        contextlib.nullcontext(),
        strategy(["CPU:0"] if "Mirrored" in strategy.__name__ else "CPU:0").scope(),
    ):
        with scope:
            model = tiny.compiled(tiny.vae(kind="linear"), keras.optimizers.SGD(1e-2), **how)
        model.fit(batches([8, 8, 8, 8], weights), verbose=0)
        assert (model.skipped_steps, model.steps) == (1, 4)
        outcomes.append(tiny.state(model))
    tiny.assert_same_bits(*outcomes)


def test_bad_input_on_one_replica_stops_both(two):
    model = model_on(two, kind="linear")
    raw = tiny.images(8) / np.float32(255)
    raw[7, 0, 0, 0] = np.nan
    before = tiny.state(model)
    with pytest.raises(FloatingPointError, match="step 0: the input"):
        model.fit(tf.data.Dataset.from_tensors(raw), verbose=0)
    tiny.assert_same_bits(tiny.state(model), before)


@pytest.mark.slow
def test_ten_bad_steps_in_a_row_stop_both(two):
    model = model_on(two, kind="linear")
    weights = np.ones(60)
    weights[10:] = np.nan
    with pytest.raises(FloatingPointError, match="step 14: the loss"):
        model.fit(batches([2] * 30, weights), verbose=0)
    assert model.skipped_steps == 10


@pytest.mark.long
@pytest.mark.slow
def test_weights_of_two_replicas_load_on_one_device(two, tmp_path):
    _, _, model = trained(two, batches([20, 20]), optimizer=keras.optimizers.Adam)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))
    assert loaded.steps == 4
