"""Datasets from one file: .npz, .npy and MATLAB's .mat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfvae.datasets.arrays import as_images, as_labels
from tfvae.datasets.resizing import resize_split
from tfvae.datasets.splits import Dataset, Split, hold_out_test

SUFFIXES = (".npz", ".npy", ".mat")
_SPECIAL = ("labels", "test_images", "test_labels")
# Frey Face comes as the array `ff`, one image of 28 x 20 a column.
_FREY_KEY, _FREY_SHAPE = "ff", (28, 20)


def load(path: Path, size: tuple[int, int] | None, test_size: int | None, seed: int) -> Dataset:
    """Return the dataset in a file.

    The images are the array `images` or the only array that has none of these names: `labels`, one class number for
    each image, and `test_images` and `test_labels`, a test part. Without `test_images` the test part is held out.

    Args:
        path: a file with one of `SUFFIXES`.
        size: height and width to resize to, if any.
        test_size: number of images to hold out for the test where the file has no `test_images`; a tenth if None.
        seed: which ones.

    Raises:
        ValueError: the arrays are not images and labels, or `test_size` does not fit.
        OSError: the file cannot be read.
    """
    arrays = _read(path)
    train = _split(arrays, _name_of_images(arrays, path), "labels", path)
    if "test_images" not in arrays:
        if "test_labels" in arrays:
            raise ValueError(f"{path.name} holds `test_labels` without `test_images`.")
        train, test, origin = hold_out_test(train, test_size, seed)
    else:
        if test_size is not None:
            raise ValueError(f"`test_size` must not be given: {path.name} has `test_images`; received {test_size}.")
        test, origin = _split(arrays, "test_images", "test_labels", path), "`test_images` in the file"
    train, test = (resize_split(part, size) for part in (train, test))
    if train.image_shape != test.image_shape:
        raise ValueError(
            f"`test_images` in {path.name} must be of the shape of the images, {train.image_shape}; "
            f"received {test.image_shape}."
        )
    return Dataset(path.name, train, test, _class_names(train, test), origin)


def in_order(path: Path) -> Split:
    """The images of a file in its own order, none held out; a test part that it has is left out.

    Args, Raises: as for `load`.
    """
    arrays = _read(path)
    return _split(arrays, _name_of_images(arrays, path), "labels", path)


def _split(arrays: Mapping[str, np.ndarray], images: str, labels: str, path: Path) -> Split:
    pictures = as_images(arrays[images], f"`{images}` in {path.name}")
    if labels not in arrays:
        return Split(pictures)
    numbers = arrays[labels]
    if path.suffix.lower() == ".mat":
        numbers = numbers.ravel()  # MATLAB knows no arrays of one axis
    return Split(pictures, as_labels(numbers, len(pictures), f"`{labels}` in {path.name}"))


def _class_names(train: Split, test: Split) -> tuple[str, ...]:
    """The numbers themselves: a file has no names."""
    labels = [part.labels for part in (train, test) if part.labels is not None]
    return tuple(map(str, range(max(int(each.max()) for each in labels) + 1))) if labels else ()


def _name_of_images(arrays: Mapping[str, np.ndarray], path: Path) -> str:
    candidates = [name for name in arrays if name not in _SPECIAL]
    if "images" in candidates:
        return "images"
    if len(candidates) == 1:
        return candidates[0]
    found = ", ".join(f"`{name}`" for name in arrays) or "none"
    raise ValueError(f"{path.name} must hold an array `images`, or one array only; received {found}.")


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays in the file by name."""
    try:
        return _read_matlab(path) if path.suffix.lower() == ".mat" else _read_numpy(path)
    except NotImplementedError as error:  # SciPy, about files that are HDF5 inside
        raise ValueError(f"{path} is of MATLAB's format 7.3; save it with -v7.") from error
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged files raise all sorts of things
        if "allow_pickle" in str(error):
            raise ValueError(
                f"{path} holds an array of Python objects, which may run code when it is read; save numbers instead."
            ) from error
        raise OSError(f"{path} is damaged or no {path.suffix} file: {error}") from error


def _read_numpy(path: Path) -> dict[str, np.ndarray]:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"images": loaded}
    with loaded:
        return {name: loaded[name] for name in loaded.files}


def _read_matlab(path: Path) -> dict[str, np.ndarray]:
    import scipy.io

    arrays = {name: array for name, array in scipy.io.loadmat(path).items() if not name.startswith("__")}
    frey = arrays.get(_FREY_KEY)
    if frey is not None and frey.shape[0] == np.prod(_FREY_SHAPE):
        arrays[_FREY_KEY] = frey.T.reshape(-1, *_FREY_SHAPE)
    return arrays
