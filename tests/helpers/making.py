"""Families' distributions from random parameters, and x that they score."""

import numpy as np
import tensorflow as tf

from tfvae.families import Bernoulli, Categorical, ContinuousBernoulli, DiscretizedLogistic


def called(family):
    return "-".join(map(str, (type(family).__name__, *family.event_shape, getattr(family, "scale", ""))))


def parameters(family, *leading, dtype=np.float32, seed=0, fill=None):
    """Random parameters of the shapes that the family asks for, or all of them `fill`."""
    rng = np.random.default_rng(seed)
    per = {"element": (*leading, *family.event_shape), "example": leading, "model": ()}
    values = {}
    for name, (kind, size) in family.parameters.items():
        shape = per[kind] if kind == "element" and size == 1 else (*per[kind], size)
        values[name] = (rng.normal(size=shape) if fill is None else np.full(shape, fill)).astype(dtype)
    return values


def made(family, values):
    return family.distribution(**{name: tf.convert_to_tensor(value) for name, value in values.items()})


def largest(family):
    """The largest x of a family of levels; 1 for the others."""
    if isinstance(family, DiscretizedLogistic):
        return 255
    return family.levels - 1 if isinstance(family, Categorical) else 1


def scored_x(family, *shape, dtype=np.float64, seed=1):
    """Random x of the kind that the family scores."""
    rng = np.random.default_rng(seed)
    if isinstance(family, (Bernoulli, DiscretizedLogistic, Categorical)):
        return rng.integers(0, largest(family), size=shape, endpoint=True).astype(dtype)
    if isinstance(family, ContinuousBernoulli):
        return rng.uniform(size=shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)
