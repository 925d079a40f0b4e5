"""Every exported model in saved_models/ says what its card and the weights beside it say, without tfvae."""

import numpy as np
import pytest
import tensorflow as tf

import served
import tfvae
from tfvae.app.run.data import load_data
from tfvae.app.run.exporting import validation_images
from tfvae.app.run.folder import model_digest
from tfvae.app.settings import Settings
from tfvae.serving import card
from tfvae.serving.answers import Answers
from tfvae.serving.folder import versions
from tiers import first

SAVED = served.ROOT / "saved_models"
EXPORTED = sorted(each.name for each in SAVED.iterdir() if versions(each))
WITH_WEIGHTS = [name for name in EXPORTED if (SAVED / name / "model.keras").exists()]
ROWS = 20


def test_the_models_that_the_documents_name_are_there():
    assert {"mnist-vae-k1", "mnist-vae-2d", "mnist-vae-flow-prior", "mnist-realnvp"} <= set(EXPORTED)


@pytest.mark.parametrize("name", EXPORTED)
def test_a_version_is_small_and_its_card_has_the_command_that_made_it(name):
    folder, about = SAVED / name, card.read(SAVED / name)
    for version in versions(folder):
        assert sum(path.stat().st_size for path in (folder / str(version)).rglob("*") if path.is_file()) < 5e6
    program, verb, source, target, *options = about["command"].split()
    assert (program, verb, target) == ("tfvae", "export", f"saved_models/{name}")
    if source.endswith(".keras"):
        assert (source, options) == (f"saved_models/{name}/model.keras", ["--reference", "mnist"])
        assert about["source_digest"] == model_digest(served.ROOT / source)
    else:
        assert source.startswith("runs/") and not options
    assert about["name"] == name and about["reference_images"] == 1000
    assert set(about["missing"]) == (
        set() if about["latent_shape"] else {"encode", "encode_sample", "decode", "reconstruct"}
    )


def requests(about):
    """The first test images, latents and seeds, for every signature of a card."""
    images = tfvae.datasets.load("mnist").test.images[:ROWS]
    z = np.random.default_rng(0).normal(size=(ROWS, *(about["latent_shape"] or ()))).astype("float32")
    return served.inputs_for(about["signatures"], images, z)


def held_out(split):
    settings = Settings(**split)
    return validation_images(load_data(settings), settings)


@pytest.fixture(scope="module")
def answered():
    """`(card, answers)` of each model, through TensorFlow's C API in a process of its own."""
    kept = {}

    def ask(name):
        if name not in kept:
            about = card.read(SAVED / name)
            cases = {
                "all": (32, requests(about)),
                "validation": (
                    250,
                    {"anomaly_score": {"image": held_out(about["reference_data"])}},
                ),
            }
            kept[name] = about, served.answers(SAVED / name / str(about["version"]), cases)
        return kept[name]

    return ask


@pytest.mark.slow
@pytest.mark.parametrize("name", first(1, EXPORTED))
def test_it_measures_what_its_card_says(name, answered):
    """The images that it tells anomalies from score what the card says, and are as typical as each other."""
    about, found = answered(name)
    assert found["signatures"] == sorted(
        [*about["signatures"], *(["serving_default"] if about["latent_shape"] else [])]
    )
    score, percentile = (found["validation"]["anomaly_score"][each].astype(float) for each in ("score", "percentile"))
    assert score.mean() == pytest.approx(about["reference_score"], rel=1e-4)
    # On another processor a score may come out on the other side of its neighbour's.
    np.testing.assert_allclose(np.sort(percentile), np.arange(1000) / 10, atol=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", first(1, WITH_WEIGHTS))
def test_every_signature_says_what_the_python_model_says(name, answered):
    about, found = answered(name)
    asked = requests(about)
    model = Answers(tfvae.load(SAVED / name / "model.keras"), about["sample_size"], np.zeros(1))
    seed, image = tf.constant(asked["sample"]["seed"]), asked["anomaly_score"]["image"]
    values = asked.get("decode", {}) | {"image": image, "seed": seed}
    assert set(found["all"]) == set(asked)
    for signature, answer in found["all"].items():
        stem = signature.removesuffix("_bytes").removesuffix("_float")
        right = getattr(model, stem)(**{key: values[key] for key in about["signatures"][stem]["inputs"]})
        for output, numbers in answer.items():
            if output == "image_bytes":
                image = np.asarray(right.get("image", right.get("mean")))
                assert np.abs(served.pixels(numbers) - 255.0 * np.clip(image, 0, 1)).max() < 0.51
            elif output != "percentile":  # which the test above measures
                np.testing.assert_allclose(
                    numbers, right[output], rtol=5e-5, atol=5e-6, err_msg=f"{signature} {output}"
                )
