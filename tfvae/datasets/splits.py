"""What a dataset of images is in memory: two splits of uint8 arrays."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)  # eq=False: comparing arrays gives arrays, not an answer
class Split:
    """Images with their labels, in the same order.

    Args:
        images: uint8 [N, height, width, channels], 0 to 255.
        labels: uint8 [N], positions in the dataset's `class_names`.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(
                "`images` and `labels` must have the same length; "
                f"received {len(self.images)} images and {len(self.labels)} labels."
            )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> "Split":
        """Return the rows at `indices` (int [M]), in that order, as a new split of M images."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named dataset with its authors' division into training and test images.

    Args:
        name: the name that `tfvae.datasets.load` knows it by.
        train: the training images.
        test: the test images.
        class_names: what the labels 0, 1, ... mean.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]

    def split_validation(self, size: int = 5000, seed: int = 0) -> tuple[Split, Split]:
        """Hold out validation images from the training images; `hold_out(self.train, size, seed)`."""
        return hold_out(self.train, size, seed)


def hold_out(split: Split, size: int, seed: int = 0) -> tuple[Split, Split]:
    """Hold out a random part of a split, the same one for the same seed.

    Both parts keep the order of the split, and together they are the whole split.

    Args:
        split: the N images to divide.
        size: how many images to hold out, 1 to N - 1.
        seed: a non-negative int, which images to hold out.

    Returns:
        The remaining `Split` of N - size images and the held-out `Split` of size images, both copies.

    Raises:
        ValueError: `size` leaves one of the parts empty.
    """
    if not 0 < size < len(split):
        raise ValueError(f"`size` must be between 1 and {len(split) - 1}; received {size}.")
    # The bit generator is named because NumPy may one day choose another as its default.
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(split))
    return split.take(np.sort(order[size:])), split.take(np.sort(order[:size]))
