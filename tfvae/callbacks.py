"""Keras callbacks that draw pictures while a model trains. What they draw is in `plots`."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np

from tfvae import plots


class _EpochPicture(keras.callbacks.Callback):
    """Writes `folder/name-epoch-001.png` at the end of every epoch."""

    def __init__(self, folder: str | os.PathLike[str], name: str):
        super().__init__()
        self.folder, self.name = Path(folder), name

    def figure(self) -> plots.Figure:
        raise NotImplementedError

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.figure().savefig(self.folder / f"{self.name}-epoch-{epoch + 1:03d}.png")


class SampleGrid(_EpochPicture):
    """Writes a grid of samples at the end of every epoch, from the same latents each time.

    Args:
        folder: where `samples-epoch-001.png` and so on go; made if missing.
        n: number of samples.
        seed: of the latents.
        mean: show the decoder's mean for each latent, as grids usually do, instead of a draw from p(x|z).
    """

    def __init__(self, folder: str | os.PathLike[str], n: int = 64, seed: int = 0, mean: bool = True):
        super().__init__(folder, "samples")
        self.n, self.seed, self.mean = n, seed, mean

    def figure(self) -> plots.Figure:
        _, x = self.model.sample(self.n, seed=self.seed, mean=self.mean)
        what = "decoder means" if self.mean else "draws from p(x|z)"
        return plots.image_grid(np.asarray(self.model.preprocess.grey(x)), title=f"{what} for z ~ p(z)")


class ReconstructionGrid(_EpochPicture):
    """Writes images and their reconstructions at the end of every epoch.

    Args:
        folder: where `reconstructions-epoch-001.png` and so on go; made if missing.
        images: raw images `[N, H, W, C]`, best from the validation part.
    """

    def __init__(self, folder: str | os.PathLike[str], images: np.ndarray):
        super().__init__(folder, "reconstructions")
        self.images = images

    def figure(self) -> plots.Figure:
        grey = self.model.preprocess.grey
        originals = grey(self.model.representative(self.images))
        return plots.reconstruction_grid(np.asarray(originals), np.asarray(grey(self.model(self.images).mean())))
