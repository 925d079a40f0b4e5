"""Folders of image files: classes, parts, what is left out, and a sentence for everything that is refused."""

import numpy as np
import pytest
from PIL import Image

from tfvae.datasets import load

GENERATOR = np.random.default_rng(0)


def pixels(*shape):
    return GENERATOR.integers(0, 256, shape, np.uint8)


def save(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path)
    return array


def rows(*parts):
    return sorted(image.tobytes() for part in parts for image in part.images)


@pytest.mark.parametrize("shape", [(28, 20), (32, 32, 3)])
def test_a_folder_of_images_has_no_labels(tmp_path, shape):
    images = [save(tmp_path / f"{number}.png", pixels(*shape)) for number in range(12)]
    dataset = load(tmp_path)
    assert dataset.name == tmp_path.name
    assert (len(dataset.train), len(dataset.test)) == (11, 1)
    assert dataset.train.image_shape == (*shape, 1)[:3]
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.labels is None
    assert dataset.class_names == ()
    assert rows(dataset.train, dataset.test) == sorted(image.tobytes() for image in images)
    assert dataset.test_origin == "held out of the data: with seed 0, 1 of 12 images"


def test_sub_folders_are_classes(tmp_path):
    class_of = {}
    for name, count in (("cat", 5), ("ape", 8), ("dog", 2)):
        for number in range(count):
            below = "more/" if number % 2 else ""
            class_of[save(tmp_path / name / f"{below}{number}.png", pixels(8, 8)).tobytes()] = name
    (tmp_path / "empty").mkdir()
    dataset = load(tmp_path, test_size=4)
    assert dataset.class_names == ("ape", "cat", "dog")
    assert (len(dataset.train), len(dataset.test)) == (11, 4)
    for part in (dataset.train, dataset.test):
        named = [dataset.class_names[label] for label in part.labels]
        assert named == [class_of[image.tobytes()] for image in part.images]


def test_the_same_seed_holds_out_the_same_images(tmp_path):
    for number in range(20):
        save(tmp_path / f"{number}.png", pixels(4, 4))
    first, again, other = (load(tmp_path, test_size=5, seed=seed) for seed in (3, 3, 4))
    assert rows(first.test) == rows(again.test) != rows(other.test)
    assert rows(first.train, first.test) == rows(other.train, other.test)


@pytest.mark.parametrize("classes", [("",), ("a", "b")])
def test_folders_train_and_test_are_the_parts(tmp_path, classes):
    saved = {
        part: [save(tmp_path / part / name / f"{n}.png", pixels(6, 6)) for name in classes for n in range(count)]
        for part, count in (("train", 4), ("test", 3))
    }
    dataset = load(tmp_path)
    for part, images in ((dataset.train, saved["train"]), (dataset.test, saved["test"])):
        np.testing.assert_array_equal(part.images[..., 0], images)
    assert dataset.class_names == tuple(filter(None, classes))
    assert dataset.test_origin == "the folder `test`"
    with pytest.raises(ValueError, match=r"`test_size` must not be given: .* has a folder `test`; received 2"):
        load(tmp_path, test_size=2)


def test_hidden_files_and_other_kinds_are_left_out(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", pixels(4, 4))
    for name in (".hidden.png", "README.md", "labels.csv"):
        (tmp_path / name).write_text("no image")
    (tmp_path / ".cache").mkdir()
    assert len(load(tmp_path).train) == 2


def test_images_of_several_sizes_are_resized(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", np.full((10 + number, 20, 3), 77, np.uint8))
    dataset = load(tmp_path, image_size=(28, 20))
    assert dataset.train.image_shape == (28, 20, 3)
    assert (dataset.train.images == 77).all()


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("L", 1), ("RGB", 3), ("P", 3)])
def test_grey_stays_grey_and_colour_stays_colour(tmp_path, mode, channels):
    for number in range(2):
        save(tmp_path / f"{number}.png", np.full((4, 4, 3), (255, 0, 255)[number], np.uint8), mode)
    dataset = load(tmp_path)
    assert dataset.train.image_shape == (4, 4, channels)
    assert sorted(image.mean() for part in (dataset.train, dataset.test) for image in part.images) == [0, 255]


def test_photographs_are_turned_upright(tmp_path):
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned clockwise by a right angle
    for number in range(2):
        image.save(tmp_path / f"{number}.png", exif=exif)
    np.testing.assert_array_equal(load(tmp_path).train.images[0, ..., 0], np.rot90(np.asarray(image), -1))


def several_sizes(folder):
    save(folder / "a.png", pixels(4, 4))
    save(folder / "b.png", pixels(4, 5))


def grey_and_colour(folder):
    save(folder / "a.png", pixels(4, 4))
    save(folder / "b.png", pixels(4, 4, 3))


def undecodable(folder):
    save(folder / "a.png", pixels(4, 4))
    (folder / "b.jpg").write_bytes(b"no image")


def cut_short(folder):
    save(folder / "a.png", pixels(40, 40))
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:-800])


def opacity(folder):
    save(folder / "a.png", pixels(4, 4, 4))


def opacity_of_a_colour(folder):
    image = Image.fromarray(pixels(4, 4, 3)).convert("P")
    image.save(folder / "a.png", transparency=3)


def sixteen_bits(folder):
    save(folder / "a.png", pixels(4, 4).astype(np.uint16) * 200)


def inks(folder):
    save(folder / "a.jpg", pixels(8, 8, 3), "CMYK")


def images_and_classes(folder):
    save(folder / "a.png", pixels(4, 4))
    save(folder / "cat" / "b.png", pixels(4, 4))


def nothing(folder):
    (folder / "notes.txt").write_text("to do: take pictures")


def other_classes_in_the_test(folder):
    save(folder / "train" / "cat" / "a.png", pixels(4, 4))
    save(folder / "test" / "dog" / "a.png", pixels(4, 4))


def another_size_in_the_test(folder):
    save(folder / "train" / "a.png", pixels(4, 4))
    save(folder / "test" / "a.png", pixels(5, 4))


def one_image(folder):
    save(folder / "a.png", pixels(4, 4))


REFUSED = {
    several_sizes: r"b\.png is \(4, 5, 1\) where a\.png is \(4, 4, 1\); give `image_size`",
    grey_and_colour: r"b\.png is \(4, 4, 3\) where a\.png is \(4, 4, 1\); bring all to grey or all to RGB",
    undecodable: r"b\.jpg is damaged or no image",
    cut_short: r"b\.png is damaged or no image",
    opacity: r"a\.png must be grey or RGB; received mode 'RGBA' with transparency .*put the images on a background",
    opacity_of_a_colour: r"a\.png must be grey or RGB; received mode 'P' with transparency",
    sixteen_bits: r"a\.png must be grey or RGB with 8 bits a channel; received mode 'I;16'",
    inks: r"a\.jpg must be grey or RGB with 8 bits a channel; received mode 'CMYK'",
    images_and_classes: r"must hold either images or sub-folders .*; received both, such as a\.png and cat/b\.png",
    nothing: r"holds no images: no files that end in \.apng, \.bmp, .*\.webp",
    other_classes_in_the_test: r"test must have the classes of .*train, cat; received dog",
    another_size_in_the_test: r"must be of the shape of those in .*train, \(4, 4, 1\); received \(5, 4, 1\)",
    one_image: "`test_size` must leave training and test images",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_folders_that_are_no_dataset_are_refused(tmp_path, make):
    make(tmp_path)
    with pytest.raises((ValueError, OSError), match=REFUSED[make]) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
