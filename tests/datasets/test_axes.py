"""Axes of arrays: known layouts are read, others are asked about, and `axes` answers."""

import numpy as np
import pytest
import scipy.io

from faults import fault
from tfvae.app.settings import Settings
from tfvae.datasets import load
from tfvae.datasets.axes import with_usual_axes

GENERATOR = np.random.default_rng(0)


def images(number, *shape):
    return GENERATOR.integers(0, 256, (number, *shape), np.uint8)


def save(path, **arrays):
    if path.suffix == ".mat":
        scipy.io.savemat(path, arrays)
    else:
        np.savez(path, **arrays)
    return path


def rows(dataset):
    """All images, as the set of their bytes."""
    return sorted(image.tobytes() for part in (dataset.train, dataset.test) for image in part.images)


def bytes_of(pictures):
    return sorted(image.tobytes() for image in pictures)


READ = {  # the layout, and what it is read as in .npz and in .mat files
    "(1000, 28, 28)": ("NHW", "NHW"),
    "(100, 28, 28)": ("NHW", "NHW"),
    "(30, 6, 4)": ("NHW", None),
    "(200, 28, 20)": ("NHW", None),
    "(1965, 28, 20)": ("NHW", "NHW"),
    "(28, 28, 1000)": (None, "HWN"),
    "(28, 20, 1965)": (None, "HWN"),
    "(28, 28, 100)": (None, None),
    "(28, 28, 28)": ("NHW", None),
    "(32, 32, 3)": (None, None),
    "(100, 32, 3)": (None, None),
    "(3, 32, 32)": (None, None),
    "(50, 28, 28, 1)": ("NHWC", "NHWC"),
    "(50, 32, 32, 3)": ("NHWC", "NHWC"),
    "(50, 3, 32, 32)": ("NCHW", "NCHW"),
    "(50, 1, 28, 28)": ("NCHW", "NCHW"),
    "(32, 32, 3, 50)": ("HWCN", "HWCN"),
    "(28, 28, 1, 5000)": ("HWCN", "HWCN"),
    "(16, 16, 3, 3)": (None, None),
    "(3, 3, 2, 1)": ("NHWC", "NHWC"),
}


@fault("axes")
@pytest.mark.parametrize("matlab", [False, True], ids=[".npz", ".mat"])
@pytest.mark.parametrize("shape", READ)
def test_axes_are_told_from_the_shape_or_asked(shape, matlab):
    expected, array = READ[shape][matlab], np.zeros(eval(shape), bool)
    if expected is None:
        with pytest.raises(ValueError, match=rf"^`images`, of shape \{shape[:-1]}\), may be .*; say which by `axes` '"):
            with_usual_axes(array, None, "`images`", matlab=matlab)
        return
    usual = "NHWC"[: array.ndim]
    found = with_usual_axes(array, None, "`images`", matlab=matlab)
    assert found.shape == tuple(array.shape[expected.index(axis)] for axis in usual)


@fault("axes")
def test_the_question_names_all_answers():
    with pytest.raises(ValueError) as caught:
        with_usual_axes(np.zeros((32, 32, 3)), None, "`images` in one.npy")
    assert str(caught.value) == (
        "`images` in one.npy, of shape (32, 32, 3), may be 32 images of 32 x 3, 3 images of 32 x 32 or 1 image of "
        "32 x 32 x 3; say which by `axes` 'NHW', 'HWN' or 'HWC'."
    )


@fault("axes")
@pytest.mark.parametrize("suffix", [".npz", ".mat"])
@pytest.mark.parametrize("axes", ["NHW", "HWN", "WHN", "NHWC", "NCHW", "HWCN", "CWHN"])
def test_given_axes_are_obeyed(tmp_path, suffix, axes):
    pictures = images(20, 9, 7, 3) if "C" in axes else images(20, 9, 7)
    stored = np.transpose(pictures, ["NHWC".index(axis) for axis in axes])
    dataset = load(save(tmp_path / f"data{suffix}", images=stored, test_images=stored), axes=axes)
    assert bytes_of(dataset.train.images) == bytes_of(pictures)
    assert bytes_of(dataset.test.images) == bytes_of(pictures)


@fault("axes")
def test_the_number_of_labels_tells_the_axes(tmp_path):
    pictures = images(200, 28, 20)
    for name, stored in (("first", pictures), ("last", np.moveaxis(pictures, 0, 2))):
        path = save(tmp_path / f"{name}.mat", images=stored, labels=np.arange(200) % 3)
        assert rows(load(path)) == bytes_of(pictures)


@fault("axes")
def test_svhn_is_read_as_it_comes(tmp_path):
    """Cropped digits: X [32, 32, 3, N], y [N, 1] with 10 for the digit 0."""
    pictures, digits = images(50, 32, 32, 3), np.arange(50) % 10
    path = tmp_path / "train_32x32.mat"
    scipy.io.savemat(path, {"X": np.moveaxis(pictures, 0, 3), "y": np.where(digits == 0, 10, digits)[:, None]})
    dataset = load(path)
    assert rows(dataset) == bytes_of(pictures)
    label_of = {image.tobytes(): digit for image, digit in zip(pictures, digits, strict=True)}
    assert [label_of[image.tobytes()] for image in dataset.train.images] == dataset.train.labels.tolist()
    assert dataset.class_names == tuple("0123456789")


@fault("axes")
@pytest.mark.parametrize("labels", ["labels", "fine_labels"])
def test_cifar_for_matlab_is_read_as_it_comes(tmp_path, labels):
    """`data` [N, 3072], red before green before blue."""
    pictures = images(40, 32, 32, 3)
    flat = np.moveaxis(pictures, 3, 1).reshape(40, -1)
    arrays = {"data": flat, labels: np.arange(40)[:, None] % 10, "batch_label": "training batch 1 of 5"}
    dataset = load(save(tmp_path / "data_batch_1.mat", **arrays))
    assert rows(dataset) == bytes_of(pictures)
    assert dataset.class_names == tuple("0123456789")


@fault("axes")
@pytest.mark.parametrize("axes", ["NH", "NHX", "NHWW", "HWCC", "xyz", 3, "HWCNN", "nhw"])
def test_axes_that_are_none(axes):
    for refuse in (lambda: load("data.npy", axes=axes), lambda: Settings(axes=axes)):
        with pytest.raises(
            ValueError, match=r"^`axes` must be (letters of axes, H and W, N for the image and C for|text; received 3)"
        ):
            refuse()


@fault("axes")
def test_axes_that_do_not_fit(tmp_path):
    path = save(tmp_path / "data.npz", images=images(20, 9, 7))
    with pytest.raises(ValueError, match=r"one letter for each axis of `images` in data.npz, of shape \(20, 9, 7\)"):
        load(path, axes="NHWC")
    with pytest.raises(ValueError, match=r"^`axes` is only for files \.npz, \.npy, \.mat; received 'NHW' with 'mnist'"):
        load("mnist", axes="NHW")
