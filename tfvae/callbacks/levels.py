"""Pictures of what the levels of a hierarchical VAE, and the dimensions of any VAE, stand for."""

from __future__ import annotations

import os

import numpy as np

from tfvae import plots
from tfvae._support.checks import integer, integers_at_least
from tfvae.callbacks.images import grey, require_images
from tfvae.callbacks.latents import codes, latent_size, require_ability, require_examples
from tfvae.callbacks.picture import EpochPicture, Picture


class LevelSamples(EpochPicture):
    """Writes decoder means for draws that differ in some levels only, at the end of every epoch.

    In the first row all levels are drawn for each image; in each further one the highest of those that still were is
    drawn once for all, so that the last row shows what the lowest level alone changes.

    Args:
        folder: where `level_samples-epoch-001.png` and so on go; made if missing.
        n: images in a row.
        seed: of the draws.
        every, log_dir: see `EpochPicture`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        n: int = 12,
        seed: int = 0,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__(folder, "level_samples", every, log_dir)
        self.n, self.seed = integer("n", n, 1), integer("seed", seed)

    def check(self) -> None:
        require_images(self.model, self)
        if getattr(self.model, "levels", 1) < 2:
            raise ValueError(f"`LevelSamples` is of several levels of latents; `{type(self.model).__name__}` has none.")

    def draw(self) -> Picture:
        drawn = range(self.model.levels, 0, -1)
        rows = [self.model.sample(self.n, seed=self.seed, mean=True, redrawn=level)[1] for level in drawn]
        means = f"decoder means{self.model.mean_note}"
        title = f"{means}; in each row a level less differs,\nin the last one only the lowest"
        return Picture(plots.image_grid(grey(self.model, np.concatenate(rows)), self.n, title))


class Traversals(EpochPicture):
    """Writes the decoder's means for one image's code, of which one dimension at a time is changed, at every epoch.

    A row is one of the dimensions whose codes vary most over the images, of each level; along it the dimension takes
    the values that 2 to 98 percent of the images' codes are below.

    Args:
        folder: where `traversals-epoch-001.png` and so on go; made if missing.
        images: raw images `[N, H, W, C]`, N >= 2; the code that is changed is that of the first one.
        dimensions: rows for each level, at most.
        n: images in a row.
        every, log_dir: see `EpochPicture`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        images: np.ndarray,
        dimensions: int = 4,
        n: int = 11,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ):
        super().__init__(folder, "traversals", every, log_dir)
        dimensions, n = integers_at_least(1, dimensions=dimensions, n=n)
        if len(images) < 2:
            raise ValueError(f"`images` must be at least 2, for their codes to vary; received {len(images)}.")
        self.images, self.dimensions, self.n = images, dimensions, n

    def check(self) -> None:
        require_images(self.model, self)
        require_ability(self.model, "latents")
        latent_size(self.model, self, at_least=1)
        require_examples(self.model, self.images)

    def draw(self) -> Picture:
        found = codes(self.model, self.images)
        level_of = np.asarray(getattr(self.model, "level_of", np.ones(found.shape[1], int)))
        levels = level_of.max()
        rows, names = [], []
        for level in range(levels, 0, -1):
            members = np.flatnonzero(level_of == level)
            for index in members[np.argsort(-np.var(found[:, members], axis=0), kind="stable")][: self.dimensions]:
                z = np.repeat(found[:1], self.n, axis=0)
                z[:, index] = np.quantile(found[:, index], np.linspace(0.02, 0.98, self.n))
                rows.append(self.model.likelihood(z.reshape(-1, *self.model.latent_shape)).mean())
                names.append(str(index))
            names[-1] += f" (level {level}){';' * (level > 1)}" if levels > 1 else ""
        title = f"decoder means{self.model.mean_note}; in each row one z changes:\n{' '.join(names)}"
        return Picture(plots.image_grid(grey(self.model, np.concatenate(rows)), self.n, title))
