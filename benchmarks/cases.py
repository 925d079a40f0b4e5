"""The models that the benchmarks train, as plain numbers that every framework builds in its own way, and their data.

Everything is float32 but the images, which stay uint8 until a step converts them. In all cases

    x = (u + U) / 256 ("normal") or [U < u / 255] ("bernoulli"), with U uniform in (0, 1), drawn anew in each step
    q(z|x) = N(m, s^2), s = 1/256 + softplus(.), and p(z) = N(0, I); p(x|z) likewise, or Bernoulli

A model's weights cross frameworks as one flat list of arrays in Keras' layouts and in this order: for the encoder,
then the decoder, kernel and bias of each hidden layer and of the head. A head's outputs are means, then raw scales.
For RealNVP they are, coupling by coupling, shift and log scale of the elements and then its network's layers.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

SIDE = 28
PIXELS = SIDE * SIDE
MIN_SCALE = 1 / 256
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7  # Adam's; epsilon is Keras'


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        batch: images in a batch.
        images: of an epoch, and epochs that are timed after one that is not.
    """

    batch: int = 100
    images: int = 55_000
    epochs: int = 2

    @property
    def steps(self) -> int:
        """Of an epoch; images that fill no batch are left out."""
        return self.images // self.batch

    def small(self) -> Any:
        """The same model for a few steps, to show that it runs."""
        return replace(self, images=4 * self.batch, epochs=1)


@dataclass(frozen=True)
class Case(Training):
    """A VAE and how it is trained.

    Attributes:
        hidden: units of the encoder's dense layers; the decoder has them in reverse order.
        filters: channels of the encoder's convolutions (3x3, stride 2), in place of `hidden`; the decoder mirrors them.
        activation: "relu" or "tanh".
        latent: latent dimensions.
        likelihood: "normal" (one scale a pixel) or "bernoulli".
        samples: of the importance-weighted bound, or 0: the ELBO with one sample and the rate in closed form.
    """

    hidden: tuple[int, ...] = ()
    filters: tuple[int, ...] = ()
    activation: str = "relu"
    latent: int = 20
    likelihood: str = "bernoulli"
    samples: int = 0

    @property
    def draws(self) -> int:
        """Latent samples of each image."""
        return max(1, self.samples)

    @property
    def outputs(self) -> int:
        """Parameters that the decoder's head makes for each pixel."""
        return 2 if self.likelihood == "normal" else 1

    @property
    def encoder_layers(self) -> int:
        """Hidden layers of the encoder, without the head."""
        return len(self.filters or self.hidden)


@dataclass(frozen=True)
class RealNVP(Training):
    """RealNVP with two scales, each of couplings of a checkerboard, the first one also of couplings of channel halves.

    x = (u + U) / 256 goes through the logit of alpha + (1 - 2 alpha) x. Each coupling comes after a shift and a scale
    of channels; its network has a 3x3 and a 1x1 convolution and a 3x3 head, whose outputs are shifts, then raw log
    scales r, of which tanh(r) is taken.

    Attributes:
        depth: couplings in a row; every second one is flipped.
        filters: of the two hidden convolutions.
        alpha: of the logit.
    """

    depth: int = 4
    filters: tuple[int, int] = (32, 32)
    alpha: float = 0.05

    @property
    def rows(self) -> list[tuple[int, int, int]]:
        """Of couplings: the channels of an example, those that a network sees, and those that it moves."""
        return [(1, 1, 1), (4, 2, 2), (2, 2, 2)]


DENSE = Case(hidden=(500,), likelihood="normal")
DENSE_LARGE_BATCH = replace(DENSE, batch=1000)
LIKE_PYTHAE = Case(hidden=(512,), latent=10)  # its likelihood is its own; see peers/tfvae_like_pythae.py
BURDA = Case(
    hidden=(200, 200), activation="tanh", latent=50, samples=1, images=20_000
)  # Burda et al. 2015, arXiv:1509.00519
BURDA_5 = replace(BURDA, samples=5)
BURDA_50 = replace(BURDA, samples=50, images=10_000, epochs=1)
CONVOLUTIONAL = Case(filters=(32, 64), batch=128, images=12_800, epochs=1)
REALNVP = RealNVP(images=2_500, epochs=1)


def layer_shapes(case: Case) -> list[tuple[tuple[int, ...], int]]:
    """The kernel's shape and the bias's size of each layer, in Keras' layouts and the order above."""
    if not case.filters:
        encoder = (PIXELS, *case.hidden, 2 * case.latent)
        decoder = (case.latent, *case.hidden[::-1], case.outputs * PIXELS)
        return [(pair, pair[1]) for sizes in (encoder, decoder) for pair in itertools.pairwise(sizes)]
    channels = (1, *case.filters)
    features = (SIDE // 2 ** len(case.filters)) ** 2 * channels[-1]
    mirrored = (channels[-1], *case.filters[::-1])
    return [
        *(((3, 3, before, after), after) for before, after in itertools.pairwise(channels)),
        ((features, 2 * case.latent), 2 * case.latent),
        ((case.latent, features), features),
        *(((3, 3, after, before), after) for before, after in itertools.pairwise(mirrored)),
        ((case.filters[0], case.outputs), case.outputs),
    ]


def initial_weights(case: Case) -> list[np.ndarray]:
    """Kernels drawn as Glorot and Bengio do, biases zero."""
    random = np.random.default_rng(0)
    weights = []
    for shape, size in layer_shapes(case):
        bound = np.sqrt(6 / (np.prod(shape[:-2]) * (shape[-2] + shape[-1])))
        weights += [random.uniform(-bound, bound, shape).astype("float32"), np.zeros(size, "float32")]
    return weights


def initial_flow_weights(case: RealNVP) -> list[np.ndarray]:
    """Kernels as in `initial_weights`, but zero in heads, as the rest is: every coupling starts as the identity."""
    random = np.random.default_rng(0)
    weights = []
    for channels, seen, moved in case.rows:
        sizes = (seen, *case.filters, 2 * moved)
        for _ in range(case.depth):
            weights += [np.zeros(channels, "float32"), np.zeros(channels, "float32")]
            for width, gain, (before, after) in zip((3, 1, 3), (6, 6, 0), itertools.pairwise(sizes), strict=True):
                bound = np.sqrt(gain / (width**2 * (before + after)))
                kernel = random.uniform(-bound, bound, (width, width, before, after)).astype("float32")
                weights += [kernel, np.zeros(after, "float32")]
    return weights


class Draws(NamedTuple):
    """The random numbers of one step.

    Attributes:
        data: U, `[B, 28, 28, 1]`.
        latent: standard normal, `[S, B, latent]`.
    """

    data: np.ndarray
    latent: np.ndarray


def training_images(number: int) -> np.ndarray:
    """The first of MNIST's training images, uint8 `[number, 28, 28, 1]`."""
    import tfvae

    return tfvae.datasets.load("mnist").split_validation()[0].images[:number]


def validation_images() -> np.ndarray:
    """5,000 of MNIST's training images that `training_images` has not, uint8 `[5000, 28, 28, 1]`."""
    import tfvae

    return tfvae.datasets.load("mnist").split_validation()[1].images
