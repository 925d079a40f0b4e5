"""What a dataset of images is: a training and a test split, here in memory; `streams` has the one that is not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae._support.checks import integer
from tfvae.datasets.bad_records import BadRecord, listed

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, eq=False)  # eq=False: comparing arrays gives arrays, not an answer
class Split:
    """Images in memory, with their labels, if any, in the same order.

    Args:
        images: uint8 (0 to 255) or float32 (in [0, 1]) [N, height, width, channels].
        labels: int [N], positions in the dataset's `class_names`, or None.
        groups: int [N], equal for images that stay together when some are held out, such as the frames of one file;
            None where each is on its own.
    """

    images: np.ndarray
    # `Any` instead of None, here and below: whoever loads MNIST would have to prove to a type checker what is plain.
    labels: np.ndarray | Any = None
    groups: np.ndarray | Any = None

    def __post_init__(self) -> None:
        for name in ("labels", "groups"):
            others = getattr(self, name)
            if others is not None and len(self.images) != len(others):
                raise ValueError(
                    f"`images` and `{name}` must have the same length; "
                    f"received {len(self.images)} images and {len(others)} {name}."
                )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, channels)."""
        return self.images.shape[1:]

    def take(self, indices: Any) -> Split:
        """The rows at `indices` (int [M], or a slice), in that order, as a new split."""
        labels, groups = (None if each is None else each[indices] for each in (self.labels, self.groups))
        return Split(self.images[indices], labels, groups)

    def take_first(self, n: int) -> Split:
        """The first n examples, or all if there are fewer."""
        return self.take(slice(integer("n", n, 1)))

    def drop_first(self, n: int) -> Split:
        """All examples but the first n."""
        return self.take(slice(n, None))

    def first(self, n: int) -> Split:
        """The first n examples in memory, or all if there are fewer; here the same as `take_first`."""
        return self.take_first(n)

    def batches(self, batch_size: int, seed: int, start: int = 0) -> tf.data.Dataset:
        """Endless shuffled batches of raw images for training: `training.batches` of the images."""
        from tfvae.datasets import batches as training

        return training.batches(self.images, batch_size, seed, start)

    def in_order(self, batch_size: int) -> tf.data.Dataset:
        """Raw images from first to last, [batch_size, H, W, C]; the last batch may be smaller. For evaluation."""
        import tensorflow as tf

        from tfvae.datasets import batches as training

        return training.untuned(tf.data.Dataset.from_tensor_slices(self.images).batch(batch_size).prefetch(2))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named dataset, divided into training and test images.

    Args:
        name: what it was loaded as, without folders.
        train: the training images, a `Split` or a `StreamedSplit`; both have the same methods.
        test: the test images, likewise.
        class_names: what the labels 0, 1, ... mean; empty where there are no labels.
        test_origin: where the test images come from, in words.
        in_random_order: the training images were shuffled when they were stored, so any first ones are a fair sample.
        skipped: records that are no images and were left out, where that was asked for.
        validation: validation images of the dataset's own, likewise, or None.
        notes: sentences on how the data were read, such as how many files of a folder were left out.
    """

    name: str
    train: Split | Any
    test: Split | Any
    class_names: tuple[str, ...] = ()
    test_origin: str = "the dataset's own test part"
    in_random_order: bool = False
    skipped: tuple[BadRecord, ...] = ()
    validation: Split | Any = None
    notes: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """What a command says when it has read the data: which records are skipped, and the notes."""
        return (*((listed(self.skipped),) if self.skipped else ()), *self.notes)

    def split_validation(self, size: int | None = None, seed: int = 0) -> tuple[Split | Any, Split | Any]:
        """Return training and validation images.

        Validation images are the dataset's own if it has some. Else they are held out from the training images: the
        first `size` ones where the dataset is stored in random order (TensorFlow Datasets), whatever the seed; else a
        random part, `hold_out(self.train, size, seed)`.

        Args:
            size: number of validation images to hold out, 1 to len(train) - 1; 5,000 if None.
            seed: a non-negative int, which images to hold out.

        Returns:
            The training images without the validation images, and those.

        Raises:
            ValueError: `size` leaves one of the parts empty, or is given where the dataset has its own.
        """
        if self.validation is None:
            return hold_out(self.train, 5000 if size is None else size, None if self.in_random_order else seed)
        if size is not None:
            raise ValueError(
                f"`size` must not be given: the data have {len(self.validation)} validation images of their own; "
                f"received {size}."
            )
        return self.train, self.validation


def hold_out(split: Split | Any, size: int, seed: int | None = 0) -> tuple[Split | Any, Split | Any]:
    """Hold out a random part of a split, the same one for the same seed.

    Both parts keep the order of the split, and together they are the whole split. Images of one group stay together:
    as many whole groups are held out as have at most `size` images, but at least one.

    Args:
        split: the N images to divide.
        size: how many images to hold out, 1 to N - 1.
        seed: a non-negative int, which images to hold out; None holds out the first ones.

    Returns:
        The remaining N - size images and the held-out ones.

    Raises:
        ValueError: `size` or the groups leave one of the parts empty, or the split is on disk and `seed` is not None.
    """
    size = integer("size", size, 1, len(split) - 1)
    if isinstance(split, Split) and split.groups is not None:
        held = _of_whole_groups(split.groups, size, seed)
        return split.take(np.flatnonzero(~held)), split.take(np.flatnonzero(held))
    if seed is None:
        return split.drop_first(size), split.take_first(size)
    if not isinstance(split, Split):
        raise ValueError(f"`seed` must be None for images on disk, of which the first are held out; received {seed}.")
    order = _permutation(len(split), integer("seed", seed, 0))
    return split.take(np.sort(order[size:])), split.take(np.sort(order[:size]))


def _of_whole_groups(groups: np.ndarray, size: int, seed: int | None) -> np.ndarray:
    """Which images are held out, bool [N]."""
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"All {len(groups)} images are of one file, so that none can be held out.")
    order = np.arange(len(names)) if seed is None else _permutation(len(names), seed)
    number = np.searchsorted(np.cumsum(sizes[order]), size, side="right")
    return np.isin(group, order[: np.clip(number, 1, len(names) - 1)])


def _permutation(n: int, seed: int) -> np.ndarray:
    # The bit generator is named because NumPy may one day choose another as its default.
    return np.random.Generator(np.random.PCG64(seed)).permutation(n)


def hold_out_test(split: Split | Any, test_size: int | None, seed: int | None) -> tuple[Split | Any, Split | Any, str]:
    """Hold out test images from data that have no test part.

    Args:
        split: all N images.
        test_size: how many to hold out; None for a tenth of them, at least one.
        seed: which ones; None holds out the first ones.

    Returns:
        The training images, the test images and `Dataset.test_origin`.

    Raises:
        ValueError: `test_size` leaves one of the parts empty.
    """
    size = max(1, round(len(split) / 10)) if test_size is None else integer("test_size", test_size)
    if not 0 < size < len(split):
        raise ValueError(
            f"`test_size` must leave training and test images: between 1 and {len(split) - 1} of {len(split)}; "
            f"received {size}."
        )
    which = "the first" if seed is None else f"with seed {seed},"
    train, test = hold_out(split, size, seed)
    return train, test, f"held out of the data: {which} {len(test)} of {len(split)} images"


def fingerprint(split: Split | Any) -> str:
    """Names the images of a split by 16 hexadecimal digits: of their SHA-256, or of `StreamedSplit.unread`."""
    if not isinstance(split, Split):
        return hashlib.sha256(split.unread().encode()).hexdigest()[:16]
    return _digest(split.images)


def label_fingerprint(split: Split | Any) -> str | None:
    """Names the labels of a split in memory likewise; None where it has none, or is on disk with its labels."""
    labels = getattr(split, "labels", None)
    return None if labels is None else _digest(np.asarray(labels, np.int64))


def _digest(array: np.ndarray) -> str:
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(repr((array.shape, array.dtype.str)).encode())
    digest.update(array.data)  # no copy
    return digest.hexdigest()[:16]
