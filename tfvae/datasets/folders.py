"""Datasets from a folder of image files; sub-folders are classes, or parts of the data."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfvae._support.printing import printable
from tfvae.datasets import image_files, layout
from tfvae.datasets.bad_records import BadRecord
from tfvae.datasets.resizing import resize
from tfvae.datasets.splits import Dataset, Split, hold_out_test
from tfvae.datasets.walk import sentence, walk


def load(
    folder: Path,
    size: tuple[int, int] | None,
    test_size: int | None,
    seed: int,
    skip: bool = False,
    frames: str = "refuse",
) -> Dataset:
    """Return the dataset in a folder of image files, in the order of their paths.

    Files directly in the folder have no labels; those in sub-folders have the sub-folder as their class. If the
    sub-folders are parts of the data, each is such a folder (`layout.parts`): `test` or, if there is none,
    `validation` has the test images; with both, `validation` has the validation images. Each file is read once; what
    is left out is said in `Dataset.notes`.

    Args:
        folder: an existing folder.
        size: height and width to resize to; needed where the images have several.
        test_size: number of images to hold out for the test where no folder has them; a tenth if None.
        seed: which ones.
        skip: leave out files that are no images, and images of another shape than most (those of other parts: than the
            training images).
        frames: of files that hold several pictures, "refuse", or read the "first" or "all".

    Raises:
        ValueError: there are no images, or they do not fit together; `test_size` does not fit.
        OSError: a file is no image.
    """
    files, left_out = walk(folder, image_files.SUFFIXES)
    if not files:
        endings = ", ".join(image_files.SUFFIXES)
        raise ValueError(
            f"{printable(folder)} holds no images: no files that end in {endings}. "
            f"{sentence(folder, left_out)}".rstrip()
        )
    parts = layout.parts(folder, files)
    if not parts:
        layout.require_no_parts_of_links(folder, [*left_out.get("again", []), *left_out.get("folder", [])])
    else:
        left_out["beside"] = [path for path in files if path.parent == folder]
    training = parts.get("train", folder)
    read = {"train": _read(training, files, size, skip, frames)}
    for part, path in parts.items():
        if part != "train":
            read[part] = _read(path, files, size, skip, frames, read["train"].split.image_shape)
            _check_like(path, read[part], training, read["train"])
    notes = [note for note in (sentence(folder, left_out), *(each.note for each in read.values())) if note]
    tested = "test" if "test" in parts else "validation"
    if tested not in parts:
        train, test, origin = hold_out_test(read["train"].split, test_size, seed)
    elif test_size is not None:
        raise ValueError(
            f"`test_size` must not be given: {printable(folder)} has a folder `{parts[tested].name}`; "
            f"received {test_size}."
        )
    else:
        train, test, origin = read["train"].split, read[tested].split, f"the folder `{parts[tested].name}`"
    validation = None
    if tested == "test" and "validation" in parts:
        validation = read["validation"].split
        notes.append(f"The validation images are those of the folder `{parts['validation'].name}`.")
    skipped = tuple(record for each in read.values() for record in each.skipped)
    names = read["train"].class_names
    return Dataset(
        folder.resolve().name, train, test, names, origin, skipped=skipped, validation=validation, notes=tuple(notes)
    )


class _Part(NamedTuple):
    """Attributes: split; class_names; skipped, files that are left out; note, on files of several pictures, or ""."""

    split: Split
    class_names: tuple[str, ...]
    skipped: tuple[BadRecord, ...]
    note: str


class _Decoded(NamedTuple):
    """Attributes: images; rows, the position of each image's file; skipped; several, numbers of pictures above 1."""

    images: np.ndarray
    rows: np.ndarray
    skipped: tuple[BadRecord, ...]
    several: list[int]


def _read(
    folder: Path,
    files: list[Path],
    size: tuple[int, int] | None,
    skip: bool,
    frames: str,
    shape: tuple[int, ...] | None = None,
) -> _Part:
    """The images of those files that are in or below a folder, with their classes."""
    files = [path for path in files if path.is_relative_to(folder)]
    unlabelled = [path for path in files if path.parent == folder]
    if unlabelled and len(unlabelled) < len(files):
        raise ValueError(
            f"{printable(folder)} must hold either images or sub-folders of images, one a class; received both, "
            f"such as {printable(unlabelled[0].name)} and {printable(files[-1].relative_to(folder))}."
        )
    classes = [] if unlabelled else [path.relative_to(folder).parts[0] for path in files]
    names, labels = np.unique(classes, return_inverse=True)
    found = _decode_good(files, size, frames, shape) if skip else _decode(files, size, frames)
    groups = found.rows if len(found.rows) > len(set(found.rows.tolist())) else None
    note = ""
    if found.several:
        which = "all are read; those of a file stay together when images are held out"
        which = which if frames == "all" else "the first of each file are read"
        note = (
            f"{len(found.several)} files in {printable(folder)} hold {sum(found.several)} pictures, of which {which}."
        )
    return _Part(
        Split(found.images, None if unlabelled else labels[found.rows], groups),
        tuple(map(str, names)),
        found.skipped,
        note,
    )


def _check_like(folder: Path, part: _Part, training: Path, train: _Part) -> None:
    if part.class_names != train.class_names:
        received, wanted = (", ".join(map(printable, each.class_names)) or "none" for each in (part, train))
        raise ValueError(
            f"{printable(folder)} must have the classes of {printable(training)}, {wanted}; received {received}."
        )
    if part.split.image_shape != train.split.image_shape:
        raise ValueError(
            f"The images in {printable(folder)} must be of the shape of those in {printable(training)}, "
            f"{train.split.image_shape}; received {part.split.image_shape}."
        )


def _decode(files: list[Path], size: tuple[int, int] | None, frames: str) -> _Decoded:
    """All images, in an array that is made once; the first file that does not fit is an error."""
    numbers = [1] * len(files)
    if frames == "all":
        for index, path in enumerate(files):
            with _named(path):
                numbers[index] = image_files.count(path)
    rows, several, images = np.repeat(np.arange(len(files)), numbers), [], np.empty(0)
    row = 0
    for path in files:
        with _named(path):
            found, number = _pictures(path, size, frames)
        several += [number] if number > 1 else []
        for image in found:
            if row == 0:
                images = np.empty((len(rows), *image.shape), np.uint8)
            shape = images.shape[1:]
            if image.shape != shape:
                remedy = "bring all to grey or all to RGB" if image.shape[:2] == shape[:2] else "give `image_size`"
                raise ValueError(
                    f"{printable(path)} is {image.shape} where {printable(files[0].name)} is {shape}; {remedy}."
                )
            images[row] = image
            row += 1
    return _Decoded(images, rows, (), several)


def _decode_good(
    files: list[Path], size: tuple[int, int] | None, frames: str, shape: tuple[int, ...] | None
) -> _Decoded:
    """The images of one shape, if none is given that of most of them."""
    images: list[tuple[int, np.ndarray]] = []
    bad: dict[int, BadRecord] = {}
    numbers: dict[int, int] = {}
    for index, path in enumerate(files):
        try:
            found, numbers[index] = _pictures(path, size, frames)
            images += [(index, image) for image in found]
        except (OSError, ValueError) as error:
            bad[index] = BadRecord(printable(path), str(error))
    shapes = Counter(image.shape for _, image in images)
    wanted = shape or next((each for each, _ in shapes.most_common(1)), None)
    for index, image in images:
        if image.shape != wanted:
            bad[index] = BadRecord(printable(files[index]), f"is {image.shape} where others are {wanted}")
    kept = [(index, image) for index, image in images if index not in bad]
    if not kept:
        raise ValueError(f"None of the {len(files)} files is an image of the shape of the others: {bad[0]}.")
    rows, good = zip(*kept, strict=True)
    several = [number for index, number in numbers.items() if number > 1 and index not in bad]
    return _Decoded(np.stack(good), np.array(rows), tuple(bad[index] for index in sorted(bad)), several)


def _pictures(path: Path, size: tuple[int, int] | None, frames: str) -> tuple[list[np.ndarray], int]:
    """The pictures in a file, uint8 [H, W, 1 or 3], and how many it holds."""
    found, number = image_files.read(path, frames)
    return [each if size in (None, each.shape[:2]) else np.asarray(resize(each, size)) for each in found], number


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """An error about a file becomes a sentence with its name."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{printable(path)} {error}.") from error
    except ValueError as error:
        raise ValueError(f"{printable(path)} {error}.") from error
