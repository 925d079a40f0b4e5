"""Which way of running steps is taken: the faster one by measured times, or a rule with known bounds."""

import functools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from faults import fault
from tfvae.training import choice, memory, trial
from tfvae.training.choice import by_measurement, by_rule
from tiers import slow

SHAPE = (4, 4, 1)
BATCH = np.zeros((10, *SHAPE), "uint8")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch, tmp_path):
    """No GPU, an empty cache, nothing else to do."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trial, "is_busy", lambda: False)


def on_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["one"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "some GPU"})


def dense(hidden=5):
    return tfvae.vae(SHAPE, latent_size=2, network=f"mlp({hidden})")


def convolutional():
    return tfvae.conv_vae(SHAPE, latent_size=2, network="conv(2)")


def importance_weighted(samples):
    model = dense()
    return tfvae.VAE(
        model.encoder, model.decoder, model.prior, model.preprocess, tfvae.ImportanceWeighted(sample_size=samples)
    )


# By rule.


def seconds(model, batch_size):
    """Of a step, by the documented rule."""
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    return 6 * parameters * batch_size * model.objective.sample_size / 100e9


@pytest.mark.parametrize("model", [lambda: dense(), lambda: importance_weighted(50)], ids=["ELBO", "50 samples"])
@pytest.mark.parametrize("batch_size", [100, 10**4, 10**6, 10**8])
def test_an_execution_is_estimated_at_no_more_than_the_bound(model, batch_size):
    model = model()
    steps = by_rule(model, batch_size).steps_per_execution
    assert steps == 1 or steps * seconds(model, batch_size) <= 0.3
    assert steps == 50 or (steps + 1) * seconds(model, batch_size) > 0.3


def test_samples_count_as_examples():
    assert by_rule(importance_weighted(50), 10**5) == by_rule(dense(), 50 * 10**5)
    assert by_rule(dense(), 10**5) != by_rule(dense(), 50 * 10**5)


def test_a_huge_model_runs_one_step_at_a_time():
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(10000)])
    assert by_rule(model, batch_size=1000).steps_per_execution == 1  # 0.6 s a step, by the rule


def test_convolutions_run_one_step_at_a_time_without_xla_on_a_cpu_only(monkeypatch):
    model = convolutional()
    assert by_rule(model).arguments == {"jit_compile": False, "steps_per_execution": 1}
    assert by_rule(model, jit_compile=True).arguments == {"jit_compile": True, "steps_per_execution": 50}
    on_a_gpu(monkeypatch)
    assert by_rule(model).arguments == {"jit_compile": True, "steps_per_execution": 50}


def test_a_flow_of_thin_convolutions_is_compiled_for_a_cpu_and_each_position_counts():
    model = tfvae.realnvp((4, 4, 1), levels=1, depth=1, filters=(8,))
    positions, kernels, others = 16, 9 * 8 + 9 * 8 * 2, 8 + 2 + 2
    per_step = 6 * 100 * ((1 + positions) * kernels + others) / 100e9
    assert choice.estimated_seconds(model, 100) == pytest.approx(per_step)
    assert by_rule(model, 10**6).arguments == {"jit_compile": True, "steps_per_execution": int(0.3 / (1e4 * per_step))}


# By measurement.


@pytest.fixture
def times(monkeypatch):
    """What a step takes with XLA (True) and without (False), instead of a trial; with a list of the trials made.

    A number for all rounds, a list with one for each, or what is raised.
    """
    times = {True: 0.002, False: 0.003, "tried": []}

    class Trial:
        alone = 0.002

        def __init__(self, model, optimizer, batch, jit_compile):
            times["tried"].append(jit_compile)
            given = times[jit_compile]
            if isinstance(given, Exception):
                raise given
            self.rounds = iter(given if isinstance(given, list) else [given] * trial._ROUNDS)

        def round(self):
            return next(self.rounds)

    monkeypatch.setattr(trial, "_Trial", Trial)
    return times


plain = functools.cache(dense)  # nothing here changes it


def measured(model=None, batch=BATCH, optimizer=None, **more):
    return by_measurement(model or plain(), optimizer or keras.optimizers.Adam(), batch, **more)


def test_the_faster_way_is_taken(times):
    assert measured().arguments == {"jit_compile": True, "steps_per_execution": 150}  # 0.3 s of 2 ms each
    times |= {True: 0.004}
    assert measured(dense(6)).arguments == {"jit_compile": False, "steps_per_execution": 1}


@pytest.mark.parametrize(("seconds", "steps"), [(1e-6, 200), (0.01, 30), (0.2, 1), (5.0, 1)])
def test_an_execution_takes_no_longer_than_the_bound(times, seconds, steps):
    times |= {True: seconds, False: 100.0}
    assert measured().steps_per_execution == steps


def test_the_batches_of_an_execution_fit_into_memory(times):
    assert measured(batch=np.zeros((2**17, *SHAPE), "uint8")).steps_per_execution == 32  # of 2 MiB each


def test_a_model_is_measured_once(times):
    assert measured().arguments == measured(dense(), optimizer=keras.optimizers.Adam(0.1)).arguments
    assert times["tried"] == [True, False]
    assert "measured before" in measured().reason


@pytest.mark.parametrize(
    "other",
    [
        lambda: measured(dense(6)),
        lambda: measured(batch=BATCH[:5]),
        lambda: measured(batch=BATCH.astype("float32")),
        lambda: measured(optimizer=keras.optimizers.SGD()),
        lambda: measured(importance_weighted(2)),
    ],
    ids=["another width", "another batch", "another type", "another optimiser", "another objective"],
)
def test_what_matters_is_measured_again(times, other):
    measured()
    other()
    assert times["tried"] == [True, False] * 2


@pytest.mark.parametrize("about", ["hardware", "versions"])
def test_another_machine_or_version_is_measured_again(times, monkeypatch, about):
    measured()
    monkeypatch.setattr(memory, about, lambda: {"something": "else"})
    measured()
    assert times["tried"] == [True, False] * 2


def test_one_way_only_if_so_wished(times):
    assert not measured(jit_compile=False).jit_compile
    assert times["tried"] == [False]
    assert measured().jit_compile
    assert times["tried"] == [False, True]  # the other time was known


def test_on_a_gpu_only_xla_is_tried(times, monkeypatch):
    on_a_gpu(monkeypatch)
    times |= {True: 1.0}
    assert measured().jit_compile
    assert times["tried"] == [True]


def test_replicas_run_without_xla_unless_it_is_asked_for(times):
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        assert (
            measured(dense()).arguments
            == by_rule(dense()).arguments
            == {"jit_compile": False, "steps_per_execution": 1}
        )
        assert by_rule(dense(), jit_compile=True).arguments == {"jit_compile": True, "steps_per_execution": 1}
    assert not times["tried"]


def test_what_xla_cannot_compile_runs_without(times):
    times |= {True: tf.errors.InvalidArgumentError(None, None, "no such operation")}
    assert not measured().jit_compile
    times |= {False: tf.errors.InvalidArgumentError(None, None, "wrong in itself")}
    with pytest.raises(tf.errors.InvalidArgumentError, match="wrong in itself"):
        measured(dense(7))


def test_a_trial_that_fails_leaves_it_to_the_rule(times):
    times |= {True: FloatingPointError("not finite")}
    assert measured().arguments == by_rule(plain(), 10).arguments


def test_a_model_that_cannot_be_copied_is_left_to_the_rule(times):
    class Other(tfvae.VAE):
        def get_config(self):
            raise NotImplementedError

    parts = dense()
    other = Other(parts.encoder, parts.decoder, parts.prior, parts.preprocess)
    assert measured(other).arguments == by_rule(other, 10).arguments
    assert "copy" in measured(other).reason and not times["tried"]


DAMAGED = [
    "", "{", "[1]", '{"with XLA": "fast"}', '{"with XLA": 0.002, "without": 0.003}', '{"with XLA": [1, 2]}',
    '{"with XLA": [-1.0, 1.0, 1.0], "without": [1.0, 1.0, 1.0]}', '{"with XLA": [NaN, NaN, NaN]}',
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_cache_is_measured_again(times, content):
    measured()
    (file,) = (memory.folder() / "execution").iterdir()
    file.write_text(content)
    assert measured().jit_compile
    assert times["tried"] == [True, False] * 2


def test_a_cache_that_cannot_be_written_is_done_without(times, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert measured().jit_compile


OPPOSITE = [
    {True: [2, 4, 2, 4, 2], False: [3, 3, 3, 3, 3]},
    {True: [4, 2, 4, 2, 4], False: [3, 3, 3, 3, 3]},
    {True: [2, 2, 2, 2, 2], False: [1, 3, 1, 3, 1]},
    {True: [2, 2, 2, 2, 2], False: [3, 1, 3, 1, 3]},
]


@fault("noisy-choice")
@pytest.mark.parametrize("model", [dense, slow(convolutional)])
def test_rounds_that_differ_leave_it_to_the_rule_and_are_not_kept(times, model):
    """Four trials of one model on a loaded machine, whose medians say the opposite of one another."""
    for rounds in OPPOSITE:
        times |= {way: [number / 1000 for number in each] for way, each in rounds.items()}
        found = measured(model())
        assert found.jit_compile == by_rule(model(), 10).jit_compile
        assert found.reason.startswith("by rule, as the times overlap; measured, differently each time, and not kept: ")
    assert times["tried"] == [True, False] * 4
    assert not (memory.folder() / "execution").exists()


@fault("noisy-choice")
def test_rounds_that_differ_but_less_than_the_ways_decide_and_are_not_kept(times):
    times |= {True: [0.003, 0.002, 0.004, 0.002, 0.003], False: [0.013, 0.012, 0.016, 0.012, 0.016]}
    for _ in range(2):
        assert measured(convolutional()).jit_compile
    assert times["tried"] == [True, False] * 2


@fault("noisy-choice")
def test_a_busy_machine_decides_and_is_not_remembered(times, monkeypatch):
    monkeypatch.setattr(trial, "is_busy", lambda: True)
    found = measured()
    assert found.jit_compile and "measured on a busy machine and not kept: " in found.reason
    monkeypatch.setattr(trial, "is_busy", lambda: False)
    times |= {True: 0.004}
    assert not measured().jit_compile  # measured again
    times |= {True: 0.002}
    assert not measured().jit_compile  # and kept


@fault("noisy-choice")
def test_two_ways_that_are_equally_fast_are_kept_and_left_to_the_rule(times):
    times |= {True: [0.0021, 0.0020, 0.0020, 0.0022, 0.0020], False: [0.0020, 0.0021, 0.0020, 0.0021, 0.0020]}
    for model in (dense, dense, convolutional, convolutional):
        assert measured(model()).jit_compile == by_rule(model(), 10).jit_compile
    assert times["tried"] == [True, False] * 2


@fault("noisy-choice")
@pytest.mark.parametrize(("load", "cores", "is_busy"), [(2.9, 2, False), (3.1, 2, True), (3.1, 64, False)])
def test_more_processes_than_cores_are_a_busy_machine(monkeypatch, load, cores, is_busy):
    monkeypatch.undo()
    monkeypatch.setattr(trial.os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(trial.os, "cpu_count", lambda: cores)
    assert trial.is_busy() == is_busy


class Clock:
    """Passes by the seconds that it is given, from one look to the next, and then by the last of them."""

    def __init__(self, seconds):
        self.now, self.seconds, self.looks = 0.0, list(seconds), 0

    def __call__(self):
        if self.looks % 2:  # the second look of an execution
            self.now += self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        self.looks += 1
        return self.now


@fault("noisy-choice")
@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        slow([9.0, 0.05], (0.05, 0.05, 0.05)),  # the first one compiles
        ([9.0, 0.05, *[0.05, 0.07, 0.06, 0.08, 0.04]], (0.05, 0.06, 0.07)),
        slow([9.0, 0.5, *[0.5, 0.6, 0.8]], (0.55, 0.6, 0.7)),  # slow steps are timed in three rounds
        slow([9.0, 0.004, *20 * [0.004], *20 * [0.006], 0.004], (0.004, 0.004, 0.004)),  # a slow round among five
    ],
)
def test_a_trial_gives_the_quartiles_of_its_rounds(monkeypatch, clock, expected):
    monkeypatch.setattr(trial, "_clock", Clock(clock))
    found = trial.timed({False: trial.copied(dense())}, keras.optimizers.SGD(0.0), tf.constant(BATCH))
    assert found[False] == pytest.approx(expected)


@pytest.mark.slow
def test_a_real_trial_leaves_no_trace():
    model, optimizer = dense(), keras.optimizers.Adam(0.1)
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.variables]
    found = measured(model, np.arange(160, dtype="uint8").reshape(BATCH.shape), optimizer)
    assert "with XLA" in found.reason and "without" in found.reason
    after = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert not optimizer.built and not model.compiled and model.steps == 0


# In `fit`.


@pytest.mark.parametrize("data", ["array", "dataset", "generator"])
def test_auto_is_chosen_by_the_first_batch_of_fit(times, capsys, data, eager):
    images = np.zeros((20, *SHAPE), "uint8")
    forms = {
        "array": lambda: images,
        "dataset": lambda: tf.data.Dataset.from_tensor_slices(images).batch(10),
        "generator": lambda: ((images[:10],) for _ in range(2)),
    }
    times |= {True: 0.004}
    model = dense()
    model.compile(
        keras.optimizers.SGD(1e-6), steps_per_execution="auto", jit_compile="auto" if data != "generator" else False
    )
    assert not times["tried"]
    model.fit(forms[data](), batch_size=None if data != "array" else 10, verbose=1)
    assert times["tried"] == ([True, False] if data != "generator" else [])
    assert "Training steps: without XLA" in capsys.readouterr().out
    assert (model.steps, model.jit_compile, model.steps_per_execution) == (2, False, 1)
    model.fit(forms[data](), batch_size=None if data != "array" else 10, verbose=0)
    assert len(times["tried"]) <= 2 and model.steps == 4


def test_no_batch_is_lost_to_the_trial(times, eager):
    once = iter([np.zeros((10, *SHAPE), "uint8")] * 3)
    shape = tf.TensorSpec((None, *SHAPE), tf.uint8)
    model = dense()
    model.compile(keras.optimizers.SGD(1e-6), steps_per_execution="auto", jit_compile=False)
    model.fit(tf.data.Dataset.from_generator(lambda: once, output_signature=shape), verbose=0)
    assert model.steps == 3 and not times["tried"]


def test_making_the_copy_draws_nothing_from_pythons_random_numbers():
    model = dense()
    state = random.getstate()
    trial.copied(model)
    assert random.getstate() == state


def test_steps_per_execution_is_checked_at_once():
    for wrong, expected in ((0, "at least 1"), (-1, "at least 1"), ("fast", "an integer"), (1.5, "an integer")):
        with pytest.raises(ValueError, match=f"`steps_per_execution` must be {expected}; received"):
            dense().compile("adam", steps_per_execution=wrong)
