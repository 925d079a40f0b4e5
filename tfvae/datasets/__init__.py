"""Datasets of images: the embedded MNIST, files, folders and TensorFlow Datasets.

Nothing here imports TensorFlow until tensors are asked for.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from tfvae._support.checks import check_axes, check_choice, check_image_size, integer
from tfvae.datasets import files, folders, mnist, tfds
from tfvae.datasets.bad_records import BadRecord, listed
from tfvae.datasets.copies import Copies, count_copies
from tfvae.datasets.resizing import resize_split
from tfvae.datasets.splits import Dataset, Split, fingerprint, hold_out, label_fingerprint
from tfvae.datasets.streams import StreamedSplit, naming_bad_records

__all__ = [
    "BadRecord", "Copies", "Dataset", "Split", "StreamedSplit", "count_copies", "fingerprint", "hold_out",
    "label_fingerprint", "listed", "load", "naming_bad_records",
]  # fmt: skip

BAD_RECORDS, FRAMES = ("refuse", "skip"), ("refuse", "first", "all")
_MNIST = "mnist"
_KINDS = f"{_MNIST!r}, 'tfds:NAME', a folder of images or a file that ends in {', '.join(files.SUFFIXES)}"


def load(
    source: str | os.PathLike,
    image_size: tuple[int, int] | int | None = None,
    test_size: int | None = None,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
    bad_records: str = "refuse",
    frames: str = "refuse",
    axes: str | None = None,
    trust_data: bool = False,
) -> Dataset:
    """Return a dataset of images, divided into training and test images; docs/data.md has the details.

    Args:
        source: "mnist", which is embedded in the package; "tfds:NAME", a dataset of TensorFlow Datasets; a file .npz,
            .npy or .mat; or a folder of images, with a sub-folder for each class if there are classes.
        image_size: (height, width), or one int for both, to resize all images to, with antialiasing and without keeping
            proportions; None to leave them as they are.
        test_size: number of images to hold out for the test from data that have no test part; None for a tenth.
        seed: a non-negative int, which images to hold out.
        data_dir: for "tfds:NAME", the folder of prepared datasets; None for TFDS_DATA_DIR or ~/tensorflow_datasets.
        bad_records: of folders and "tfds:NAME", "refuse" or "skip" what does not decode or has another shape: then the
            same records are left out whenever the data are read, and `Dataset.skipped` names them.
        frames: of folders, "refuse" files that hold several pictures (TIFF, GIF, APNG, WebP), or read the "first" or
            "all" of them; those of one file stay together when images are held out.
        axes: of a file, which axis of the images is which, a letter for each: N the image, H its height, W its width, C
            its channels, such as "HWN" or "NCHW"; None to tell from the shape, or refuse.
        trust_data: of "tfds:NAME", run Python code that the prepared folder names; see docs/data.md.

    Returns:
        A `Dataset` with `train` and `test`, both a `Split` in memory or a `StreamedSplit` on disk.

    Raises:
        ValueError: nothing has this name, the data are not images, or an argument does not fit them.
        FileNotFoundError: there is no such file or folder.
        OSError: a file is damaged, or a dataset is not there and cannot be downloaded.
    """
    size, name = None if image_size is None else check_image_size(image_size), os.fspath(source)
    seed = integer("seed", seed, 0)
    check_choice("bad_records", bad_records, BAD_RECORDS)
    check_choice("frames", frames, FRAMES)
    skip = bad_records == "skip"
    axes = None if axes is None else check_axes(axes)
    if axes is not None and Path(name).suffix.lower() not in files.SUFFIXES:
        raise ValueError(f"`axes` is only for files {', '.join(files.SUFFIXES)}; received {axes!r} with {name!r}.")
    if name.startswith(tfds.PREFIX):
        return tfds.load(name.removeprefix(tfds.PREFIX), size, test_size, data_dir, skip, trust_data)
    if data_dir is not None:
        raise ValueError(f"`data_dir` is only for 'tfds:NAME'; received {os.fspath(data_dir)!r} with {name!r}.")
    if not name:
        raise ValueError(f"The data must be {_KINDS}; received nothing.")
    if name == _MNIST:
        return _mnist(size, test_size)
    path = Path(name)
    if path.is_dir():
        return folders.load(path, size, test_size, seed, skip, frames)
    if not path.exists():
        raise unknown(name)
    if path.suffix.lower() not in files.SUFFIXES:
        raise ValueError(f"The data must be {_KINDS}; received the file {name!r}.")
    return files.load(path, size, test_size, seed, axes)


def _mnist(size: tuple[int, int] | None, test_size: int | None) -> Dataset:
    if test_size is not None:
        raise ValueError(f"`test_size` must not be given: MNIST has its own 10,000 test images; received {test_size}.")
    whole = mnist.load()
    return Dataset(_MNIST, resize_split(whole.train, size), resize_split(whole.test, size), whole.class_names)


def unknown(name: str) -> Exception:
    """The error for a name that is neither a dataset nor a path."""
    if Path(name).suffix or os.sep in name:
        return FileNotFoundError(f"The data must be {_KINDS}; there is no file or folder {name!r}.")
    near = [repr(each) for each in difflib.get_close_matches(name.lower(), [_MNIST])]
    hint = f" Did you mean {near[0]}?" if near else _in_tfds(name)
    return ValueError(f"The data must be {_KINDS}; received {name!r}.{hint or ' There is no such file or folder.'}")


def _in_tfds(name: Any) -> str:
    import tensorflow_datasets

    return f" Did you mean '{tfds.PREFIX}{name}'?" if name in tensorflow_datasets.list_builders() else ""
