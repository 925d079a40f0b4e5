"""Datasets from one file: .npz, .npy and MATLAB's .mat."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfvae.datasets.array_files import ArrayFile
from tfvae.datasets.arrays import as_images, as_labels, numbered
from tfvae.datasets.resizing import resize_split
from tfvae.datasets.splits import Dataset, Split, hold_out_test

SUFFIXES = (".npz", ".npy", ".mat")


class _Names(NamedTuple):
    """Attributes: the names of the arrays."""

    images: str
    labels: str
    test_images: str = "test_images"
    test_labels: str = "test_labels"


_USUAL = _Names("images", "labels")
# Keras' own mnist.npz, MedMNIST, SVHN; CIFAR-100 and CIFAR-10 for MATLAB.
_OTHERS = (
    _Names("x_train", "y_train", "x_test", "y_test"), _Names("train_images", "train_labels"), _Names("X", "y"),
    _Names("data", "fine_labels"), _Names("data", "labels"),
)  # fmt: skip
# Frey Face comes as the array `ff`, one image of 28 x 20 a column.
_FREY_KEY, _FREY_SHAPE = "ff", (28, 20)
_CIFAR_KEY, _CIFAR_SHAPE = "batch_label", (3, 32, 32)
_SVHN_SHAPE, _SVHN_ZERO = (32, 32, 3), 10


def load(
    path: Path, size: tuple[int, int] | None, test_size: int | None, seed: int, axes: str | None = None
) -> Dataset:
    """Return the dataset in a file.

    The images are the array `images` or the only array that has none of these names: `labels`, one class number or text
    for each image, and `test_images` and `test_labels`, a test part. Without `test_images` the test part is held out.
    Other names are known from well-known files: see docs/data.md.

    Args:
        path: a file with one of `SUFFIXES`.
        size: height and width to resize to, if any.
        test_size: number of images to hold out for the test where the file has no `test_images`; a tenth if None.
        seed: which ones.
        axes: which axis of the images is which, such as "HWN"; None to tell from their shape.

    Raises:
        ValueError: the arrays are not images and labels, may be read in two ways, or take too much memory; or
            `test_size` does not fit.
        OSError: the file cannot be read.
    """
    file = ArrayFile(path)
    names = _names(file)
    has_test = names.test_images in file.names
    if names.test_labels in file.names and not has_test:
        raise ValueError(f"{path.name} holds `{names.test_labels}` without `{names.test_images}`.")
    if has_test and test_size is not None:
        raise ValueError(f"`test_size` must not be given: {path.name} has `{names.test_images}`; received {test_size}.")
    stored = (file.read(name) if name in file.names else None for name in (names.labels, names.test_labels))
    (labels, test_labels), class_names = numbered(*stored)
    train = _split(file, names.images, names.labels, labels, axes)
    if has_test:
        test = _split(file, names.test_images, names.test_labels, test_labels, axes)
        origin = f"`{names.test_images}` in the file"
    else:
        train, test, origin = hold_out_test(train, test_size, seed)
    train, test = (resize_split(part, size) for part in (train, test))
    if train.image_shape != test.image_shape:
        raise ValueError(
            f"`{names.test_images}` in {path.name} must be of the shape of the images, {train.image_shape}; "
            f"received {test.image_shape}."
        )
    return Dataset(path.name, train, test, class_names or _class_names(train, test), origin)


def in_order(path: Path, axes: str | None = None) -> Split:
    """The images of a file in its own order, none held out; a test part that it has is left out.

    Args, Raises: as for `load`.
    """
    file = ArrayFile(path)
    names = _names(file)
    (labels,), _ = numbered(file.read(names.labels) if names.labels in file.names else None)
    return _split(file, names.images, names.labels, labels, axes)


def _split(file: ArrayFile, images: str, labels: str, numbers: np.ndarray | None, axes: str | None) -> Split:
    array, what = file.read(images), f"`{images}` in {file.path.name}"
    if file.is_matlab:
        array, numbers, axes = _of_known_file(images, array, numbers, file.names, axes)
    number = None if numbers is None else numbers.size if numbers.ndim != 2 or 1 in numbers.shape else len(numbers)
    pictures = as_images(array, what, axes, number, file.is_matlab)
    if numbers is None:
        return Split(pictures)
    return Split(pictures, as_labels(numbers, len(pictures), f"`{labels}` in {file.path.name}"))


def _of_known_file(
    name: str, array: np.ndarray, labels: np.ndarray | None, names: tuple[str, ...], axes: str | None
) -> tuple[np.ndarray, np.ndarray | None, str | None]:
    """Images, labels and axes of files for MATLAB whose layout is known."""
    if name == _FREY_KEY and array.shape[0] == np.prod(_FREY_SHAPE):
        return array.T.reshape(-1, *_FREY_SHAPE), labels, "NHW"
    if name == "data" and _CIFAR_KEY in names and array.shape[1:] == (np.prod(_CIFAR_SHAPE),):
        return array.reshape(-1, *_CIFAR_SHAPE), labels, "NCHW"
    if name == "X" and array.shape[:3] == _SVHN_SHAPE and labels is not None and labels.max() == _SVHN_ZERO:
        labels = labels % _SVHN_ZERO  # there the digit 0 is the class 10
    return array, labels, axes


def _class_names(train: Split, test: Split) -> tuple[str, ...]:
    """The numbers themselves, where a file has no names."""
    labels = [part.labels for part in (train, test) if part.labels is not None]
    return tuple(map(str, range(max(int(each.max()) for each in labels) + 1))) if labels else ()


def _names(file: ArrayFile) -> _Names:
    """The names that this file has for its arrays."""
    if _USUAL.images in file.names:
        return _USUAL
    candidates = [name for name in file.names if name not in _USUAL]
    if len(candidates) == 1:
        return _USUAL._replace(images=candidates[0])
    for names in _OTHERS:
        if names.images in file.names and len({*names} & {*file.names}) > 1:
            return names
    found = ", ".join(f"`{name}`" for name in file.names) or "none"
    raise ValueError(f"{file.path.name} must hold an array `images`, or one array only; received {found}.")
