"""Image files in an exported model: the pixels that folders read, or an error; no file that folders refuse is taken."""

import struct
import time

import make_zoo
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import hostile
import served
import tfvae
import tiny
from faults import fault
from tfvae.datasets import image_files
from tfvae.serving import image_files as graph

ANIMALS = {animal.name: animal for animal in make_zoo.zoo()}
GREY, COLOURS = (*make_zoo.GREY.shape, 1), make_zoo.COLOURS.shape


@pytest.fixture(scope="module")
def readers():
    """What an exported model reads files by, for both shapes."""
    spec = [tf.TensorSpec([None], tf.string)]

    def reader(shape):
        return tf.function(lambda files: graph.read_files(files, shape), spec, autograph=False)

    return {shape: reader(shape) for shape in (GREY, COLOURS)}


@fault("served-files")
@pytest.mark.parametrize("name", ANIMALS)
def test_a_served_file_shows_the_pixels_that_training_saw_or_is_refused(name, readers):
    path = make_zoo.ZOO / name
    for shape, reader in readers.items():
        picture = None
        if ANIMALS[name].read_by == make_zoo.BOTH:
            (picture,), _ = image_files.read(path)
        if picture is not None and picture.shape == shape:
            np.testing.assert_array_equal(reader([path.read_bytes()])[0], picture)
        else:
            with pytest.raises(tf.errors.InvalidArgumentError):
                reader([path.read_bytes()])


REASONS = {
    "rgb-8.png": (GREY, "must be grey files with 8 bits a channel"),
    "rgb-444.jpg": (GREY, "must be grey files with 8 bits a channel"),
    "grey-8.png": (COLOURS, "must be RGB files with 8 bits a channel"),
    "grey-16.png": (GREY, "must be grey files with 8 bits a channel"),
    "rgb-alpha.png": (COLOURS, "must be RGB files with 8 bits a channel"),
    "inks.jpg": (COLOURS, "must be RGB files with 8 bits a channel"),
    "transparent-palette.png": (COLOURS, "must be files without transparency"),
    "two-frames.apng": (COLOURS, "must be files of one picture"),
    "turned-by-profile.png": (GREY, "must be files whose orientation stands in EXIF or in plain XMP"),
    "grey.bmp": (GREY, "must be PNG or JPEG files"),
}


@fault("served-files")
@pytest.mark.parametrize("name", REASONS)
def test_a_refusal_says_why(name, readers):
    shape, reason = REASONS[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
        readers[shape]([ANIMALS[name].content])


@pytest.mark.slow
@fault("served-files")
def test_the_exported_model_encodes_a_photograph_as_it_was_trained_on(tmp_path):
    """Through the loader of TensorFlow Serving: files that lie on a side, beside the same images given as levels."""
    model = tiny.compiled(tiny.vae())
    image, path = tiny.images(1)[0], tmp_path / "photograph.jpg"
    files, pixels = [], []
    for orientation in range(1, 9):
        (file,) = served.files([make_zoo.lying(image, orientation)], "JPEG")
        exif = b"Exif\0\0" + make_zoo.directory(orientation)
        files.append(make_zoo.with_segments(file, exif))
        path.write_bytes(files[-1])
        pixels += image_files.read(path)[0]
        assert np.abs(pixels[-1].astype(int) - image).mean() < 12
    cases = {
        "files": (8, {"encode_bytes": {"image_bytes": np.array(files)}}),
        "levels": (8, {"encode": {"image": pixels}}),
    }
    found = served.answers(tfvae.export(model, tmp_path / "tiny"), cases)
    np.testing.assert_array_equal(found["files"]["encode_bytes"]["mean"], found["levels"]["encode"]["mean"])


entries = st.tuples(
    st.sampled_from([0x0112, 0x0112, 0x0111, 0x011A]),
    st.one_of(st.integers(0, 14), st.integers(0, 2**16 - 1)),
    st.sampled_from([1, 1, 1, 0, 2, 2**32 - 1]),
    st.one_of(st.binary(min_size=4, max_size=4), st.integers(0, 9).map(lambda n: bytes([n, 0, 0, 0]))),
)


@st.composite
def directories(draw):
    """EXIF as it should not be: any numbers in a directory, cut off anywhere, or garbage."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0II*\0"])) + draw(st.binary(max_size=40))
    order = draw(st.sampled_from("<>"))
    rows = b"".join(struct.pack(f"{order}HHL", *each[:3]) + each[3] for each in draw(st.lists(entries, max_size=4)))
    start, count = draw(st.sampled_from([8, 8, 8, 9, 2**32 - 1])), draw(st.sampled_from([0, 1, 2, 4, 4, 65535]))
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}LH", start, count)
    whole = draw(st.sampled_from([b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"])) + head + rows
    return whole[: draw(st.integers(0, len(whole) + 40))]


texts = st.one_of(
    st.just(b""),
    st.tuples(st.binary(max_size=6), st.sampled_from([b'="', b">", b"='"]), st.sampled_from(b"012689x")).map(
        lambda each: each[0] + b"tiff:Orientation" + each[1] + bytes([each[2]]) + b'"\xfftiff:Orientation>3'
    ),
)
in_graph = tf.function(graph._orientation, [tf.TensorSpec([], tf.string)] * 2, autograph=False)


@fault("served-files")
@settings(max_examples=300)
@given(directories(), texts)
def test_the_graph_finds_the_same_orientation_in_any_bytes(exif, xmp):
    assert int(in_graph(exif, xmp)) == image_files.orientation(exif, xmp)


@fault("served-files")
def test_files_of_damaged_bytes_never_show_other_pixels(readers, tmp_path):
    """Either side may refuse what the other still decodes."""
    generator, path = np.random.default_rng(0), tmp_path / "damaged"
    both = 0
    for name in ("rgb-420.jpg", "turned-6.jpg", "turned-6.png", "palette-4.png"):
        for _ in range(60):
            content = bytearray(ANIMALS[name].content)
            content[generator.integers(len(content))] ^= 1 << generator.integers(8)
            path.write_bytes(content)
            try:
                (seen,), _ = image_files.read(path)
                found = readers[COLOURS]([bytes(content)])[0]
            except (OSError, ValueError, tf.errors.InvalidArgumentError):
                continue
            np.testing.assert_array_equal(found, seen)
            both += 1
    assert both > 20


HEAD = b"\x89PNG\r\n\x1a\n" + struct.pack(">L4s2L5B", 13, b"IHDR", 14, 10, 8, 0, 0, 0, 0)
HUGE = {
    "chunks": b"\x89PNG\r\n\x1a\n"
    + struct.pack(">L4s2L5B", 13, b"IHDR", 14, 10, 8, 0, 0, 0, 0)
    + bytes(4 + 12 * 100_000),
    "markers": make_zoo.saved(make_zoo.GREY, "JPEG").replace(b"\xff\xd8", b"\xff\xd8" + b"\xff" * 1_000_000, 1),
    "a claim": hostile.png(9000),
    "a larger one": hostile.jpeg(65_000),
    "a length": HEAD + b"\xff" * 16,
}


@fault("huge")
@pytest.mark.parametrize("name", HUGE)
def test_a_file_without_an_end_or_of_a_huge_size_is_refused_within_a_second(name, readers):
    readers[GREY]([ANIMALS["grey-8.png"].content])  # traced
    before = time.monotonic()
    with pytest.raises(tf.errors.InvalidArgumentError):
        readers[GREY]([HUGE[name]])
    assert time.monotonic() - before < 1
