"""Callbacks write one picture an epoch, of the arrays that the model gives, whole or not at all."""

import os
from statistics import NormalDist

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from faults import fault
from tfvae._support.files import CannotWrite
from tfvae.callbacks import Curves, LatentMap, LatentRates, Manifold, ReconstructionGrid, SampleGrid
from tfvae.evaluation import latent_statistics

SHAPE = (4, 3, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)
LABELS = np.array([0, 1, 0, 2, 1])
ALL = {
    "samples": lambda folder, **options: SampleGrid(folder, n=4, **options),
    "reconstructions": lambda folder, **options: ReconstructionGrid(folder, IMAGES, **options),
    "manifold": lambda folder, **options: Manifold(folder, n=3, **options),
    "latent_map": lambda folder, **options: LatentMap(folder, IMAGES, LABELS, **options),
    "latent_rates": lambda folder, **options: LatentRates(folder, IMAGES, **options),
}
each_callback = pytest.mark.parametrize("name", ALL)


@pytest.fixture(scope="module")
def models():
    """Models by their number of latent dimensions."""
    keras.utils.set_random_seed(0)
    return {size: tfvae.vae(SHAPE, latent_size=size, network="mlp(5)") for size in (1, 2, 4)}


@pytest.fixture
def model(models):
    return models[2]


@pytest.fixture
def drawn(monkeypatch):
    """What the plotting functions are called with, by their names."""
    calls = {}
    names = ("image_grid", "view_grid", "manifold_grid", "latent_map", "latent_rates", "latent_variances")
    for name in names:
        draw = getattr(tfvae.plots, name)

        def record(*arguments, _name=name, _draw=draw, **options):
            calls.setdefault(_name, []).append((*arguments, options) if options else arguments)
            return _draw(*arguments, **options)

        monkeypatch.setattr(tfvae.plots, name, record)
    return calls


def epochs(callback, model, number=1):
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(number):
        callback.on_epoch_end(epoch, logs={"loss": 1.0})
    callback.on_train_end()


def start(callback, model):
    callback.set_model(model)
    callback.on_train_begin()


def full_vae(latent_size=2, posterior=tfvae.families.FullNormal, data_shape=SHAPE):
    keras.utils.set_random_seed(0)
    return tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), posterior((latent_size,))),
        decoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(()), tfvae.families.Normal(data_shape)),
        prior=tfvae.priors.StandardNormal((latent_size,)),
        preprocess=tfvae.preprocessing.Dequantize(),
        objective=tfvae.ELBO(analytic_kl=False),
    )


@each_callback
def test_a_picture_is_written_at_the_end_of_every_epoch(model, tmp_path, name):
    folder = tmp_path / "not" / "there"
    epochs(ALL[name](str(folder)), model, 2)
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}-epoch-00{epoch}.png" for epoch in (1, 2)]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())


@each_callback
def test_or_at_the_end_of_every_few(model, tmp_path, name):
    epochs(ALL[name](tmp_path, every=3), model, 7)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}-epoch-00{epoch}.png" for epoch in (3, 6)]


@each_callback
def test_a_figure_can_be_had_outside_of_training(model, tmp_path, name):
    callback = ALL[name](tmp_path / "new")
    callback.set_model(model)
    assert callback.figure().axes
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_pictures_are_drawn_in_fit(model, tmp_path):
    model.compile(jit_compile=False)
    model.fit(IMAGES, epochs=2, verbose=0, callbacks=[make(tmp_path, log_dir=tmp_path / "tb") for make in ALL.values()])
    assert len(list(tmp_path.glob("*.png"))) == 2 * len(ALL)
    assert {path.name for path in (tmp_path / "tb").iterdir()} == set(ALL)


@pytest.mark.parametrize(
    ("mean", "title"), [(True, "decoder means for z ~ p(z)"), (False, "draws from p(x|z) for z ~ p(z)")]
)
def test_samples_come_from_the_same_latents_every_epoch_and_the_title_says_what_they_are(
    model, drawn, tmp_path, mean, title
):
    epochs(SampleGrid(tmp_path, n=4, seed=3, mean=mean), model, 2)
    _, expected = model.sample(4, seed=3, mean=mean)
    assert len(drawn["image_grid"]) == 2
    for images, options in drawn["image_grid"]:
        np.testing.assert_array_equal(images, expected)
        assert options == {"title": title}


RAW = pytest.mark.parametrize(
    "raw", [IMAGES, IMAGES[..., 0], IMAGES / np.float32(255)], ids=["levels", "no-axis", "floats"]
)


@RAW
def test_reconstructions_are_the_models_of_the_images_given(model, drawn, tmp_path, raw):
    epochs(ReconstructionGrid(tmp_path, raw), model)
    ((views,),) = drawn["view_grid"]
    assert list(views) == ["image", "reconstruction"]
    np.testing.assert_allclose(views["image"], (IMAGES + 0.5) / 256, rtol=1e-6)
    np.testing.assert_allclose(views["reconstruction"], model.predict(IMAGES, verbose=0), rtol=1e-5, atol=1e-6)


@RAW
def test_the_map_shows_posterior_means(models, drawn, tmp_path, raw):
    epochs(LatentMap(tmp_path, raw, LABELS, ("a", "b", "c")), models[4])
    ((means, labels, class_names),) = drawn["latent_map"]
    np.testing.assert_allclose(means, models[4].encoder.predict(IMAGES, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(labels, LABELS)
    assert class_names == ("a", "b", "c")


def test_the_map_needs_no_labels(model, drawn, tmp_path):
    epochs(LatentMap(tmp_path, IMAGES), model)
    assert drawn["latent_map"][0][1:] == (None, None)


def test_the_manifold_decodes_quantiles_of_the_prior(model, drawn, tmp_path):
    epochs(Manifold(tmp_path, n=4), model)
    ((images, values, names, title),) = drawn["manifold_grid"]
    np.testing.assert_allclose([NormalDist().cdf(value) for value in values], [0.125, 0.375, 0.625, 0.875])
    assert (names, title) == (("z[0]", "z[1]"), "decoder means, z[0] and z[1] at quantiles of N(0, 1)")
    z = np.float32([[(right, up) for right in values] for up in values])
    expected = model.decoder.predict(z.reshape(-1, 2), verbose=0).reshape(4, 4, *SHAPE)
    np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-6)


def test_of_more_dimensions_it_shows_the_two_chosen_and_says_so(models, drawn, tmp_path):
    epochs(Manifold(tmp_path, n=2, dimensions=(3, 1)), models[4])
    ((images, values, names, title),) = drawn["manifold_grid"]
    z = np.zeros((2, 2, 4), np.float32)
    z[..., 3], z[..., 1] = values, values[:, np.newaxis]
    expected = models[4].decoder.predict(z.reshape(-1, 4), verbose=0).reshape(2, 2, *SHAPE)
    np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-6)
    assert names == ("z[3]", "z[1]")
    assert title == "decoder means, z[3] and z[1] at quantiles of N(0, 1),\nthe other 2 at 0"


def test_or_the_two_most_active(models, drawn, tmp_path):
    epochs(Manifold(tmp_path, IMAGES, n=2), models[4])
    (_, _, names, title) = drawn["manifold_grid"][0]
    most, second, *_ = np.argsort(-np.var(models[4].encoder.predict(IMAGES, verbose=0), axis=0))
    assert names == (f"z[{most}]", f"z[{second}]")
    assert title.endswith("N(0, 1),\nthe two most active dimensions, the other 2 at 0")


def test_rates_are_those_of_the_images_given(models, drawn, tmp_path):
    epochs(LatentRates(tmp_path, IMAGES), models[4])
    expected = latent_statistics(models[4], IMAGES)
    ((rate, active, _),) = drawn["latent_rates"]
    np.testing.assert_array_equal(rate, expected.rate)
    np.testing.assert_array_equal(active, expected.active)


def test_where_the_rate_has_no_parts_variances_are_shown(drawn, tmp_path):
    model = full_vae()
    epochs(LatentRates(tmp_path, IMAGES, log_dir=tmp_path / "tb"), model)
    expected = latent_statistics(model, IMAGES)
    ((variance, active, total, _),) = drawn["latent_variances"]
    np.testing.assert_array_equal(variance, expected.variance_of_mean)
    np.testing.assert_array_equal(active, expected.active)
    assert total == expected.total_rate
    assert "variance_of_mean/1" in events(tmp_path / "tb" / "latent_rates")


def events(folder):
    """The last tensor of each tag, with its step and the dashboard that shows it."""
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found[value.tag] = (tf.make_ndarray(value.tensor), event.step, value.metadata.plugin_data.plugin_name)
    return found


@each_callback
def test_tensorboard_gets_the_same_picture_at_keras_step(model, tmp_path, name):
    epochs(ALL[name](tmp_path / "png", log_dir=tmp_path / "tb"), model, 2)
    (width, height, png), step, dashboard = events(tmp_path / "tb" / name)[name]
    assert png == (tmp_path / "png" / f"{name}-epoch-002.png").read_bytes()
    assert [int(height), int(width)] == tf.io.decode_png(png).shape[:2]
    assert (step, dashboard) == (1, "images")


def test_tensorboard_gets_rates_as_curves(models, tmp_path):
    epochs(LatentRates(tmp_path / "png", IMAGES, log_dir=tmp_path / "tb"), models[4])
    found, expected = events(tmp_path / "tb" / "latent_rates"), latent_statistics(models[4], IMAGES)
    del found["latent_rates"]
    numbers = {tag: float(value) for tag, (value, _, _) in found.items()}
    curves = {"total_rate": expected.total_rate, "active_units": expected.active_units}
    assert numbers == pytest.approx(curves | {f"rate/{index}": rate for index, rate in enumerate(expected.rate)})
    assert {(step, dashboard) for _, step, dashboard in found.values()} == {(0, "scalars")}


def test_without_log_dir_no_events_are_written(model, tmp_path, monkeypatch):
    monkeypatch.setattr(tf.summary, "create_file_writer", None)
    epochs(LatentRates(tmp_path, IMAGES), model)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_an_interruption_leaves_no_part_of_a_picture(model, tmp_path, monkeypatch, interruption):
    callback = SampleGrid(tmp_path, n=4)
    epochs(callback, model)
    before = (tmp_path / "samples-epoch-001.png").read_bytes()

    def replace(source, target):
        assert os.path.getsize(source) > 100  # it was written beside it, under another name
        raise interruption

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(interruption):
        callback.on_epoch_end(0)
    assert [path.name for path in tmp_path.iterdir()] == ["samples-epoch-001.png"]
    assert (tmp_path / "samples-epoch-001.png").read_bytes() == before


FAILURES = [
    RuntimeError("latex was not found"), ValueError("\n$x{$\n^\nParseException"), TypeError(), MemoryError(),
    FileNotFoundError(2, "No such file", "font.ttf"), tf.errors.ResourceExhaustedError(None, None, "OOM"),
]  # fmt: skip


@fault("pictures")
@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("where", ["draw", "png"])
def test_a_picture_that_fails_is_said_once_and_ends_nothing(model, tmp_path, monkeypatch, capsys, failure, where):
    class Failing(SampleGrid):
        def draw(self):
            if where == "draw":
                raise failure
            monkeypatch.setattr(tfvae.plots, "png", png)
            return super().draw()

    def png(figure):
        monkeypatch.undo()
        raise failure

    epochs(Failing(tmp_path, n=4), model, 2)
    (line,) = capsys.readouterr().err.splitlines()
    reason = " ".join(f"{type(failure).__name__}: {failure}".split()).removesuffix(":")
    assert line == f"Warning: the picture samples of epoch 1 could not be drawn ({reason}); training goes on."
    assert not any(tmp_path.iterdir()) or where == "png"  # there the second epoch's is drawn


@fault("pictures")
@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(3), CannotWrite("x.png", OSError(28, "No space"))])
def test_what_is_not_the_pictures_fault_ends_the_training(model, tmp_path, monkeypatch, end):
    def draw(self):
        raise end

    monkeypatch.setattr(SampleGrid, "draw", draw)
    with pytest.raises(type(end)):
        epochs(SampleGrid(tmp_path), model)


TEXT = np.array(["a", "b", "c"])
FORMS = {
    "[N]": LABELS,
    "[N, 1]": LABELS[:, np.newaxis],
    "one-hot": np.eye(3, dtype=np.float32)[LABELS],
    "one-hot bool": np.eye(3, dtype=bool)[LABELS],
    "list": LABELS.tolist(),
    "list of lists": [[label] for label in LABELS.tolist()],
    "floats": LABELS.astype(np.float32),
    "uint8": LABELS.astype(np.uint8),
    "tensor": tf.constant(LABELS),
    "text": TEXT[LABELS],
    "bytes": np.char.encode(TEXT)[LABELS],
    "objects": np.array(TEXT[LABELS], object),
    "list of text": TEXT[LABELS].tolist(),
    "text [N, 1]": TEXT[LABELS][:, np.newaxis],
}


@fault("pictures")
@pytest.mark.parametrize("form", FORMS)
def test_a_map_takes_labels_of_any_usual_form(model, tmp_path, form):
    callback, usual = LatentMap(tmp_path, IMAGES, FORMS[form]), LatentMap(tmp_path, IMAGES, LABELS)
    for each in (callback, usual):
        each.set_model(model)
    names = [text.get_text() for text in callback.figure().axes[0].get_legend().get_texts()]
    assert names == (["a", "b", "c"] if "text" in form or form in ("bytes", "objects") else ["0", "1", "2"])
    for line, other in zip(callback.figure().axes[0].lines, usual.figure().axes[0].lines, strict=True):
        np.testing.assert_array_equal(line.get_xydata(), other.get_xydata())


@fault("pictures")
def test_a_label_below_zero_is_no_class():
    names = [name for name, _ in tfvae.plots.classes([-1, 0, 1], 3, ["cat", "dog"])]
    assert names == ["-1", "cat", "dog"]


@each_callback
@pytest.mark.parametrize("where", ["folder", "log_dir"])
def test_a_folder_that_cannot_be_written_to_is_named_when_training_starts(model, tmp_path, name, where):
    blocked = tmp_path / "a file"
    blocked.write_text("")
    folders = {"folder": tmp_path, "log_dir": tmp_path} | {where: blocked / "folder"}
    callback = ALL[name](folders["folder"], log_dir=folders["log_dir"])
    with pytest.raises(OSError, match=r"^The folder .+a file/folder.* cannot be written: .+\.$"):
        start(callback, model)


NEED_IMAGES = pytest.mark.parametrize("kind", [ReconstructionGrid, LatentMap, Manifold, LatentRates])


@NEED_IMAGES
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[:0], r"^`images` must hold at least one image; received none\.$"),
        (IMAGES[:, :2], r"takes examples of shape \(4, 3, 1\); received \(2, 3, 1\)"),
        (np.float32(IMAGES), r"^`images` holds floats, which must be in \[0, 1\]"),
    ],
    ids=["none", "shape", "floats"],
)
def test_images_that_are_none_are_refused_when_training_starts(models, tmp_path, kind, images, message):
    with pytest.raises(ValueError, match=message):
        start(kind(tmp_path / "new", images), models[4])
    assert not (tmp_path / "new").exists()


def test_too_few_dimensions_are_refused_when_training_starts(models, tmp_path):
    for callback in (LatentMap(tmp_path, IMAGES), Manifold(tmp_path)):
        with pytest.raises(ValueError, match=r"needs at least 2 latent dimensions; the model has 1\.$"):
            start(callback, models[1])
    with pytest.raises(ValueError, match=r"^`Manifold` needs `dimensions`, or `images` .+ has 4 dimensions\.$"):
        start(Manifold(tmp_path), models[4])
    with pytest.raises(ValueError, match=r"^`dimensions` must be below 4; received \(0, 4\)\.$"):
        start(Manifold(tmp_path, dimensions=(0, 4)), models[4])
    epochs(LatentRates(tmp_path, IMAGES), models[1])


def test_models_that_cannot_be_drawn_are_refused_when_training_starts(tmp_path):
    flat = full_vae(data_shape=(6,))
    for callback in (
        SampleGrid(tmp_path),
        ReconstructionGrid(tmp_path, np.zeros((1, 6), np.uint8)),
        Manifold(tmp_path),
    ):
        with pytest.raises(
            ValueError, match=r"draws images of shape \(H, W, 1 or 3\); the model's examples have \(6,\)"
        ):
            start(callback, flat)
    with pytest.raises(ValueError, match=r"^`LatentMap` needs a model with an encoder; received `Sequential`\.$"):
        start(LatentMap(tmp_path, IMAGES), keras.Sequential())
    with pytest.raises(ValueError, match=r"^q\(z\|x\) is a point: its rate is infinite"):
        start(LatentRates(tmp_path, IMAGES), full_vae(posterior=tfvae.families.Delta))
    start(LatentMap(tmp_path, IMAGES), full_vae(posterior=tfvae.families.Delta))


BAD_LABELS = [
    (np.zeros((5, 3)), r"^`labels` must be integers or text .+ received shape \(5, 3\) with rows that are not one-hot"),
    (np.float64([0, 1, 0.5, 1, 0]), r"received numbers that are no integers\.$"),
    (np.float64([0, 1, np.nan, 1, 0]), r"received numbers that are no integers\.$"),
    (np.zeros((5, 1, 1), int), r"received shape \(5, 1, 1\) of int64\.$"),
    ([[0], [1, 2], [0], [1], [0]], r"received what is no array \("),
]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SampleGrid("x", every=0), r"^`every` must be at least 1; received 0\.$"),
        (lambda: SampleGrid("x", n=0), r"^`n` must be at least 1; received 0\.$"),
        (lambda: Manifold("x", n=0), r"^`n` must be at least 1; received 0\.$"),
        (
            lambda: Manifold("x", dimensions=(1, 1)),
            r"^`dimensions` must be two different numbers of at least 0; received \(1, 1",
        ),
        (lambda: Manifold("x", dimensions=(0, -1)), "^`dimensions` must be two different numbers"),
        (lambda: Manifold("x", dimensions=(0, 1, 2)), "^`dimensions` must be two different numbers"),
        *((lambda labels=labels: LatentMap("x", IMAGES, labels), message) for labels, message in BAD_LABELS),
        (lambda: LatentMap("x", IMAGES, LABELS[:3]), r"^`labels` must be one for each of the 5 images; received 3\.$"),
        (
            lambda: LatentMap("x", IMAGES, LABELS, ("a", "b")),
            r"^`class_names` must have a name for label 2; received 2 names\.$",
        ),
    ],
)
def test_bad_arguments_are_refused_when_a_callback_is_made(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_epochs_figures_are_curves(tmp_path):
    curves = Curves(tmp_path)
    curves.on_train_begin()
    curves.on_epoch_end(0, {"loss": 3.0})
    curves.on_epoch_end(1, {"loss": 2.0, "val_loss": 2.5})
    curves.on_train_end()
    found = events(tmp_path)
    assert {tag: (float(value), *rest) for tag, (value, *rest) in found.items()} == {
        "loss": (2.0, 1, "scalars"),
        "val_loss": (2.5, 1, "scalars"),
    }
