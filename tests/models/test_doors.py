"""What comes in: shapes that are not known when a step is traced, many threads, single batches, and no examples."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from faults import fault
from tfvae import families
from tiers import long, slow

SHAPE = (8, 6, 1)
TALL = tiny.images(24)[:, :, 1:7]
OTHERS = {"turned": np.swapaxes(TALL[..., 0], 1, 2), "flat": TALL.reshape(24, 48), "4 x 12": TALL.reshape(24, 4, 12)}
RAW = tiny.images(24)


def tall(**options):
    return tiny.compiled(tfvae.vae(SHAPE, 2, "mlp(4)"), **options)


def use(model, how, data):
    getattr(model, how)(data, verbose=0)


def of_unknown_shape(images):
    """Batches of eight whose shape TensorFlow does not know, as those of a Python generator."""
    batches = [images[start : start + 8] for start in range(0, len(images), 8)]
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_types=images.dtype)


def decoded(images):
    """Batches of eight that are decoded from PNG files, of shape (None, None, None, 1)."""
    files = [tf.io.encode_png(image).numpy() for image in images]
    data = tf.data.Dataset.from_tensor_slices(files).map(lambda file: tf.io.decode_png(file, channels=1))
    return data.batch(8)


@fault("late-shapes")
@pytest.mark.parametrize(
    ("mode", "how"),
    [
        slow("graph", "fit"),
        ("graph", "evaluate"),
        ("graph", "predict"),
        slow("XLA", "evaluate"),
        slow("XLA", "predict"),
        long("XLA", "fit"),
    ],
)
def test_a_good_call_opens_the_door_for_no_other_shape(how, mode):
    """Keras traces a step for any shape once it has seen two."""
    model = tall(**tiny.MODES[mode])
    for good in (TALL, TALL[..., 0]):
        use(model, how, good)
    for images in OTHERS.values():
        for bad in (images, tf.data.Dataset.from_tensor_slices(images).batch(8)):
            with pytest.raises(ValueError, match=r"`vae.*` takes examples of shape \(8, 6, 1\); received \("):
                use(model, how, bad)
    use(model, how, TALL)


@fault("late-shapes")
@pytest.mark.parametrize("how", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("mode", ["graph", "eager", long("XLA"), slow("one program")])
def test_shapes_that_a_dataset_does_not_know_are_looked_at_when_a_batch_is_there(how, mode):
    model = tall(**tiny.MODES[mode])
    for make in (of_unknown_shape, decoded):
        use(model, how, make(TALL))
        with pytest.raises(ValueError, match=r"^`vae.*` takes examples of shape \(8, 6, 1\); received \(6, 8, 1\)\.$"):
            use(model, how, make(OTHERS["turned"][..., np.newaxis]))


@fault("late-shapes")
@pytest.mark.parametrize("mode", ["eager", slow("graph"), long("one program")])
def test_shapes_that_are_known_late_change_no_figure(mode):
    outcomes = []
    for data in (tf.data.Dataset.from_tensor_slices(TALL).batch(8), of_unknown_shape(TALL), decoded(TALL)):
        keras.utils.set_random_seed(0)
        model = tall(**tiny.MODES[mode])
        figures = [*model.fit(data, verbose=0).history["loss"], *model.evaluate(data, verbose=0)]
        outcomes.append([figures, *tiny.state(model)])
    for other in outcomes[1:]:
        tiny.assert_all_close(other, outcomes[0], 1e-6)


@fault("late-shapes")
def test_images_without_a_batch_are_told_their_shape():
    images = tf.data.Dataset.from_generator(lambda: iter(TALL), output_types=tf.uint8)
    with pytest.raises(ValueError, match=r"takes examples of shape \(8, 6, 1\); received \(6, 1\)"):
        tall().fit(images, verbose=0)


@fault("late-shapes")
@pytest.mark.parametrize("bad", [OTHERS["turned"], OTHERS["flat"], TALL[:, :7], TALL[..., np.newaxis].repeat(2, -1)])
def test_a_graph_of_the_users_own_does_not_scramble(bad):
    model = tall()
    graph = tf.function(model.representative, input_signature=[tf.TensorSpec(None, tf.uint8)])
    for good in (TALL, TALL[..., 0]):
        tiny.assert_same_bits(graph(good), model.representative(TALL))
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(bad)


@fault("late-shapes")
def test_the_encoder_looks_at_shapes_too():
    encoder = tall().encoder
    codes = [encoder.predict(good, verbose=0) for good in (TALL, TALL[..., 0])]
    tiny.assert_same_bits(*codes)
    for bad in OTHERS.values():
        for predict in (encoder.predict_on_batch, lambda raw: encoder.predict(raw, verbose=0)):
            with pytest.raises(ValueError, match=r"takes examples of shape \(8, 6, 1\); received \("):
                predict(bad)


@fault("late-shapes")
def test_the_decoder_takes_any_leading_axes_in_any_order():
    decoder = tiny.vae().decoder
    z = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    first = decoder.predict(z[0], verbose=0)
    np.testing.assert_allclose(decoder.predict(z, verbose=0)[0], first, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"was built for inputs of shape \(\.\.\., 2\); received \(5, 3\)"):
        decoder.predict(np.zeros((5, 3), "float32"), verbose=0)


def in_threads(function, tasks):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(function, tasks))


@fault("inference-state")
@pytest.mark.parametrize("how", ["predict_on_batch", slow("predict")])
def test_a_verdict_on_input_belongs_to_its_call(how):
    model, images = tiny.vae(), np.float32(RAW / 255)
    expected = model.predict(images, verbose=0)

    def ask(number):
        start = number % 16
        asked = images[start : start + 8].copy()
        if number % 4 == 0:
            asked[0, 0, 0] = np.nan
        try:
            answer = model.predict_on_batch(asked) if how == "predict_on_batch" else model.predict(asked, verbose=0)
        except FloatingPointError:
            return number % 4 == 0
        return number % 4 != 0 and np.allclose(answer, expected[start : start + 8], atol=1e-5)

    assert all(in_threads(ask, range(200 if how == "predict_on_batch" else 40)))


@fault("inference-state")
def test_predictions_change_no_variable():
    model = tiny.compiled(tiny.vae())
    model.predict(RAW, verbose=0)
    before = tiny.values(model.variables)
    with pytest.raises(FloatingPointError):
        model.predict(np.full(RAW.shape, np.nan, "float32"), verbose=0)
    tiny.assert_same_bits(tiny.values(model.variables), before)


@fault("inference-state")
def test_threads_that_evaluate_take_turns():
    model = tiny.compiled(tiny.vae(kind="linear"))
    parts = [RAW[start : start + 8] for start in range(0, 16, 2)]
    alone = [model.evaluate(part, batch_size=2, verbose=0)[0] for part in parts]
    assert in_threads(lambda part: model.evaluate(part, batch_size=2, verbose=0)[0], parts) == alone
    alone = [model.test_on_batch(part)[0] for part in parts]
    assert in_threads(lambda part: model.test_on_batch(part)[0], 5 * parts) == 5 * alone


@fault("inference-state")
@pytest.mark.parametrize("ability", [slow("log_likelihood"), "codes", "reconstructed"])
def test_other_answers_to_many_threads_are_those_to_one(ability):
    model = tiny.vae()
    ask = {
        "log_likelihood": lambda number: model.log_likelihood(RAW[number : number + 3], 2 + 60 * (number % 2)),
        "codes": lambda number: model.codes(model.representative(RAW[number : number + 3])),
        "reconstructed": lambda number: model.reconstructed(tf.constant(RAW[number : number + 3])),
    }[ability]
    numbers = list(range(10))
    for answer, alone in zip(in_threads(ask, numbers), map(ask, numbers), strict=True):
        np.testing.assert_allclose(answer, alone, rtol=1e-5, atol=1e-6)


@fault("inference-state")
def test_an_evaluation_beside_training_is_refused():
    model, refused = tiny.compiled(tiny.vae(), run_eagerly=True), []

    def evaluate():
        try:
            model.evaluate(RAW, verbose=0)
        except RuntimeError as error:
            refused.append(str(error))

    class Beside(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            thread = threading.Thread(target=evaluate)
            thread.start()
            thread.join()

        def on_epoch_end(self, epoch, logs=None):
            model.evaluate(RAW, verbose=0)  # in the same thread

    model.fit(RAW, verbose=0, callbacks=Beside())
    assert len(refused) == 1 and refused[0].startswith("This model is being trained in another thread")
    evaluate()
    assert len(refused) == 1


@fault("inference-state")
def test_an_evaluation_that_is_broken_off_leaves_no_verdict_behind():
    model, bad = tiny.compiled(tiny.vae(), run_eagerly=True), np.full(RAW.shape, np.nan, "float32")

    class Stop(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.evaluate(tf.data.Dataset.from_tensors(bad), verbose=0, callbacks=[Stop()])
    model.train_on_batch(RAW)


def two_models(two):
    """The same model on one device and on two."""
    one_device = tiny.compiled(tiny.vae(kind="linear"), keras.optimizers.SGD(1e-2))
    with two.scope():
        return one_device, tiny.compiled(tiny.vae(kind="linear"), keras.optimizers.SGD(1e-2))


@fault("replicas-on-batch")
@pytest.mark.parametrize("part", ["model", "encoder", "decoder"])
def test_replicas_give_as_many_answers_as_there_are_examples(two, part):
    one_device, replicas = two_models(two)
    batch = np.ones((7, 2), "float32") if part == "decoder" else RAW[:7]
    for rows in (7, 1):
        answers = [getattr(model, part, model).predict_on_batch(batch[:rows]) for model in (replicas, one_device)]
        assert len(answers[0]) == rows
        np.testing.assert_allclose(*answers, rtol=1e-5, atol=1e-6)


@fault("replicas-on-batch")
@pytest.mark.slow
@pytest.mark.parametrize("rows", [long(8), 7, 1])
def test_replicas_share_a_single_batch(two, rows):
    one_device, replicas = two_models(two)
    weights, labels = np.arange(1, rows + 1) / 3, np.arange(rows)
    for use in ("train_on_batch", "test_on_batch"):
        for more in ({}, {"y": labels, "sample_weight": weights}):
            figures = [getattr(model, use)(RAW[:rows], **more) for model in (replicas, one_device)]
            np.testing.assert_allclose(*figures, rtol=1e-5)
    tiny.assert_all_close(tiny.values(replicas.weights), tiny.values(one_device.weights), 1e-5)


@fault("replicas-on-batch")
def test_a_bad_example_of_either_replica_is_refused(two):
    with two.scope():
        model = tiny.compiled(tiny.vae(kind="linear"))
    for row in (0, 7):
        images = np.float32(RAW[:8] / 255)
        images[row, 0, 0] = np.nan
        with pytest.raises(FloatingPointError, match=r"^Evaluation or prediction stopped"):
            model.predict_on_batch(images)


@fault("replicas-on-batch")
@pytest.mark.parametrize("use", ["train_on_batch", "test_on_batch", "predict_on_batch"])
def test_several_workers_are_told_what_takes_whole_data(use, monkeypatch):
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    monkeypatch.setattr(tfvae.training.doors, "is_multi_worker", lambda strategy: True)
    with pytest.raises(ValueError, match=r"cannot share a single batch: use `fit`, `evaluate` or `predict`\.$"):
        getattr(model, use)(RAW)


@fault("late-shapes")
@pytest.mark.slow
def test_shapes_that_are_known_late_on_two_replicas(two):
    """The last batch has one example, so that a replica has none."""
    one_device, replicas = two_models(two)
    data = decoded(RAW[:17])
    histories = [model.fit(data, epochs=2, verbose=0).history["loss"] for model in (replicas, one_device)]
    np.testing.assert_allclose(*histories, rtol=1e-5)
    predictions = [model.predict(data, verbose=0) for model in (replicas, one_device)]
    np.testing.assert_allclose(*predictions, atol=1e-5)
    with pytest.raises(ValueError, match=r"takes examples of shape \(8, 8, 1\); received \(7, 8, 1\)"):
        replicas.fit(decoded(RAW[:, 1:]), verbose=0)


NOTHING = {
    "an array": RAW[:0],
    "a dataset": tf.data.Dataset.from_tensor_slices(RAW[:0]).batch(8),
    "data of unknown size": tf.data.Dataset.from_tensor_slices(RAW).batch(8).filter(lambda raw: False),
    "a generator": of_unknown_shape(RAW[:0]),
}


@fault("empty-average")
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("data", NOTHING)
@pytest.mark.parametrize("how", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("mode", ["eager", slow("graph")])
def test_no_examples_have_no_figures(how, data, mode):
    with pytest.raises(ValueError, match=r"^There must be at least one example; received none\.$"):
        use(tiny.compiled(tiny.vae(), **tiny.MODES[mode]), how, NOTHING[data])


@fault("empty-average")
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("data", NOTHING)
def test_no_examples_validate_nothing(data):
    empty = NOTHING[data]
    with pytest.raises(ValueError, match="There must be at least one example; received none"):
        tiny.compiled(tiny.vae(), run_eagerly=True).fit(
            RAW, validation_data=(empty, None) if isinstance(empty, np.ndarray) else empty, verbose=0
        )


@fault("empty-average")
def test_other_doors_refuse_no_examples():
    model = tiny.compiled(tiny.vae())
    calls = (
        lambda: model.train_on_batch(RAW[:0]),
        lambda: model.test_on_batch(RAW[:0]),
        lambda: model.encoder.predict(RAW[:0], verbose=0),
        lambda: model.decoder.predict(np.zeros((0, 2), "float32"), verbose=0),
        lambda: model.log_likelihood(RAW[:0]),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"must hold at least one|There must be at least one example"):
            call()


@fault("messages")
@pytest.mark.parametrize("mode", [slow("graph"), "eager", long("one program")])
def test_a_frozen_model_says_that_it_is(mode):
    model = tiny.vae(kind="linear")
    model.trainable = False
    tiny.compiled(model, **tiny.MODES[mode])
    with pytest.raises(ValueError, match=r"^`vae.*` has nothing to train: all of its parts are frozen\. Set"):
        model.fit(RAW, verbose=0)
    assert np.isfinite(model.evaluate(RAW, verbose=0)).all()


@fault("messages")
@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_one_of_two_networks_may_be_frozen(part):
    model = tfvae.gan((8, 8, 1), 2, "mlp(2)")
    for each in (model.generator, model.prior) if part == "generator" else (model.discriminator, model.head):
        each.trainable = False
    model.compile("sgd", run_eagerly=True)
    before = tiny.values(model.trainable_variables)
    model.train_on_batch(RAW)
    assert tiny.differs(tiny.values(model.trainable_variables), before)


def test_families_of_other_shapes_lack_no_channel():
    """A last axis of 1 is a channel only beside others."""
    model = tiny.vae(families.Normal((1,)), preprocess=tfvae.preprocessing.Identity())
    with pytest.raises(ValueError, match=r"takes examples of shape \(1,\); received \(\)"):
        model.predict_on_batch(np.zeros(3, "float32"))
    assert model.predict(np.zeros((3, 1), "float32"), verbose=0).shape == (3, 1)
