"""The recipe of a mixture of normals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._support.checks import check_image_shape
from tfvae.recipes.options import CountOrNone, StartedByExamples

if TYPE_CHECKING:
    from tfvae.models import Density


def mixture(
    image_shape: Sequence[int] = (28, 28, 1), components: StartedByExamples = 10, rank: CountOrNone = 0, seed: int = 0
) -> Density:
    """Mixture of normals on pixels of dequantised images.

    Args:
        image_shape: `(H, W, C)`.
        components: number of normals.
        rank: rank of each covariance beside its diagonal; 0 for a diagonal covariance.
        seed: seed of the dequantisation in training.

    Raises:
        ValueError: an argument is out of range.
    """
    from tfvae import preprocessing
    from tfvae.models import Density
    from tfvae.priors import MixtureOfNormals

    check_image_shape(image_shape)
    return Density(MixtureOfNormals(image_shape, components, rank), preprocessing.Dequantize(), seed)
