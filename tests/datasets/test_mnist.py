"""The embedded MNIST is all of MNIST, and damage to it does not go unnoticed."""

import subprocess
import sys

import numpy as np
import pytest

from tfvae.datasets import Split, hold_out, load, mnist


@pytest.fixture(scope="module")
def dataset():
    return load("mnist")


def test_shapes_and_dtypes(dataset):
    for split, size in ((dataset.train, 60_000), (dataset.test, 10_000)):
        assert len(split) == size
        assert split.images.shape == (size, 28, 28, 1)
        assert split.labels.shape == (size,)
        assert split.images.dtype == split.labels.dtype == np.uint8
        assert not split.images.flags.writeable


def test_known_values(dataset):
    assert dataset.name == "mnist"
    assert dataset.class_names == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert dataset.train.images.mean() == pytest.approx(33.318, abs=5e-4)
    assert dataset.train.images.max() == dataset.test.images.max() == 255
    assert dataset.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert dataset.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    # How many there are of each digit.
    assert np.bincount(dataset.train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_images_are_upright_and_centred(dataset):
    ink = dataset.test.images.astype(float).mean(axis=(0, 3))
    rows, columns = np.indices(ink.shape)
    assert np.average(rows, weights=ink) == pytest.approx(14, abs=0.5)
    assert np.average(columns, weights=ink) == pytest.approx(14, abs=0.5)
    ones = dataset.test.images[dataset.test.labels == 1].astype(float).mean(axis=(0, 3))
    assert ones.sum(axis=0).max() > 2 * ones.sum(axis=1).max()  # a one is high, not wide


@pytest.mark.parametrize("position", [0, 1000, 5_000_000, -1])
def test_one_changed_byte_is_noticed(position, tmp_path, monkeypatch):
    damaged = bytearray(mnist.FILE.read_bytes())
    damaged[position] ^= 1
    file = tmp_path / "mnist.xz"
    file.write_bytes(damaged)
    monkeypatch.setattr(mnist, "FILE", file)
    with pytest.raises(OSError, match=r"mnist\.xz is damaged.*install tfvae again"):
        load("mnist")


def test_a_cut_file_is_noticed(tmp_path, monkeypatch):
    file = tmp_path / "mnist.xz"
    file.write_bytes(mnist.FILE.read_bytes()[:100_000])
    monkeypatch.setattr(mnist, "FILE", file)
    with pytest.raises(OSError, match="is damaged"):
        load("mnist")


def test_unknown_names():
    with pytest.raises(ValueError, match=r"received 'minst'\. Did you mean 'mnist'\?"):
        load("minst")
    with pytest.raises(ValueError, match=r"received 'imagenet-22k'\. There is no such file or folder\.$"):
        load("imagenet-22k")


def test_split_validation_is_reproducible_and_loses_nothing(dataset):
    train, validation = dataset.split_validation()
    assert (len(train), len(validation)) == (55_000, 5_000)
    again = dataset.split_validation(size=5000, seed=0)[1]
    np.testing.assert_array_equal(validation.images, again.images)
    assert not np.array_equal(validation.labels, dataset.split_validation(seed=1)[1].labels)


def test_hold_out_divides_into_disjoint_ordered_parts():
    whole = Split(np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1), np.arange(100, dtype=np.uint8))
    rest, held_out = hold_out(whole, 20, seed=3)
    assert sorted([*rest.labels, *held_out.labels]) == list(range(100))
    for part in (rest, held_out):
        assert (np.diff(part.labels.astype(int)) > 0).all()
        np.testing.assert_array_equal(part.images[:, 0, 0, 0], part.labels)


def test_hold_out_stays_the_same_in_later_versions():
    whole = Split(np.zeros((20, 1, 1, 1), np.uint8), np.arange(20, dtype=np.uint8))
    assert hold_out(whole, 5, seed=0)[1].labels.tolist() == [2, 4, 6, 13, 19]


@pytest.mark.parametrize(
    ("size", "bound"), [(-1, "at least 1"), (0, "at least 1"), (20, "at most 19"), (21, "at most 19")]
)
def test_hold_out_leaves_no_part_empty(size, bound):
    whole = Split(np.zeros((20, 1, 1, 1), np.uint8), np.zeros(20, np.uint8))
    with pytest.raises(ValueError, match=f"`size` must be {bound}; received {size}"):
        hold_out(whole, size)


def test_a_split_needs_as_many_labels_as_images():
    with pytest.raises(ValueError, match="received 2 images and 3 labels"):
        Split(np.zeros((2, 1, 1, 1), np.uint8), np.zeros(3, np.uint8))


def test_loading_does_not_import_tensorflow():
    code = "import sys; from tfvae.datasets import load; load('mnist'); sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
