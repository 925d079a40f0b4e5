"""A published model through TensorFlow's C API, the loader of TensorFlow Serving, without TensorFlow's Python."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

sys.path.append(str(Path(__file__).parent))
import serving

import tfvae
from tfvae.serving import card
from tfvae.serving.answers import Answers

MODEL = serving.ROOT / "saved_models/mnist-vae-k1"
SIZES = (1, 7, 32)
MANY_SAMPLES = ("log_likelihood", "anomaly_score")  # whose answers take 10 ms a block


@pytest.fixture(scope="module")
def rows():
    images = tfvae.datasets.load("mnist").test.images[:1000]
    z = np.random.default_rng(0).normal(size=(len(images), 50)).astype("float32")
    return serving.inputs_for(card.read(MODEL)["signatures"], images, z)


def first(requests, number):
    return {name: {key: value[:number] for key, value in each.items()} for name, each in requests.items()}


def check_rows(requests):
    """Rows alone equal those in batches of 7 and of 32, bit for bit."""
    found = serving.answers(MODEL / "1", requests, SIZES)
    for name in requests:
        for output, alone in found[1][name].items():
            assert output != "error", alone
            for size in SIZES[1:]:
                np.testing.assert_array_equal(found[size][name][output], alone, err_msg=f"{name} {output} {size}")
    return found


def test_a_row_does_not_depend_on_its_neighbours_bit_for_bit(rows):
    quick = {name: each for name, each in rows.items() if not name.startswith(MANY_SAMPLES)}
    slow = {name: rows[name] for name in MANY_SAMPLES}
    check_rows(first(quick, 200))
    check_rows(first(slow, 40))


@pytest.mark.slow
def test_a_thousand_rows_do_not_depend_on_their_neighbours_bit_for_bit(rows):
    check_rows(rows)


def test_every_signature_says_what_the_python_model_says(rows):
    requests = first(rows, 20)
    found = serving.answers(MODEL / "1", requests)
    assert sorted(found["signatures"]) == sorted([*requests, "serving_default"])
    model = Answers(tfvae.load(MODEL / "model.keras"), card.read(MODEL)["sample_size"], np.zeros(1))
    images, seeds, z = rows["encode_sample"]["image"][:20], rows["sample"]["seed"][:20], rows["decode"]["z"][:20]
    given = {"image": images, "seed": tf.constant(seeds), "z": z}
    for name, answer in found[32].items():
        stem = name.removesuffix("_bytes").removesuffix("_float")
        takes = [key for key in ("image", "seed", "z") if key in rows[stem]]
        expected = getattr(model, stem)(**{key: given[key] for key in takes})
        for output, values in answer.items():
            if output == "image_bytes":
                image = expected.get("image", expected.get("mean"))
                assert np.abs(serving.pixels(values) - 255.0 * np.asarray(image)).max() < 0.51
            elif output != "percentile":  # the card's reference images are not here
                np.testing.assert_allclose(values, expected[output], rtol=2e-5, atol=2e-6, err_msg=f"{name} {output}")


def test_the_same_seed_gives_the_same_answer_and_others_do_not(rows):
    image = np.repeat(rows["encode"]["image"][:1], 3, axis=0)
    seeds = np.array([5, 6, 5])
    asked = {"sample": {"seed": seeds}, "encode_sample": {"image": image, "seed": seeds}}
    found = serving.answers(MODEL / "1", asked)[32]
    for name in asked:
        first, second, third = found[name]["z"]
        np.testing.assert_array_equal(first, third)
        assert not np.any(first == second)


def test_what_is_no_image_is_an_error(rows):
    image = rows["encode"]["image"][:3]
    float_up_to_255 = image.astype("float32")
    not_a_number = np.where(np.arange(3)[:, None, None, None] == 1, np.nan, image / 255).astype("float32")
    png = serving.files(image)
    requests = {
        "encode_float": ({"image": float_up_to_255}, "floats outside \\[0, 1\\]"),
        "reconstruct_float": ({"image": not_a_number}, "not finite"),
        "encode": ({"image": image[..., [0, 0, 0]]}, "must be equal"),
        "encode_sample": ({"image": image, "seed": np.arange(2)}, "same number of rows"),
        "encode_bytes": ({"image_bytes": np.array([png[0], png[1][:60], png[2]])}, "PNG|decod"),
        "reconstruct_bytes": ({"image_bytes": np.array([b"no image"])}, "image file format"),
        "encode_sample_bytes": (
            {"image_bytes": serving.files(np.zeros((1, 8, 8, 1), np.uint8)), "seed": np.zeros(1, np.int64)},
            "must be of images of shape",
        ),
        "decode": ({"z": np.full((2, 50), np.inf, "float32")}, "`z` must be finite"),
    }
    found = serving.answers(MODEL / "1", {name: inputs for name, (inputs, _) in requests.items()})[32]
    for name, (_, message) in requests.items():
        assert list(found[name]) == ["error"], name
        assert re.search(message, str(found[name]["error"])), str(found[name]["error"])


def test_an_empty_batch_has_an_empty_answer(rows):
    found = serving.answers(MODEL / "1", first(rows, 0))[32]
    for name, answer in found.items():
        for output, values in answer.items():
            assert output != "error" and len(values) == 0, (name, output)


def test_colours_and_jpeg_files_are_read_as_grey_levels(rows):
    image = rows["encode"]["image"][:4]
    expected = serving.answers(MODEL / "1", {"encode": {"image": image}})[32]["encode"]["mean"]
    coloured = serving.files(np.repeat(image, 3, axis=3))
    found = serving.answers(MODEL / "1", {"encode_bytes": {"image_bytes": coloured}})[32]["encode_bytes"]["mean"]
    np.testing.assert_array_equal(found, expected)
    jpeg = serving.files(image, "JPEG")
    found = serving.answers(MODEL / "1", {"encode_bytes": {"image_bytes": jpeg}})[32]["encode_bytes"]["mean"]
    assert 0 < np.abs(found - expected).max() < 2
