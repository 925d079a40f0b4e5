"""Bodies of networks: Keras models from tensors to tensors, without probability."""

from tfvae.networks.bodies import convnet, coupling_convnet, deconvnet, flatconvnet, mlp, transformer, upconvnet
from tfvae.networks.levels import ConvolutionalLevels, DenseLevels, Levels
from tfvae.networks.thin_convolution import ThinConv2D

__all__ = [
    "ConvolutionalLevels",
    "DenseLevels",
    "Levels",
    "ThinConv2D",
    "convnet",
    "coupling_convnet",
    "deconvnet",
    "flatconvnet",
    "mlp",
    "transformer",
    "upconvnet",
]
