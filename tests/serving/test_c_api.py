"""A published model through TensorFlow's C API, the loader of TensorFlow Serving, without TensorFlow's Python."""

import re

import numpy as np
import pytest

import served
import tfvae
from tfvae.serving import card

pytestmark = pytest.mark.slow  # a process that answers everything

MODEL = served.ROOT / "saved_models/mnist-vae-k1"
SIZES = (1, 7, 32)
MANY_SAMPLES = ("log_likelihood", "anomaly_score")  # whose answers take 10 ms for a block of rows


def first(requests, number):
    return {name: {key: value[:number] for key, value in each.items()} for name, each in requests.items()}


def in_sizes(requests):
    return {f"rows by {size}": (size, requests) for size in SIZES}


@pytest.fixture(scope="module")
def rows():
    images = tfvae.datasets.load("mnist").test.images[:1000]
    z = np.random.default_rng(0).normal(size=(len(images), 50)).astype("float32")
    return served.inputs_for(card.read(MODEL)["signatures"], images, z)


def bad(rows):
    """Requests that have to be refused, and what is said."""
    image = rows["encode"]["image"][:3]
    png = served.files(image)
    other_size = served.files(np.zeros((1, 8, 8, 1), np.uint8))
    is_second = np.arange(3)[:, None, None, None] == 1
    return {
        "up to 255": ("encode_float", {"image": np.float32(image)}, r"floats outside \[0, 1\]"),
        "NaN": ("encode_float", {"image": np.float32(np.where(is_second, np.nan, image / 255))}, "not finite"),
        "channels": (
            "encode",
            {"image": image[..., [0, 0, 0]]},
            r"\[3,28,28,3\] is not compatible with expected shape \[\?,28,28,1\]",
        ),
        "rows": ("encode_sample", {"image": image, "seed": np.arange(2)}, "same number of rows"),
        "damaged": ("encode_bytes", {"image_bytes": np.array([png[0], png[1][:60], png[2]])}, "PNG"),
        "no image": ("reconstruct_bytes", {"image_bytes": np.array([b"no image"])}, "must be PNG or JPEG files"),
        "nothing": ("reconstruct_bytes", {"image_bytes": np.array([b""])}, "must be PNG or JPEG files"),
        # A header alone: had it been decoded, the message would be that of a damaged file.
        "a claim": ("encode_bytes", {"image_bytes": np.array([png[0][:16] + b"\0\0\x4e\x20" * 2])}, "images of shape"),
        "other size": ("encode_bytes", {"image_bytes": other_size}, "must be of images of shape"),
        "latents": ("decode", {"z": np.full((2, 50), np.inf, "float32")}, "`z` must be finite"),
    }


@pytest.fixture(scope="module")
def found(rows):
    """All answers that the fast tests need, from one process: the first request of a signature takes half a second."""
    quick = {name: each for name, each in rows.items() if not name.startswith(MANY_SAMPLES)}
    image, seeds = rows["encode"]["image"], np.array([5, 6, 5])
    files = served.files(image[:4], "JPEG"), served.files(np.repeat(image[:4], 3, axis=3))
    cases = {
        "all": (32, first(rows, 20)),
        **{f"many, {name}": case for name, case in in_sizes(first({m: rows[m] for m in MANY_SAMPLES}, 33)).items()},
        **in_sizes(first(quick, 100)),
        "none": (1, first(rows, 0)),
        "seeds": (3, {"sample": {"seed": seeds}, "encode_sample": {"image": image[[0, 0, 0]], "seed": seeds}}),
        "JPEG": (4, {"encode_bytes": {"image_bytes": files[0]}}),
        "colours": (4, {"encode_bytes": {"image_bytes": files[1]}}),
        **{name: (3, {signature: inputs}) for name, (signature, inputs, _) in bad(rows).items()},
    }
    return served.answers(MODEL / "1", cases)


def check_rows(found, prefix=""):
    """Rows alone equal those in larger batches, bit for bit."""
    alone, *batched = (found[f"{prefix}rows by {size}"] for size in SIZES)
    for name, answer in alone.items():
        for output, values in answer.items():
            assert output != "error", values
            for others in batched:
                np.testing.assert_array_equal(others[name][output], values, err_msg=f"{name} {output}")


def test_a_row_does_not_depend_on_its_neighbours_bit_for_bit(found):
    check_rows(found)
    check_rows(found, "many, ")


@pytest.mark.long
@pytest.mark.slow
def test_a_thousand_rows_do_not_depend_on_their_neighbours_bit_for_bit(rows):
    check_rows(served.answers(MODEL / "1", in_sizes(rows)))


def test_the_same_seed_gives_the_same_answer_and_others_do_not(found):
    for answer in found["seeds"].values():
        one, other, same = answer["z"]
        np.testing.assert_array_equal(one, same)
        assert not np.any(one == other)


def test_what_is_no_image_is_an_error(rows, found):
    for name, (signature, _, message) in bad(rows).items():
        answer = found[name][signature]
        assert list(answer) == ["error"], name
        assert re.search(message, str(answer["error"])), str(answer["error"])


def test_an_empty_batch_has_an_empty_answer(rows, found):
    for name in rows:
        for output, values in found["none"][name].items():
            assert output != "error" and len(values) == 0, (name, output)


def test_colours_and_jpeg_files_are_read_as_grey_levels(found):
    expected = found["all"]["encode"]["mean"][:4]
    np.testing.assert_array_equal(found["colours"]["encode_bytes"]["mean"], expected)
    assert 0 < np.abs(found["JPEG"]["encode_bytes"]["mean"] - expected).max() < 2
