"""Models of a stranger that can do less than ours, or something else: what they lack is said in one sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from command_lines import command
from strangers import Bare, Coins, Conditional, OwnVAE, own_vae
from tfvae import callbacks, evaluation

SHAPE = (8, 8, 1)
NO_LABELS = "`Conditional.trace_of` needs labels, `y`, which are not given here."
LATENTS = (
    "latents with a q(z|x): it does not define `groups`, `moments`, `draw_codes`, `draw_latents`, `likelihood` or "
    "`latent_shape`."
)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (60, *SHAPE), np.uint8)


@pytest.fixture(scope="module")
def data(images, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "levels.npy"
    np.save(path, images[..., 0])
    return path


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "bare"
    settings = ("--data", data, "--epochs", 1, "--batch-size", 10, "--validation-size", 10, "--no-xla")
    assert command("train", "strangers:bare", *settings, "--out", folder) == 0
    return folder


@pytest.mark.slow
def test_a_bare_model_is_trained_measured_compared_and_exported(run, tmp_path, capfd):
    assert command("evaluate", run, "--sample-size", 2) == 0
    shown = capfd.readouterr().out
    assert "samples: The model `Bare` has no samples: it does not define `sample`." in " ".join(shown.split())
    assert command("compare", run, run) in (0, 1)
    assert command("export", run, tmp_path / "served") == 0
    capfd.readouterr()
    assert command("card", tmp_path / "served") == 0
    assert "no encode: The model `Bare` has no codes: it does not define `codes`." in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sample"], "The model `Bare` has no samples: it does not define `sample`."),
        (["reconstruct"], "The model `Bare` has no reconstructions: it does not define `views` or `call`."),
        (["traverse"], f"The model `Bare` has no {LATENTS}"),
        (["interpolate", "--n", "1"], "Ways between images are drawn of flows; this model is a `Bare`."),
    ],
)
def test_a_picture_that_a_bare_model_lacks(arguments, sentence, run, tmp_path, capfd):
    name, *more = arguments
    assert command(name, run, *more, "--out", tmp_path / "picture.png") == 1
    assert capfd.readouterr().err.strip().splitlines()[-1] == f"Error: {sentence}"


def test_codes_that_a_bare_model_lacks(run, data, tmp_path, capfd):
    assert command("encode", run, data, "--out", tmp_path / "codes.npz") == 1
    assert capfd.readouterr().err.strip().splitlines()[-1] == (
        "Error: The model `Bare` has no codes: it does not define `codes`."
    )


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--start-at-mean"], "`start_at_mean` is not for this model: `Bare` has no decoder."),
        (["--weights", "RUN"], "`weights` are of models that list their `parts`; `Bare` does not."),
    ],
)
def test_settings_that_a_bare_model_cannot_follow(option, sentence, run, data, tmp_path, capfd):
    option = [str(run) if each == "RUN" else each for each in option]
    assert (
        command("train", "strangers:bare", "--data", data, "--batch-size", 10, *option, "--out", tmp_path / "run") == 1
    )
    assert capfd.readouterr().err.strip().splitlines()[-1] == f"Error: {sentence}"


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ("conditional", NO_LABELS),
        ("plain", "must return a model of tfvae, such as `tfvae.VAE`; it returned a `Sequential`."),
        ("nothing", "must return a model of tfvae, such as `tfvae.VAE`; it returned None."),
    ],
)
def test_recipes_of_something_else(recipe, sentence, data, tmp_path, capfd):
    settings = ("--data", data, "--epochs", 1, "--batch-size", 10, "--no-xla")
    assert command("train", f"strangers:{recipe}", *settings, "--out", tmp_path / "run") == 1
    assert capfd.readouterr().err.strip().splitlines()[-1].endswith(sentence)


def test_a_conditional_model_learns_with_labels_and_is_saved(images, tmp_path):
    model, labels = Conditional(SHAPE), np.arange(60) % 3
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = model.fit(images, labels, batch_size=20, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model.keras")
    again = tfvae.load(tmp_path / "model.keras")
    assert again.evaluate(images, labels, verbose=0) == model.evaluate(images, labels, verbose=0)


@pytest.mark.parametrize(
    "use",
    [
        lambda model, images: model.fit(images, batch_size=20, verbose=0),
        lambda model, images: model.evaluate(images, verbose=0),
        lambda model, images: model.log_likelihood(images, sample_size=2),
        lambda model, images: evaluation.assess(model, *[evaluation.Examples(images, None)] * 2, sample_size=2),
    ],
)
def test_a_conditional_model_says_that_it_needs_labels(use, images):
    model = Conditional(SHAPE)
    model.compile("adam", jit_compile=False)
    with pytest.raises(NotImplementedError) as caught:
        use(model, images)
    assert str(caught.value) == NO_LABELS


def test_nothing_to_export_is_said(images, tmp_path):
    with pytest.raises(ValueError, match=r"^The model has no answers to export\. .*needs labels") as caught:
        tfvae.export(Conditional(SHAPE), tmp_path / "served", images)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda model, x: model.predict(x, verbose=0), "predictions: it does not define `call`."),
        (lambda model, x: model.sample(2), "samples: it does not define `sample`."),
        (lambda model, x: model.codes(x), "codes: it does not define `codes`."),
        (lambda model, x: model.views(x), "reconstructions: it does not define `views` or `call`."),
        (lambda model, x: model.moments(x), LATENTS),
        (lambda model, x: model.draw_codes(x, tfvae.Noise(0)), LATENTS),
        (lambda model, x: model.draw_latents(tfvae.Noise(0), 2), LATENTS),
        (
            lambda model, x: model.interpolate(x, x),
            "ways between images, which are of flows: it does not define `interpolate`.",
        ),
        (lambda model, x: evaluation.encode(model, x), "codes: it does not define `codes`."),
        (lambda model, x: evaluation.latent_statistics(model, x), LATENTS),
        (lambda model, x: evaluation.aggregate_posterior(model, x), LATENTS),
        (lambda model, x: evaluation.naive_estimate(model, x, 2), LATENTS),
    ],
)
def test_an_ability_that_a_bare_model_lacks(use, sentence, images):
    with pytest.raises((NotImplementedError, ValueError)) as caught:
        use(Bare(SHAPE), images[:2])
    assert str(caught.value) == f"The model `Bare` has no {sentence}"


@pytest.mark.parametrize(
    "make",
    [
        callbacks.SampleGrid,
        callbacks.LevelSamples,
        lambda folder: callbacks.ReconstructionGrid(folder, np.zeros((2, *SHAPE), np.uint8)),
        lambda folder: callbacks.InterpolationGrid(folder, np.zeros((2, *SHAPE), np.uint8)),
        lambda folder: callbacks.Manifold(folder, np.zeros((2, *SHAPE), np.uint8)),
        lambda folder: callbacks.LatentMap(folder, np.zeros((2, *SHAPE), np.uint8)),
        lambda folder: callbacks.LatentRates(folder, np.zeros((2, *SHAPE), np.uint8)),
        lambda folder: callbacks.Traversals(folder, np.zeros((2, *SHAPE), np.uint8)),
    ],
)
def test_a_picture_is_refused_before_training(make, tmp_path):
    picture = make(tmp_path)
    picture.set_model(Bare(SHAPE))
    with pytest.raises(ValueError, match=r"`Bare`.*\.$"):
        picture.check()


def test_what_calling_gives_is_predicted_if_it_is_no_distribution(images):
    class Shown(Bare):
        def call(self, raw, training=None):
            return tf.cast(raw, tf.float32) / 255

    np.testing.assert_allclose(Shown(SHAPE).predict(images, verbose=0), images / 255, rtol=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_a_model_with_latents_by_other_names_is_drawn_measured_and_exported(data, tmp_path, capfd):
    run = tmp_path / "run"
    settings = ("--data", data, "--epochs", 1, "--batch-size", 10, "--validation-size", 10, "--no-xla")
    assert command("train", "strangers:own_vae", *settings, "--out", run) == 0
    drawn = {"latent_map", "latent_rates", "manifold"}
    assert {path.name for path in run.iterdir() if path.is_dir()} == {"checkpoints", *drawn}
    assert command("evaluate", run, "--sample-size", 2) == 0
    assert "aggregate posterior: The aggregate posterior takes an `encoder`; `OwnVAE` has none." in " ".join(
        capfd.readouterr().out.split()
    )
    assert command("traverse", run) == 0
    assert command("encode", run, data, "--out", tmp_path / "codes.npz") == 0
    assert command("export", run, tmp_path / "served") == 0
    capfd.readouterr()
    for name, missing in (
        ("sample", "samples: it does not define `sample`"),
        ("reconstruct", "reconstructions: it does not define `views` or `call`"),
    ):
        assert command(name, run) == 1
        assert capfd.readouterr().err.strip().splitlines()[-1] == f"Error: The model `OwnVAE` has no {missing}."


def test_a_model_that_cannot_be_given_latents_is_measured_without_the_simulated_bracket(images):
    class Sampling(OwnVAE):
        def sample(self, n, seed=0, mean=False):
            noise = tfvae.Noise(seed)
            z = self.draw_latents(noise, n)
            return z, self.decoder.family.draw(self.decoder(z), noise, "likelihood")

    parts = own_vae(SHAPE)
    model = Sampling(parts.recogniser, parts.decoder, parts.prior, parts.preprocess, parts.objective)
    found = evaluation.assess(model, *[evaluation.Examples(images, None)] * 2, sample_size=2)
    assert found.report["missing"]["simulated bracket"] == (
        "The simulated bracket takes a `trace_of` that can be given latents, `z`; `Sampling` has none."
    )
    assert "simulated" not in found.report


def test_parts_of_a_stranger_are_saved_with_its_model(images, tmp_path):
    family, objective = tfvae.families.Bernoulli(SHAPE), tfvae.ELBO()
    model = Coins(tfvae.networks.mlp((3,)), family, tfvae.preprocessing.Binarize(), objective, size=(3, 4), seed=2)
    model.compile("adam", jit_compile=False)
    model.fit(images, batch_size=20, verbose=0)
    model.save(tmp_path / "model.keras")
    again = tfvae.load(tmp_path / "model.keras")
    assert (again.size, again.seed, again.steps) == ([3, 4], 2, 3)
    assert again.evaluate(images, verbose=0) == model.evaluate(images, verbose=0)


def test_exact_likelihood_of_a_bare_model(images):
    np.testing.assert_allclose(Bare(SHAPE).log_likelihood(images, sample_size=2), -64 * np.log(2), rtol=1e-6)
