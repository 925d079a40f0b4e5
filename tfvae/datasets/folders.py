"""Datasets from a folder of image files; sub-folders are classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfvae.datasets.arrays import ALPHA
from tfvae.datasets.bad_records import BadRecord
from tfvae.datasets.resizing import resize
from tfvae.datasets.splits import Dataset, Split, hold_out_test

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_PARTS = {"train", "test"}
_CHANNELS = {"1": "L", "L": "L", "RGB": "RGB", "P": "RGB"}  # Pillow's modes, and what they are read as


def load(folder: Path, size: tuple[int, int] | None, test_size: int | None, seed: int, skip: bool = False) -> Dataset:
    """Return the dataset in a folder of image files, in the order of their paths.

    Files directly in the folder have no labels; those in sub-folders have the sub-folder as their class. If there are
    the sub-folders `train` and `test` and no others, each is such a folder and they are the two parts. Hidden files and
    those that do not end like an image are left out.

    Args:
        folder: an existing folder.
        size: height and width to resize to; needed where the images have several.
        test_size: number of images to hold out for the test where there is no folder `test`; a tenth if None.
        seed: which ones.
        skip: leave out files that are no images, and images of another shape than most (the test's: than the
            training images).

    Raises:
        ValueError: there are no images, or they do not fit together; `test_size` does not fit.
        OSError: a file is no image.
    """
    subfolders = {each.name for each in _visible(folder) if each.is_dir()}
    name = folder.resolve().name
    if subfolders != _PARTS:
        whole, class_names, skipped = _read(folder, size, skip)
        train, test, origin = hold_out_test(whole, test_size, seed)
        return Dataset(name, train, test, class_names, origin, skipped=skipped)
    if test_size is not None:
        raise ValueError(f"`test_size` must not be given: {folder} has a folder `test`; received {test_size}.")
    train, class_names, skipped = _read(folder / "train", size, skip)
    test, test_names, of_test = _read(folder / "test", size, skip, train.image_shape)
    if class_names != test_names:
        raise ValueError(
            f"{folder / 'test'} must have the classes of {folder / 'train'}, {', '.join(class_names) or 'none'}; "
            f"received {', '.join(test_names) or 'none'}."
        )
    if train.image_shape != test.image_shape:
        raise ValueError(
            f"The images in {folder / 'test'} must be of the shape of those in {folder / 'train'}, "
            f"{train.image_shape}; received {test.image_shape}."
        )
    return Dataset(name, train, test, class_names, "the folder `test`", skipped=skipped + of_test)


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))


def _images_below(folder: Path) -> list[Path]:
    files = [path for path in _visible(folder) if path.is_file() and path.suffix.lower() in SUFFIXES]
    return files + [path for below in _visible(folder) if below.is_dir() for path in _images_below(below)]


def _read(
    folder: Path, size: tuple[int, int] | None, skip: bool, shape: tuple[int, ...] | None = None
) -> tuple[Split, tuple[str, ...], tuple[BadRecord, ...]]:
    """The images in and below a folder, the names of their classes, and the files that were left out."""
    files = _images_below(folder)
    if not files:
        raise ValueError(f"{folder} holds no images: no files that end in {', '.join(SUFFIXES)}.")
    unlabelled = [path for path in files if path.parent == folder]
    if unlabelled and len(unlabelled) < len(files):
        raise ValueError(
            f"{folder} must hold either images or sub-folders of images, one a class; received both, "
            f"such as {unlabelled[0].name} and {files[-1].relative_to(folder)}."
        )
    classes = [] if unlabelled else [path.relative_to(folder).parts[0] for path in files]
    names, labels = np.unique(classes, return_inverse=True)
    if skip:
        images, kept, skipped = _decode_good(files, size, shape)
    else:
        images, kept, skipped = _decode(files, size), np.arange(len(files)), ()
    return Split(images, None if unlabelled else labels[kept]), tuple(map(str, names)), skipped


def _decode(files: list[Path], size: tuple[int, int] | None) -> np.ndarray:
    first = _image(files[0], size)
    images = np.empty((len(files), *first.shape), np.uint8)
    for index, path in enumerate(files):
        image = _image(path, size)
        if image.shape != first.shape:
            remedy = "bring all to grey or all to RGB" if image.shape[:2] == first.shape[:2] else "give `image_size`"
            raise ValueError(f"{path} is {image.shape} where {files[0].name} is {first.shape}; {remedy}.")
        images[index] = image
    return images


def _decode_good(
    files: list[Path], size: tuple[int, int] | None, shape: tuple[int, ...] | None
) -> tuple[np.ndarray, np.ndarray, tuple[BadRecord, ...]]:
    """The images of one shape, if none is given that of most of them; their places among the files; and the others."""
    images: dict[int, np.ndarray] = {}
    bad: dict[int, BadRecord] = {}
    for index, path in enumerate(files):
        try:
            images[index] = _image(path, size)
        except (OSError, ValueError) as error:
            bad[index] = BadRecord(str(path), str(error).removeprefix(f"{path} ").rstrip("."))
    shapes = Counter(image.shape for image in images.values())
    wanted = shape or next((each for each, _ in shapes.most_common(1)), None)
    for index, image in images.items():
        if image.shape != wanted:
            bad[index] = BadRecord(str(files[index]), f"is {image.shape} where others are {wanted}")
    kept = [index for index in images if index not in bad]
    if not kept:
        raise ValueError(f"None of the {len(files)} files is an image of the shape of the others: {bad[0]}.")
    return np.stack([images[index] for index in kept]), np.array(kept), tuple(bad[index] for index in sorted(bad))


def _image(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    """uint8 [H, W, 1 or 3]."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            mode, image = opened.mode, ImageOps.exif_transpose(opened)  # photographs may be stored lying on a side
            transparent = "A" in mode or "transparency" in opened.info
            pixels = np.asarray(image.convert(_CHANNELS.get(mode, mode)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(f"{path} is damaged or no image: {error}") from error
    if transparent:
        raise ValueError(f"{path} must be grey or RGB; received mode {mode!r} with transparency ({ALPHA}).")
    if mode not in _CHANNELS:
        raise ValueError(f"{path} must be grey or RGB with 8 bits a channel; received mode {mode!r}.")
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return pixels if size is None or pixels.shape[:2] == size else np.asarray(resize(pixels, size))
