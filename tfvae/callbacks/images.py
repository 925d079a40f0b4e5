"""Pictures of images that a model makes: samples, reconstructions, the manifold."""

from __future__ import annotations

import os
from statistics import NormalDist
from typing import Any

import keras
import numpy as np

from tfvae import plots
from tfvae._support.checks import integer
from tfvae.callbacks.latents import codes, latent_size, require_ability, require_examples
from tfvae.callbacks.picture import EpochPicture, Picture


class SampleGrid(EpochPicture):
    """Writes a grid of samples at the end of every epoch, from the same latents each time.

    Args:
        folder: where `samples-epoch-001.png` and so on go; made if missing.
        n: number of samples.
        seed: of the latents.
        mean: show the decoder's mean for each latent, as grids usually do, instead of a draw from p(x|z).
        every, log_dir: see `EpochPicture`.
        temperature: of a flow, see `Density.sample`; 1 for all other models.
        redrawn: of several levels of latents, see `LadderVAE.sample`; None for all other models.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        n: int = 64,
        seed: int = 0,
        mean: bool = True,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
        temperature: float = 1.0,
        redrawn: int | None = None,
    ):
        super().__init__(folder, "samples", every, log_dir)
        n, seed = integer("n", n, 1), integer("seed", seed)
        self.n, self.seed, self.mean, self.temperature, self.redrawn = n, seed, mean, temperature, redrawn

    def check(self) -> None:
        require_images(self.model, self)
        require_ability(self.model, "samples")
        if self.temperature != 1.0 and not self.model.interpolates:
            raise ValueError(f"A temperature is of flows only; the model is a `{type(self.model).__name__}`.")

        if self.redrawn is not None and getattr(self.model, "levels", 1) < 2:
            raise ValueError(f"There are no levels to draw anew: the model is a `{type(self.model).__name__}`.")

    def draw(self) -> Picture:
        title = self.model.sample_title(self.mean)
        if self.redrawn is not None:
            _, x = self.model.sample(self.n, seed=self.seed, mean=self.mean, redrawn=self.redrawn)
            same = self.redrawn < self.model.levels
            title += (
                f",\nthe same above level {self.redrawn}" if same else f",\nall {self.model.levels} levels drawn anew"
            )
        elif self.temperature == 1.0:
            _, x = self.model.sample(self.n, seed=self.seed, mean=self.mean)
        else:
            _, x = self.model.sample(self.n, seed=self.seed, temperature=self.temperature)
            title += f" at temperature {self.temperature:g}"
        return Picture(plots.image_grid(grey(self.model, x), title=title))


class ReconstructionGrid(EpochPicture):
    """Writes images and what the model makes of them at the end of every epoch: `model.views`, below one another.

    Args:
        folder: where `reconstructions-epoch-001.png` and so on go; made if missing.
        images: raw images `[N, H, W, C]`, best from the validation part.
        every, log_dir: see `EpochPicture`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        images: np.ndarray,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__(folder, "reconstructions", every, log_dir)
        self.images = images

    def check(self) -> None:
        require_images(self.model, self)
        require_ability(self.model, "reconstructions")
        require_examples(self.model, self.images)

    def draw(self) -> Picture:
        views = self.model.views(self.images)
        return Picture(plots.view_grid({title: grey(self.model, x) for title, x in views.items()}))


class InterpolationGrid(EpochPicture):
    """Writes the way of a flow from one image to another at the end of every epoch: a pair a row.

    Args:
        folder: where `interpolations-epoch-001.png` and so on go; made if missing.
        images: raw images `[2 n, H, W, C]`, the left ends and the right ends of the rows in turn.
        steps: images in a row, both ends among them.
        every, log_dir: see `EpochPicture`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        images: np.ndarray,
        steps: int = 9,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__(folder, "interpolations", every, log_dir)
        if len(images) < 2 or len(images) % 2:
            raise ValueError(f"`images` must be pairs, at least one; received {len(images)} images.")
        self.images, self.steps = images, steps

    def check(self) -> None:
        require_images(self.model, self)
        if not getattr(self.model, "interpolates", False):
            raise ValueError(f"Ways between images are drawn of flows; this model is a `{type(self.model).__name__}`.")
        require_examples(self.model, self.images)

    def draw(self) -> Picture:
        rows = grey(self.model, self.model.interpolate(self.images[::2], self.images[1::2], self.steps))
        title = "between two images, in the latents of the flow"
        return Picture(plots.image_grid(rows.reshape(-1, *rows.shape[2:]), self.steps, title))


class Manifold(EpochPicture):
    """Writes the decoder's means for a plane of latents at the end of every epoch.

    The latents lie at the quantiles (i + 0.5)/n of N(0, 1) in two dimensions, and at 0 in all others.

    Args:
        folder: where `manifold-epoch-001.png` and so on go; made if missing.
        images: raw images `[N, H, W, C]` by which the two dimensions are chosen, anew each time: those whose posterior
            means vary most over them. Needed where the model has more than two latent dimensions and `dimensions` is
            not given.
        n: latents in each direction.
        dimensions: the two dimensions, counted from 0: to the right and upwards. Latents that are no vectors count as
            flattened.
        every, log_dir: see `EpochPicture`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        images: np.ndarray | None = None,
        n: int = 15,
        dimensions: tuple[int, int] | None = None,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__(folder, "manifold", every, log_dir)
        n = integer("n", n, 1)
        if dimensions is not None and (len(set(dimensions)) != 2 or len(dimensions) != 2 or min(dimensions) < 0):
            raise ValueError(f"`dimensions` must be two different numbers of at least 0; received {dimensions}.")
        self.images, self.n, self.dimensions = images, n, dimensions

    def check(self) -> None:
        require_images(self.model, self)
        require_ability(self.model, "latents")
        if self.model.levels > 1:
            raise ValueError("A manifold is of one level of latents; `Traversals` are of several.")
        size = latent_size(self.model, self, at_least=2)
        if self.dimensions is not None:
            if max(self.dimensions) >= size:
                raise ValueError(f"`dimensions` must be below {size}; received {self.dimensions}.")
        elif size > 2:
            if self.images is None:
                raise ValueError(
                    f"`Manifold` needs `dimensions`, or `images` to choose them by: the model has {size} dimensions."
                )
            require_examples(self.model, self.images)

    def draw(self) -> Picture:
        shape = self.model.latent_shape
        size = int(np.prod(shape))
        right, upwards = self._plane(size)
        values = np.array([NormalDist().inv_cdf((i + 0.5) / self.n) for i in range(self.n)])
        z = np.zeros((self.n, self.n, size), self.model.compute_dtype)
        z[..., right], z[..., upwards] = values, values[:, np.newaxis]
        images = grey(self.model, self.model.likelihood(z.reshape(-1, *shape)).mean())
        names = (f"z[{right}]", f"z[{upwards}]")
        title = f"decoder means{self.model.mean_note}, {names[0]} and {names[1]} at quantiles of N(0, 1)"
        if size > 2:
            chosen = "the two most active dimensions, " if self.dimensions is None else ""
            title += f",\n{chosen}the other {size - 2} at 0"
        return Picture(plots.manifold_grid(images.reshape(self.n, self.n, *images.shape[1:]), values, names, title))

    def _plane(self, size: int) -> tuple[int, int]:
        if self.dimensions is not None:
            return self.dimensions
        if self.images is None or size == 2:
            return 0, 1
        most, second = np.argsort(-np.var(codes(self.model, self.images), axis=0), kind="stable")[:2]
        return int(most), int(second)


def grey(model: keras.Model, x: Any) -> np.ndarray:
    """What a picture shows of x: grey values."""
    return np.asarray(model.preprocess.grey(x))


def require_images(model: keras.Model, callback: EpochPicture) -> None:
    """ValueError if the model's examples cannot be drawn."""
    shape = tuple(model.data_shape)
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            f"`{type(callback).__name__}` draws images of shape (H, W, 1 or 3); the model's examples have {shape}."
        )
