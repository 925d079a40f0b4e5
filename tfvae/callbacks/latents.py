"""Pictures of the latents: where the data lie in them, and what each dimension is used for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfvae import evaluation, plots
from tfvae._support.checks import check_some
from tfvae.callbacks.picture import EpochPicture, Picture
from tfvae.models import GuardedModel


class LatentMap(EpochPicture):
    """Writes a map of the posterior means of some images at the end of every epoch.

    Args:
        folder: where `latent_map-epoch-001.png` and so on go; made if missing.
        images: raw images `[N, H, W, C]`.
        labels: integers or text `[N]` or `[N, 1]`, or one-hot rows `[N, K]`, by which the points are coloured.
        class_names: a name for each label.
        every, log_dir: see `EpochPicture`.

    Raises:
        ValueError: `labels` has another form or number, or a label has no name; see also `EpochPicture`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        images: np.ndarray,
        labels: Any = None,
        class_names: Sequence[str] | None = None,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__(folder, "latent_map", every, log_dir)
        if labels is not None:
            plots.classes(labels, len(images), class_names)
        self.images, self.labels, self.class_names = images, labels, class_names

    def check(self) -> None:
        require_ability(self.model, "representation")
        _require_abilities(self.model, self)
        require_examples(self.model, self.images)
        size = codes(self.model, self.images[:1]).shape[1]
        if size < 2:
            raise ValueError(f"`LatentMap` needs at least 2 latent dimensions; the model has {size}.")

    def draw(self) -> Picture:
        return Picture(plots.latent_map(codes(self.model, self.images), self.labels, self.class_names))


class LatentRates(EpochPicture):
    """Writes the rate of each latent dimension at the end of every epoch, and which are active.

    Where the rate has no parts (see `evaluation.latent_statistics`), the variances of the posterior means are drawn.
    In TensorBoard also as curves: total rate, active units and each dimension, and those of each of several levels.

    Args:
        folder: where `latent_rates-epoch-001.png` and so on go; made if missing.
        images: raw images `[N, H, W, C]` that the rates are averaged over; a thousand are enough for a picture.
        every, log_dir: see `EpochPicture`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        images: np.ndarray,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__(folder, "latent_rates", every, log_dir)
        self.images = images

    def check(self) -> None:
        require_ability(self.model, "latents")
        latent_size(self.model, self, at_least=1)
        require_examples(self.model, self.images)
        evaluation.latent_statistics(self.model, self.images[:1])  # refuses posteriors without a rate

    def draw(self) -> Picture:
        found = evaluation.latent_statistics(self.model, self.images)
        if found.rate is None:
            parts = found.variance_of_mean, found.active, found.total_rate
            figure = plots.latent_variances(*parts, level_of=found.level_of)
            curves = {f"variance_of_mean/{index}": value for index, value in enumerate(found.variance_of_mean)}
        else:
            figure = plots.latent_rates(found.rate, found.active, level_of=found.level_of)
            curves = {f"rate/{index}": value for index, value in enumerate(found.rate)}
        totals = {"total_rate": found.total_rate, "active_units": float(found.active_units)}
        if len(found.level_rate) > 1:
            by_level = zip(found.level_rate, found.level_active_units, strict=True)
            for level, (rate, active) in enumerate(by_level, start=1):
                totals |= {f"level_rate/{level}": float(rate), f"level_active_units/{level}": float(active)}
        return Picture(figure, totals | curves)


def codes(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The codes of raw images without noise, `[N, D]`: of a VAE what `model.encoder.predict` gives, sooner."""
    return evaluation.encode(model, model.representative(images)).mean


def require_ability(model: keras.Model, ability: str) -> None:
    """ValueError with the model's own reason if it is one of ours and cannot do that."""
    if isinstance(model, GuardedModel):
        model.require(ability)


def latent_size(model: keras.Model, callback: EpochPicture, at_least: int) -> int:
    """Number of latent dimensions of a model; ValueError if it has no encoder or too few of them."""
    who = f"`{type(callback).__name__}`"
    _require_abilities(model, callback)
    size = math.prod(model.latent_shape)
    if size < at_least:
        raise ValueError(f"{who} needs at least {at_least} latent dimensions; the model has {size}.")
    return size


def require_examples(model: keras.Model, images: np.ndarray) -> None:
    """ValueError if raw images are none, of another shape than the model's, or no images at all."""
    check_some("images", images, "image")
    model.preprocess.check(model.as_examples(images), "`images`")


def _require_abilities(model: keras.Model, callback: EpochPicture) -> None:
    if not isinstance(model, GuardedModel):
        who = type(callback).__name__
        raise ValueError(f"`{who}` needs a model with an encoder; received `{type(model).__name__}`.")
