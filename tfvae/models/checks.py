"""What the parts of a model have to be: the usual slips would end in errors about attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.checks import check_kind, integer
from tfvae._support.precision import require_precision
from tfvae.conditional import ConditionalDistribution
from tfvae.priors import Prior


def require_kinds(**parts: tuple[Any, type[keras.Layer]]) -> None:
    """TypeError, by the argument's name, unless each part is of the class beside it.

    ValueError, if it computes in another type than a model that is made now.
    """
    for name, (part, kind) in parts.items():
        check_kind(name, part, kind)
        require_precision(name, part.compute_dtype)


def build_part(name: str, part: ConditionalDistribution, shape: Sequence[int]) -> None:
    """Builds a part for inputs of a shape.

    Raises:
        ValueError: it was built for others, or its network does not take them; `name` is the argument's.
    """
    if part.built and part.input_event_shape != tuple(shape):
        raise ValueError(
            f"`{name}` was built for inputs of shape {part.input_event_shape}, and here they have shape {tuple(shape)}."
        )
    part.build((None, *shape))


def require_same_examples(prior: Prior, data_shape: tuple[int, ...]) -> None:
    """ValueError if a prior is made of examples of another shape than those of the model."""
    if prior.data_shape not in (None, data_shape):
        raise ValueError(f"`prior` has pseudo-inputs of shape {prior.data_shape}, the data {data_shape}.")


def require_draws(n: Any) -> None:
    """ValueError unless so many draws can be made; a tensor, in a graph, is taken as it is."""
    if not tf.is_tensor(n):
        integer("n", n, 1)


def require_points(**parts: ConditionalDistribution) -> None:
    """ValueError, by the argument's name, unless each part gives points."""
    for name, part in parts.items():
        if part.family.scores != "point":
            family = type(part.family).__name__
            raise ValueError(f"`{name}` must have the family `Delta`: a point; received `{family}`.")
