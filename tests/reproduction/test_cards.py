"""Published weights: small, without an optimiser, and giving again what their card says."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

import tfvae
from places import ROOT
from reproduction import cards
from tfvae import datasets, evaluation
from tfvae.app import run
from tfvae.app.run import evaluation as run_evaluation
from tfvae.app.settings import Settings
from tiers import long, only

SAVED = ROOT / "saved_models"
IN_CI = ("mnist-vae-k1", "mnist-iwae-two-layers", "mnist-realnvp")
SETTINGS = Settings(
    model="vae(likelihood=bernoulli, network=mlp(200), latent_size=2)", batch_size=20, epochs=1, learning_rate=0.01,
    averaging=0.5, validation_size=10, test_size=30, xla=False, steps_per_execution=1,
)  # fmt: skip


def examples(folder):
    """The raw images that a card is about."""
    of_card = json.loads((folder / cards.CARD).read_text())["examples"]
    return datasets.load(of_card["data"]).test.first(of_card["number"]).images


def models(folder):
    """The folders in it that hold more than versions for TensorFlow Serving."""
    folders = (each for each in folder.glob("*") if each.is_dir())
    return sorted(each for each in folders if any(not path.name.isdecimal() for path in each.iterdir()))


def incomplete(folder):
    """What is missing from folders of published models."""
    wanted = [each / name for each in models(folder) for name in (cards.MODEL, cards.CARD)]
    return [str(path.relative_to(folder)) for path in wanted if not path.is_file()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An evaluated run that started from the weights of another one, and its raw test images."""
    folder = tmp_path_factory.mktemp("run")
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 6), np.uint8)
    np.savez(folder / "images.npz", images=images)
    settings = dataclasses.replace(SETTINGS, data=str(folder / "images.npz"))
    run.train(settings, folder / "first", verbose=0)
    run.train(dataclasses.replace(settings, weights=str(folder / "first")), folder / "run", verbose=0)
    run_evaluation.evaluate(folder / "run", 30)
    return folder / "run", run.load_data(settings).test.images


@pytest.fixture(scope="module")
def published(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "new" / "name"
    cards.publish(trained[0], folder)
    return folder


@pytest.mark.slow
def test_published_weights_have_no_optimiser(trained, published):
    """Adam has two numbers for each weight, and averaging a third."""
    assert [path.name for path in sorted(published.iterdir())] == [cards.CARD, cards.MODEL]
    sizes = [path.stat().st_size for path in (published / cards.MODEL, trained[0] / run.MODEL)]
    assert sizes[0] < sizes[1] / 2
    model, original = tfvae.load(published / cards.MODEL), run.model_of(trained[0])
    assert not model.compiled
    assert model.objective.get_config() == original.objective.get_config()
    for mine, theirs in zip(model.parts, original.parts, strict=True):
        for weight, of_original in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, of_original)


@pytest.mark.slow
def test_the_card_says_what_was_measured(trained, published):
    card = json.loads((published / cards.CARD).read_text())
    report, _ = run_evaluation.read(trained[0])
    for name in ("data", "likelihood", "reliability", "versions"):
        assert card[name] == report[name]
    model, images = run.model_of(trained[0]), trained[1]
    of_card = card["examples"]
    assert (of_card["number"], of_card["sample_size"]) == (30, 100)  # there are no 500
    assert of_card["digest"] == evaluation.fix(images, model.preprocess).digest
    np.testing.assert_allclose(of_card["bound"], evaluation.log_likelihood(model, images, 100), atol=2e-4, rtol=0)
    assert card["settings"]["model"]["vae"]["network"] == {"mlp": {"units": [200], "activation": "gelu"}}
    assert not {"weights", "data_dir"} & set(card["settings"])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mixture", long("realnvp")])
def test_an_exact_density_has_a_card_too(tmp_path, model):
    np.savez(tmp_path / "images.npz", images=np.random.default_rng(0).integers(0, 256, (100, 8, 6), np.uint8))
    settings = Settings(
        model=model, data=str(tmp_path / "images.npz"), batch_size=20, epochs=1, validation_size=10, test_size=30,
        xla=False, steps_per_execution=1,
    )  # fmt: skip
    run.train(settings, tmp_path / "run", verbose=0)
    run_evaluation.evaluate(tmp_path / "run", 30)
    card = cards.publish(tmp_path / "run", tmp_path / "published")
    assert card["likelihood"]["exact"] and "reliability" not in card
    images = run.load_data(settings).test.images
    assert np.abs(cards.differences(tmp_path / "published", images)).max() < 2e-3
    assert not tfvae.load(tmp_path / "published/model.keras").compiled


@pytest.mark.slow
def test_published_weights_give_again_what_the_card_says(trained, published):
    differences = cards.differences(published, trained[1])
    assert differences.shape == (30,)
    assert np.abs(differences).max() < 2e-4


@pytest.mark.slow
def test_a_changed_weight_is_noticed(trained, published, tmp_path):
    folder = shutil.copytree(published, tmp_path / "changed")
    model = tfvae.load(folder / cards.MODEL)
    bias = model.decoder.trainable_variables[-1]
    change = np.zeros(bias.shape)
    change.flat[0] = 0.05
    bias.assign_add(change)
    model.save(folder / cards.MODEL)
    assert np.abs(cards.differences(folder, trained[1])).max() > 2e-3


@pytest.mark.slow
def test_published_again_only_other_weights_are_written(trained, published, tmp_path):
    folder = shutil.copytree(published, tmp_path / "again")
    model = tfvae.load(folder / cards.MODEL)
    bias = model.decoder.trainable_variables[-1]
    for changes in (False, True):
        if changes:
            bias.assign_add(np.ones(bias.shape))
            model.save(folder / cards.MODEL)
        before = (folder / cards.MODEL).read_bytes()
        cards.publish(trained[0], folder)
        assert ((folder / cards.MODEL).read_bytes() != before) == changes
        assert np.abs(cards.differences(folder, trained[1])).max() < 2e-4


@pytest.mark.slow
def test_other_images_are_refused(trained, published):
    digits = "[0-9a-f]{12}"
    for images in (trained[1][::-1], trained[1][:-1]):
        with pytest.raises(ValueError, match=rf"^The card is about the array {digits}; these images make {digits}\.$"):
            cards.differences(published, images)


@pytest.mark.slow
def test_a_run_that_was_not_measured_has_no_card(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no evaluation/report\.json; run `tfvae evaluate"):
        cards.publish(trained[0].with_name("first"), tmp_path / "new")
    with pytest.raises(FileNotFoundError, match="is no run folder"):
        cards.publish(tmp_path / "nowhere", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_a_folder_without_a_card_or_a_model_is_noticed(published, tmp_path):
    shutil.copytree(published, tmp_path / "whole")
    assert incomplete(tmp_path) == []
    for name in (cards.CARD, cards.MODEL):
        shutil.copytree(published, tmp_path / "half", ignore=shutil.ignore_patterns(name))
        assert incomplete(tmp_path) == [f"half/{name}"]
        shutil.rmtree(tmp_path / "half")


def test_the_models_in_saved_models_are_complete():
    assert incomplete(SAVED) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", only(IN_CI, [folder.name for folder in models(SAVED)]))
def test_the_models_in_saved_models_give_again_what_their_cards_say(name):
    """Within what the order of a sum in float32 changes from one machine to another."""
    assert np.abs(cards.differences(SAVED / name, examples(SAVED / name))).max() < 2e-3
