"""Networks between data and latents: bodies of an encoder and a decoder that mirror each other."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from tfvae.recipes.options import Count

Activation = Literal["relu", "gelu", "silu", "elu", "tanh", "softplus"]


@dataclasses.dataclass(frozen=True)
class Bodies:
    """The two bodies of a network of layers of these sizes, from data to latents and back.

    Attributes:
        sizes: units or channels of the layers, from data to latents.
        activation: Keras' name of the function between the layers.
        convolutional: the layers are convolutions.
    """

    sizes: tuple[int, ...]
    activation: str
    convolutional: bool = False

    def encoder(self) -> Any:
        """A Keras model from data to features."""
        from tfvae import networks

        return (networks.convnet if self.convolutional else networks.mlp)(self.sizes, self.activation)

    def decoder(self, image_shape: tuple[int, ...]) -> Any:
        """A Keras model from latents to features of data of that shape."""
        from tfvae import networks

        if self.convolutional:
            return networks.deconvnet(image_shape, self.sizes[::-1], self.activation)
        return networks.mlp(self.sizes[::-1], self.activation)

    def levels(self, levels: int, latent_size: int, image_shape: tuple[int, ...]) -> Any:
        """The networks between several levels of latents."""
        from tfvae import networks

        if self.convolutional:
            return networks.ConvolutionalLevels(levels, image_shape, latent_size, self.sizes, self.activation)
        return networks.DenseLevels(levels, latent_size, self.sizes, self.activation)


def mlp(*units: Count, activation: Activation = "gelu") -> Bodies:
    """Dense layers.

    Args:
        units: units of the layers, from data to latents. [default: 300,300,300,300]
        activation: function between the layers.
    """
    return Bodies(units or (300, 300, 300, 300), activation)


def conv(*channels: Count, activation: Activation = "gelu") -> Bodies:
    """Convolutions, much slower than dense layers on a CPU.

    Args:
        channels: channels of the layers, from data to latents. [default: 32,64]
        activation: function between the layers.
    """
    return Bodies(channels or (32, 64), activation, convolutional=True)
