"""What `load` makes of its first argument, and image sizes."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfvae.datasets import load, mnist, resizing
from tfvae.datasets.splits import Dataset, Split

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 12, 10, 1), np.uint8)


def test_strings_and_paths_are_both_welcome(tmp_path):
    np.save(tmp_path / "some.npy", IMAGES)
    for source in (tmp_path / "some.npy", str(tmp_path / "some.npy")):
        assert load(source).name == "some.npy"


@pytest.mark.parametrize("source", ["no/such/folder", "missing.npz", "missing/", "./mnist"])
def test_paths_that_do_not_exist(source):
    with pytest.raises(FileNotFoundError, match=f"The data must be .*; there is no file or folder '{source}'"):
        load(source)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "images.csv").write_text("1,2\n")
    with pytest.raises(ValueError, match=r"The data must be .*\.npz, \.npy, \.mat; received the file '.*images\.csv'"):
        load(tmp_path / "images.csv")


def test_names_of_tensorflow_datasets_without_their_prefix():
    with pytest.raises(ValueError, match=r"received 'cifar10'\. Did you mean 'tfds:cifar10'\?"):
        load("cifar10")


def test_arguments_that_do_not_fit_the_source(tmp_path):
    np.save(tmp_path / "some.npy", IMAGES)
    with pytest.raises(ValueError, match=r"`test_size` must not be given: MNIST has its own 10,000 test images"):
        load("mnist", test_size=100)
    for source in ("mnist", tmp_path / "some.npy"):
        with pytest.raises(ValueError, match=r"`data_dir` is only for 'tfds:NAME'; received 'there'"):
            load(source, data_dir="there")
    with pytest.raises(ValueError, match=r"`seed` must be at least 0; received -1"):
        load("mnist", seed=-1)


@pytest.mark.parametrize("size", [0, -3, 2.5, "28", (28,), (28, 28, 1), (28, 0), (2.0, 3)])
def test_sizes_that_are_none(size):
    with pytest.raises(ValueError, match=r"`image_size` must be \(height, width\) or one integer"):
        load("mnist", image_size=size)


@pytest.mark.parametrize(("size", "shape"), [(28, (28, 28)), ((28, 20), (28, 20)), (64, (64, 64)), ((5, 3), (5, 3))])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_are_resized_and_keep_channels_and_type(tmp_path, size, shape, channels, dtype):
    images = np.repeat(IMAGES, channels, axis=3)
    np.savez(tmp_path / "some.npz", images=images if dtype == np.uint8 else images / np.float32(255), labels=range(20))
    dataset = load(tmp_path / "some.npz", image_size=size)
    for part in (dataset.train, dataset.test):
        assert part.image_shape == (*shape, channels)
        assert part.images.dtype == dtype
        assert len(part.labels) == len(part)
    assert dataset.train.images.max() <= (255 if dtype == np.uint8 else 1)


@pytest.mark.parametrize("size", [(28, 20), (64, 64), (6, 5), (7, 3), (12, 11)])
def test_resizing_is_linear_and_antialiased(size):
    """Within one level of Pillow's, which does the same in fixed-point numbers."""
    for image in IMAGES[:5]:
        expected = Image.fromarray(image[..., 0]).resize(size[::-1], Image.Resampling.BILINEAR)
        found = resizing.resize(image, size).numpy()[..., 0]
        assert np.abs(found.astype(int) - np.asarray(expected, int)).max() <= 1


def test_large_arrays_are_resized_bit_by_bit(monkeypatch):
    split = Split(IMAGES)
    whole = resizing.resize_split(split, (7, 7)).images
    monkeypatch.setattr(resizing, "_AT_ONCE", 6)
    np.testing.assert_array_equal(resizing.resize_split(split, (7, 7)).images, whole)
    assert resizing.resize_split(split, (12, 10)) is resizing.resize_split(split, None) is split


def test_mnist_in_another_size(monkeypatch):
    few = Split(mnist.load().test.images[:50], mnist.load().test.labels[:50])
    monkeypatch.setattr(mnist, "load", lambda: Dataset("mnist", few, few, tuple("0123456789")))
    dataset = load("mnist", image_size=32)
    assert dataset.train.image_shape == dataset.test.image_shape == (32, 32, 1)
    assert dataset.train.labels.tolist() == few.labels.tolist()
    assert dataset.train.images.mean() == pytest.approx(few.images.mean(), rel=0.02)


def test_importing_and_reading_files_import_neither_tensorflow_nor_what_reads_other_files(tmp_path):
    np.savez(tmp_path / "some.npz", images=IMAGES)
    code = f"""
import sys
import tfvae.datasets
imported = [name for name in ("tensorflow", "tensorflow_datasets", "scipy", "PIL") if name in sys.modules]
tfvae.datasets.load({str(tmp_path / "some.npz")!r}).split_validation(5)
sys.exit(repr(imported) if imported or "tensorflow" in sys.modules else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
