"""What every Keras user does, with every kind of data that Keras takes."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from tfvae import families, preprocessing
from tfvae.noise import EVALUATION_SEED, Noise
from tiers import slow

vae = functools.partial(tiny.vae, kind="linear")
KEYS = {"loss", "elbo", "distortion", "rate"}


def weights_after(model, *data, epochs=1, **options):
    """The weights after unshuffled training on the data, in batches of eight."""
    if not isinstance(data[0], tf.data.Dataset):
        options |= {"batch_size": 8, "shuffle": False}
    model.fit(*data, epochs=epochs, verbose=0, **options)
    return tiny.values(model.trainable_variables)


RAW = tiny.images(24)
DATA = {
    "floats": (RAW / np.float32(255),),
    "float64": (RAW / 255.0,),
    "no channel": (RAW[..., 0],),
    "labels": (RAW, np.arange(24)),
    "itself as target": (RAW, RAW),
    "dataset": (tf.data.Dataset.from_tensor_slices(RAW).batch(8),),
    "dataset with labels": (tf.data.Dataset.from_tensor_slices((RAW, np.arange(24))).batch(8),),
    "dataset with weights": (tf.data.Dataset.from_tensor_slices((RAW, np.arange(24), np.ones(24))).batch(8),),
    "data of unknown size": (tf.data.Dataset.from_tensor_slices(RAW).batch(8).filter(lambda raw: True),),
}


@pytest.fixture(scope="module")
def from_uint8():
    """The weights and the figures that levels give, by mode."""

    @functools.cache
    def of(mode):
        model = tiny.compiled(vae(), **tiny.MODES[mode])
        return weights_after(model, RAW), model.evaluate(RAW, verbose=0)

    return of


SLOW = ("float64", "itself as target", "dataset")
GRAPH = ("floats", "no channel", "dataset with weights", "data of unknown size")  # others are traced like one of these


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *(slow("eager", kind) if kind in SLOW else ("eager", kind) for kind in DATA),
        *(slow("graph", kind) for kind in GRAPH),
    ],
)
def test_all_kinds_of_data_train_alike(mode, kind, from_uint8):
    weights, scores = from_uint8(mode)
    model = tiny.compiled(vae(), **tiny.MODES[mode])
    tiny.assert_same_bits(weights_after(model, *DATA[kind]), weights)
    assert model.steps == int(model.optimizer.iterations) == 3
    assert model.evaluate(*DATA[kind], verbose=0) == pytest.approx(scores, rel=1e-5)


@pytest.mark.parametrize("make", [tiny.vae, tiny.bernoulli_vae])
def test_predictions_are_means_for_all_kinds_of_data(make, eager):
    model = make()
    posterior = model.encoder(model.preprocess(RAW))
    codes = model.encoder.predict(RAW, verbose=0)
    np.testing.assert_allclose(codes, posterior.mean(), rtol=1e-5, atol=1e-6)
    images = model.decoder.predict(codes, verbose=0)
    np.testing.assert_allclose(images, model.decoder(posterior.mean()).mean(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict(RAW, verbose=0), images, rtol=1e-5, atol=1e-6)
    for same in (RAW / np.float32(255), RAW[..., 0]):
        tiny.assert_same_bits(model.predict(same, verbose=0), model.predict(RAW, verbose=0))


@pytest.mark.parametrize("kind", ["floats", "no channel", "dataset"])
def test_the_encoder_predicts_from_what_the_model_takes(kind, eager):
    encoder = vae().encoder
    codes = [encoder.predict(*data, verbose=0) for data in (DATA[kind], (RAW,))]
    np.testing.assert_allclose(*codes, rtol=1e-5, atol=1e-6)


def test_history_has_training_and_validation():
    model = tiny.compiled(vae(), run_eagerly=True)
    history = model.fit(RAW, epochs=2, validation_split=0.25, verbose=0).history
    assert set(history) == KEYS | {f"val_{key}" for key in KEYS} | {"skipped"}
    np.testing.assert_allclose(-np.array(history["elbo"]), np.add(history["distortion"], history["rate"]), rtol=1e-5)
    scores = model.evaluate(RAW[18:], return_dict=True, verbose=0)
    assert scores == pytest.approx({key: history[f"val_{key}"][-1] for key in KEYS}, rel=1e-5)


def test_cross_entropy_on_grey_values_reports_no_elbo():
    model = vae(likelihood=families.Bernoulli(tiny.SHAPE), preprocess=preprocessing.Rescale())
    history = tiny.compiled(model, run_eagerly=True).fit(RAW, validation_data=(RAW, None), verbose=0).history
    assert set(history) == {"loss", "distortion", "rate", "val_loss", "val_distortion", "val_rate", "skipped"}


def plain_descent():
    """A model whose change of weights in one step is minus the gradient of its loss."""
    return tiny.compiled(vae(), keras.optimizers.SGD(1.0), run_eagerly=True)


def change(raw, sample_weight=None):
    model = plain_descent()
    before = tiny.values(model.trainable_variables)
    model.train_on_batch(raw, np.zeros(len(raw)), sample_weight=sample_weight)
    return [after - b for after, b in zip(tiny.values(model.trainable_variables), before, strict=True)]


def test_sample_weights_multiply_the_losses_whose_sum_is_divided_by_the_number_of_examples():
    # The first four of eight, so that both batches give these the same noise.
    weighted = change(RAW[:8], np.array([1.0, 1, 1, 1, 0, 0, 0, 0]))
    tiny.assert_all_close([2 * each for each in weighted], change(RAW[:4]), 1e-5)
    tiny.assert_all_close(change(RAW[:8], np.full(8, 2.0)), [2 * each for each in change(RAW[:8])], 1e-5)
    parts = [change(RAW[:8], weight) for weight in (np.arange(8.0), 2.0 - np.arange(8.0))]
    tiny.assert_all_close([a + b for a, b in zip(*parts, strict=True)], change(RAW[:8], np.full(8, 2.0)), 1e-4)


def test_sample_weights_weigh_the_metrics():
    model, weight = tiny.compiled(vae(), run_eagerly=True), np.arange(24) % 3
    each = model.objective(model.sample_trace(tf.constant(RAW), Noise(EVALUATION_SEED), 1)).loss
    loss = model.evaluate(RAW, np.zeros(24), sample_weight=weight, batch_size=7, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(np.average(each, weights=weight), rel=1e-5)


def test_eager_equals_graph():
    losses = [
        tiny.compiled(vae(), run_eagerly=eager).fit(RAW, epochs=2, batch_size=8, verbose=0, shuffle=False).history
        for eager in (True, False)
    ]
    np.testing.assert_allclose(losses[0]["loss"], losses[1]["loss"], rtol=1e-5)


def test_batches_by_hand_equal_fit():
    by_hand, fitted = (tiny.compiled(vae(), run_eagerly=True) for _ in range(2))
    for batch in (RAW[:8], RAW[8:16], RAW[16:]):
        scores = by_hand.train_on_batch(batch, return_dict=True)
    tiny.assert_same_bits(tiny.values(by_hand.trainable_variables), weights_after(fitted, RAW))
    assert set(scores) == KEYS
    by_hand.reset_metrics()
    fitted_scores = fitted.evaluate(RAW[:8], verbose=0, return_dict=True)
    assert by_hand.test_on_batch(RAW[:8], return_dict=True) == pytest.approx(fitted_scores, rel=1e-6)


def test_validation_uses_the_final_beta_so_that_its_elbo_can_be_monitored(tmp_path):
    model = tiny.compiled(vae(objective=tfvae.ELBO(beta=tfvae.WarmUp(1000))), run_eagerly=True)
    path = tmp_path / "best.keras"
    watch = {"monitor": "val_elbo", "mode": "max"}
    callbacks = [
        keras.callbacks.ModelCheckpoint(path, save_best_only=True, **watch),
        keras.callbacks.EarlyStopping(patience=1, min_delta=1e9, **watch),
    ]
    history = model.fit(RAW, validation_data=(RAW, None), epochs=5, verbose=0, callbacks=callbacks).history
    assert len(history["loss"]) == 2  # the first, and one that was not better by 1e9 nats
    assert history["val_loss"][0] == pytest.approx(-history["val_elbo"][0], rel=1e-6)
    assert history["loss"][0] == pytest.approx(history["distortion"][0], rel=1e-6)  # its only step had beta = 0
    best = tfvae.load(path).evaluate(RAW, verbose=0, return_dict=True)["elbo"]
    assert best == pytest.approx(max(history["val_elbo"]), rel=1e-6)


def test_labels_reach_the_trace():
    seen = []

    class Curious(tfvae.VAE):
        def sample_trace(self, raw, noise, sample_size, y=None, training=False):
            seen.append((None if y is None else np.array(y).tolist(), training))
            return super().sample_trace(raw, noise, sample_size, y=y, training=training)

    plain = vae()
    model = Curious(plain.encoder, plain.decoder, plain.prior, plain.preprocess)
    tiny.compiled(model, run_eagerly=True)
    model.fit(RAW[:2], np.array([3, 4]), shuffle=False, verbose=0)
    model.evaluate(RAW[:2], np.array([5, 6]), verbose=0)
    model.evaluate(RAW[:2], verbose=0)
    assert seen == [([3, 4], True), ([5, 6], False), (None, False)]


@pytest.mark.parametrize("shape", [(7, 8, 1), (8, 8, 3), (8, 7), (64,), ()])
def test_other_shapes_are_refused(shape):
    raw = np.zeros((4, *shape), "uint8")
    model = tiny.compiled(vae())
    for use in (model.train_on_batch, model.test_on_batch, model.predict_on_batch):
        with pytest.raises(ValueError, match=r"takes examples of shape \(8, 8, 1\); received"):
            use(raw)


def test_booleans_are_black_and_white(eager):
    model = tiny.bernoulli_vae()
    black_and_white = RAW >= 128
    levels = np.where(black_and_white, 255, 0).astype("uint8")
    tiny.assert_same_bits(model.predict(black_and_white, verbose=0), model.predict(levels, verbose=0))


def test_sample_weights_need_no_labels():
    weight = np.arange(24) % 3 / 2.0
    with_labels, without = (tiny.compiled(vae(), run_eagerly=True) for _ in range(2))
    for model, y in ((with_labels, np.zeros(24)), (without, None)):
        model.fit(RAW, y, sample_weight=weight, validation_data=(RAW, y, weight), shuffle=False, verbose=0)
    tiny.assert_same_bits(tiny.values(with_labels.weights), tiny.values(without.weights))
    assert with_labels.history.history["val_loss"] == without.history.history["val_loss"]
    assert without.evaluate(RAW, sample_weight=weight, verbose=0) == pytest.approx(
        with_labels.evaluate(RAW, np.zeros(24), sample_weight=weight, verbose=0)
    )
    with pytest.raises(ValueError, match=r"^`sample_weight` must be above 0 for some example: an average over none "):
        without.evaluate(RAW, sample_weight=np.zeros(24), verbose=0)
