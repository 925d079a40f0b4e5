"""Bodies of encoders and decoders: plain functions that return Keras models, tensors in, features out.

No probability here, and no head: `ConditionalDistribution` adds the layers that make a family's parameters. Any other
Keras model or layer serves as well. Avoid Keras' noise and dropout layers: their random state is not saved with the
weights, so a resumed run would differ.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tfvae._support.checks import check_image_shape, check_sizes, integers_at_least
from tfvae.networks.checks import CHANNELS_LAST
from tfvae.networks.thin_convolution import ThinConv2D


def mlp(hidden: Sequence[int] = (500,), activation: str = "relu") -> keras.Model:
    """Dense layers on the flattened input: `[B, *any]` -> `[B, hidden[-1]]`.

    Args:
        hidden: units of each layer, each >= 1; empty for no layer at all (a linear model, since the head is linear).
        activation: Keras' name of the activation.
    """
    hidden = check_sizes("hidden", hidden)
    layers = [keras.layers.Dense(units, activation=activation) for units in hidden]
    return keras.Sequential([keras.layers.Flatten(**CHANNELS_LAST), *layers])


def convnet(filters: Sequence[int] = (32, 64), activation: str = "relu") -> keras.Model:
    """3x3 convolutions that halve the image each time: `[B, H, W, C]` -> `[B, ceil(H/2^n), ceil(W/2^n), filters[-1]]`.

    For images of any size and number of channels.

    Args:
        filters: channels of each of the n layers, at least one layer.
        activation: Keras' name of the activation.
    """
    filters = check_sizes("filters", filters, at_least_one=True)
    return keras.Sequential(
        [
            keras.layers.Conv2D(each, 3, strides=2, padding="same", activation=activation, **CHANNELS_LAST)
            for each in filters
        ]
    )


def deconvnet(image_shape: Sequence[int], filters: Sequence[int] = (64, 32), activation: str = "relu") -> keras.Model:
    """Transposed convolutions up to an image's size: `[B, D]` -> `[B, H, W, filters[-1]]`, the mirror of `convnet`.

    Starts from `ceil(H/2^n) x ceil(W/2^n)` and cuts what is over at the bottom and the right, so any size works.

    Args:
        image_shape: `(H, W, C)` of the images; the head makes the C channels.
        filters: channels of each of the n layers, at least one layer.
        activation: Keras' name of the activation.
    """
    filters = check_sizes("filters", filters, at_least_one=True)
    height, width, _ = check_image_shape(image_shape)
    factor = 2 ** len(filters)
    rows, columns = -(-height // factor), -(-width // factor)
    start = [
        keras.layers.Dense(rows * columns * filters[0], activation=activation),
        keras.layers.Reshape((rows, columns, filters[0])),
    ]
    return keras.Sequential([*start, *_doublings((rows, columns), (height, width), filters, activation)])


def upconvnet(
    size: Sequence[int], target: Sequence[int], filters: Sequence[int] = (32,), activation: str = "relu"
) -> keras.Model:
    """Transposed convolutions from maps to larger maps: `[B, *size, C]` -> `[B, *target, filters[-1]]`.

    Args:
        size: `(H, W)` of what comes in.
        target: `(H, W)` of what goes out, at most `2^n` times as many; what is over is cut at the bottom and the right.
        filters: channels of each of the n layers, at least one layer.
        activation: Keras' name of the activation.
    """
    filters = check_sizes("filters", filters, at_least_one=True)
    size, target = check_sizes("size", size), check_sizes("target", target)
    if any(large > small * 2 ** len(filters) for small, large in zip(size, target, strict=True)):
        raise ValueError(f"{len(filters)} doublings do not make {tuple(target)} of {tuple(size)}.")
    return keras.Sequential(_doublings(size, target, filters, activation))


def _doublings(
    size: Sequence[int], target: Sequence[int], filters: Sequence[int], activation: str
) -> list[keras.Layer]:
    layers: list[keras.Layer] = [
        keras.layers.Conv2DTranspose(each, 3, strides=2, padding="same", activation=activation, **CHANNELS_LAST)
        for each in filters
    ]
    surplus = [(0, 2 ** len(filters) * small - large) for small, large in zip(size, target, strict=True)]
    if any(cut for _, cut in surplus):
        layers.append(keras.layers.Cropping2D(surplus, **CHANNELS_LAST))
    return layers


def flatconvnet(filters: Sequence[int] = (32,), activation: str = "relu") -> keras.Model:
    """3x3 convolutions that keep an image's size: `[B, H, W, C]` -> `[B, H, W, filters[-1]]`.

    Args:
        filters: channels of each layer, at least one layer.
        activation: Keras' name of the activation.
    """
    filters = check_sizes("filters", filters, at_least_one=True)
    return keras.Sequential(
        [keras.layers.Conv2D(each, 3, padding="same", activation=activation, **CHANNELS_LAST) for each in filters]
    )


def coupling_convnet(filters: Sequence[int] = (64, 64), activation: str = "relu") -> keras.Model:
    """Convolutions that keep an image's size, for the couplings of a flow: `[B, H, W, C]` -> `[B, H, W, filters[-1]]`.

    The first one is 3x3, the others are 1x1; a coupling's head is 3x3 again.

    Args:
        filters: channels of each layer, at least one layer.
        activation: Keras' name of the activation.

    Source: Kingma and Dhariwal 2018, arXiv:1807.03039, appendix B.
    """
    filters = check_sizes("filters", filters, at_least_one=True)
    return keras.Sequential([ThinConv2D(each, 1 if index else 3, activation) for index, each in enumerate(filters)])


def transformer(width: int = 64, blocks: int = 2, heads: int = 4) -> keras.Model:
    """Blocks of self-attention on tokens, as in a vision transformer: `[B, T, width]` -> `[B, T, width]`.

    Each block normalises, attends, adds, normalises, goes through a dense layer four times as wide and adds; the output
    is normalised. Positions are the caller's business.

    Args:
        width: features of a token, a multiple of `heads`.
        blocks: number of blocks.
        heads: of the attention.

    Source: Dosovitskiy et al. 2021, arXiv:2010.11929.
    """
    width, blocks, heads = integers_at_least(1, width=width, blocks=blocks, heads=heads)
    if width % heads:
        raise ValueError(f"`width` must be a multiple of `heads`, {heads}; received {width}.")
    inputs = tokens = keras.Input((None, width))
    for _ in range(blocks):
        seen = keras.layers.LayerNormalization(epsilon=1e-6)(tokens)
        tokens = tokens + keras.layers.MultiHeadAttention(heads, width // heads)(seen, seen)
        seen = keras.layers.LayerNormalization(epsilon=1e-6)(tokens)
        seen = keras.layers.Dense(4 * width, activation="gelu")(seen)
        tokens = tokens + keras.layers.Dense(width)(seen)
    return keras.Model(inputs, keras.layers.LayerNormalization(epsilon=1e-6)(tokens))
