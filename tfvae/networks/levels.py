"""The networks between the levels of a hierarchical VAE, of which each level has smaller ones than the one below."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import keras

from tfvae._support.checks import check_sizes, integers_at_least
from tfvae.networks import bodies as networks


class Levels(abc.ABC):
    """The shapes of L levels of latents, and the bodies between them. Level 0 is the data, level L the top."""

    latent_shapes: tuple[tuple[int, ...], ...]
    """Shape of a latent of each level, the lowest first."""

    @abc.abstractmethod
    def up(self, level: int) -> keras.Layer:
        """The body from the level below to this one."""

    @abc.abstractmethod
    def down(self, level: int) -> keras.Layer:
        """The body from this level to the one below."""

    @abc.abstractmethod
    def merge(self, level: int) -> keras.Layer:
        """The body that takes what comes from below and from above side by side."""

    @abc.abstractmethod
    def nothing(self) -> keras.Layer:
        """The body without any layer, where a head is enough."""


class DenseLevels(Levels):
    """Vectors: each level has half as many latents and units as the one below.

    Args:
        levels: number L >= 1.
        latent_size: of the lowest level.
        hidden: units between data and the lowest level, from data to latents.
        activation: Keras' name.

    Raises:
        ValueError: a number is below 1, or halving leaves a level without latents.
    """

    def __init__(self, levels: int, latent_size: int, hidden: Sequence[int], activation: str):
        levels, latent_size = integers_at_least(1, levels=levels, latent_size=latent_size)
        hidden = check_sizes("hidden", hidden)
        if latent_size >> (levels - 1) < 1:
            raise ValueError(
                f"`latent_size` {latent_size} is enough for {latent_size.bit_length()} levels, each with half as many "
                f"latents as the one below; received {levels} `levels`."
            )
        self.latent_shapes = tuple((latent_size >> level,) for level in range(levels))
        self._hidden = [tuple(max(1, units >> level) for units in hidden) for level in range(levels)]
        self._activation = activation

    def up(self, level: int) -> keras.Layer:
        return networks.mlp(self._hidden[level - 1], self._activation)

    def down(self, level: int) -> keras.Layer:
        return networks.mlp(self._hidden[level - 1][::-1], self._activation)

    def merge(self, level: int) -> keras.Layer:
        return networks.mlp(self._hidden[level - 1][-1:], self._activation)

    def nothing(self) -> keras.Layer:
        return networks.mlp(())


class ConvolutionalLevels(Levels):
    """Maps: each level has half the height and the width of the one below, and as many channels.

    Args:
        levels: number L >= 1.
        image_shape: `(H, W, C)`.
        latent_size: channels of the latent maps.
        filters: between data and the lowest level, each halves the image; the levels above have the last one.
        activation: Keras' name.

    Raises:
        ValueError: a number is below 1, or the image is too small to be halved for each level.
    """

    def __init__(
        self, levels: int, image_shape: Sequence[int], latent_size: int, filters: Sequence[int], activation: str
    ):
        levels, latent_size = integers_at_least(1, levels=levels, latent_size=latent_size)
        filters = check_sizes("filters", filters, at_least_one=True)
        self._sizes = [tuple(image_shape[:2])]
        for level in range(levels):
            times = len(filters) if level == 0 else 1
            if max(self._sizes[-1]) <= 2 ** (times - 1):
                raise ValueError(
                    f"Images of {image_shape[0]} x {image_shape[1]} are too small for {levels} levels, of which each "
                    f"halves them: there is nothing left to halve at level {level + 1}."
                )
            self._sizes.append(tuple(-(-side // 2**times) for side in self._sizes[-1]))
        self.latent_shapes = tuple((*size, latent_size) for size in self._sizes[1:])
        self._filters, self._activation = [filters, *[filters[-1:]] * (levels - 1)], activation

    def up(self, level: int) -> keras.Layer:
        return networks.convnet(self._filters[level - 1], self._activation)

    def down(self, level: int) -> keras.Layer:
        size, target = self._sizes[level], self._sizes[level - 1]
        return networks.upconvnet(size, target, self._filters[level - 1][::-1], self._activation)

    def merge(self, level: int) -> keras.Layer:
        return networks.flatconvnet(self._filters[level - 1][-1:], self._activation)

    def nothing(self) -> keras.Layer:
        return keras.layers.Identity()
