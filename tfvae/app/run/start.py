"""What a run begins from: weights that the seed does not decide alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfvae.app.run.folder import model_of
from tfvae.app.settings import Settings
from tfvae.models import GuardedModel
from tfvae.noise import Noise

_LOOKED_AT = 10_000  # training images, for what begins from the data


def start(model: GuardedModel, settings: Settings, images: Any) -> None:
    """Gives a new model the weights that its training begins with.

    Args:
        model: new.
        settings: the run's.
        images: the split that it is trained on, of which 10,000 images are looked at.

    Raises:
        ValueError: the settings do not fit the data, or the weights of another run not the model.
    """
    if settings.start_at_mean:
        try:
            model.decoder.start_at(np.asarray(np.mean(_examples(model, images), axis=0, dtype=np.float64)))
        except NotImplementedError as error:
            raise ValueError(f"`start_at_mean` is not for this likelihood: {error}") from None
    if settings.weights is not None:
        _take_weights(model, Path(settings.weights))
    elif model.starts_from_data:
        model.start_at(_examples(model, images), settings.seed)


def _examples(model: GuardedModel, images: Any) -> np.ndarray:
    """x of training images, drawn as in training."""
    return np.asarray(model.preprocess(model.as_examples(images.first(_LOOKED_AT).images), Noise(0)))


def _take_weights(model: GuardedModel, path: Path) -> None:
    """Gives a new model the weights of another one's parts."""
    for mine, others in zip(model.parts, model_of(path).parts, strict=True):
        shapes, given = ([tuple(weight.shape) for weight in part.weights] for part in (mine, others))
        if shapes != given:
            raise ValueError(
                f"`weights` must be of the same networks; {others.name} of {path} has weights of shapes {given}, "
                f"{mine.name} of these settings {shapes}."
            )
        mine.set_weights(others.get_weights())
