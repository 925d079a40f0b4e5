"""PyTorch: the loop that people write, with the data resident and their order from `torch.randperm`.

(A `DataLoader` is slower on arrays in memory, so it is not used.)

Convolutions have PyTorch's usual alignment, padding 1 on both sides, which is the mirror image of Keras' "same": it is
the same function of mirrored images with mirrored kernels. So `loss` mirrors both, and training pays for no padding of
its own.

Variants of `train`, to be combined with a space between: "" is eager with Adam's defaults, the plain idiom; "compiled"
is `torch.compile` of the loss (forwards and backwards) with the fused Adam, drawing outside, which was up to 10 %
faster than drawing inside, and no slower than compiling Adam as well; "channels-last" keeps convolutions in that memory
format.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from cases import (
    BETA_1,
    BETA_2,
    EPSILON,
    LEARNING_RATE,
    MIN_SCALE,
    PIXELS,
    SIDE,
    Case,
    Draws,
    Training,
    initial_weights,
    training_images,
)

# Of a block of log-likelihoods: eager, 20 images at a time are 1.8 times faster than 100; compiled they are equal.
ROWS, SAMPLES = 20, 50
HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


class VAE(nn.Module):
    def __init__(self, case: Case):
        super().__init__()
        self.case = case
        bodies = convolutional(case) if case.filters else perceptrons(case)
        self.encoder, self.decoder = bodies

    def loss(self, raw: torch.Tensor, uniform: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch `[B, *image]`."""
        x = self.preprocess(raw, uniform)
        if self.case.samples:
            return (math.log(self.case.samples) - self.log_weights(x, normal).logsumexp(0)).mean()
        mean, scale = self.posterior(x)
        distortion = -self.log_likelihood_of(x, mean + scale * normal).mean(0)
        rate = (0.5 * (mean**2 + scale**2 - 1) - scale.log()).sum(-1)
        return (distortion + rate).mean()

    def preprocess(self, raw: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        level = raw.float()
        return (level + uniform) / 256 if self.case.likelihood == "normal" else (level / 255 > uniform).float()

    def posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, raw_scale = self.encoder(x).chunk(2, dim=-1)
        return mean, MIN_SCALE + F.softplus(raw_scale)

    def log_weights(self, x: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
        """log p(x, z) - log q(z|x), `[S, B]`."""
        mean, scale = self.posterior(x)
        z = mean + scale * normal
        log_p_z = (-0.5 * z**2 - HALF_LOG_2_PI).sum(-1)
        return self.log_likelihood_of(x, z) + log_p_z - log_normal(z, mean, scale)

    def log_likelihood_of(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """log p(x|z), `[S, B]`; z `[S, B, latent]`."""
        outputs = self.decoder(z.flatten(0, 1)).flatten(1).unflatten(0, z.shape[:2])
        x = x.flatten(1)
        if self.case.likelihood == "bernoulli":
            return (x * outputs - F.softplus(outputs)).sum(-1)
        mean, raw_scale = outputs.chunk(2, dim=-1)
        return log_normal(x, mean, MIN_SCALE + F.softplus(raw_scale))


def log_normal(x: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (-0.5 * ((x - mean) / scale) ** 2 - scale.log() - HALF_LOG_2_PI).sum(-1)


def activation(case: Case) -> nn.Module:
    return nn.ReLU() if case.activation == "relu" else nn.Tanh()


def perceptrons(case: Case) -> tuple[nn.Module, nn.Module]:
    encoder = (PIXELS, *case.hidden, 2 * case.latent)
    decoder = (case.latent, *case.hidden[::-1], case.outputs * PIXELS)
    bodies = []
    for sizes in (encoder, decoder):
        layers = [each for pair in itertools.pairwise(sizes) for each in (nn.Linear(*pair), activation(case))]
        bodies.append(nn.Sequential(nn.Flatten(), *layers[:-1]))
    return bodies[0], bodies[1]


def convolutional(case: Case) -> tuple[nn.Module, nn.Module]:
    channels, side = (1, *case.filters), SIDE // 2 ** len(case.filters)
    features = side * side * channels[-1]
    down = [
        each
        for pair in itertools.pairwise(channels)
        for each in (nn.Conv2d(*pair, 3, stride=2, padding=1), activation(case))
    ]
    mirrored = (channels[-1], *case.filters[::-1])
    up = [
        each
        for pair in itertools.pairwise(mirrored)
        for each in (nn.ConvTranspose2d(*pair, 3, stride=2, padding=1, output_padding=1), activation(case))
    ]
    start = nn.Sequential(nn.Linear(case.latent, features), activation(case), nn.Unflatten(1, (-1, side, side)))
    head = nn.Conv2d(case.filters[0], case.outputs, 1)
    return nn.Sequential(*down, nn.Flatten(), nn.Linear(features, 2 * case.latent)), nn.Sequential(start, *up, head)


def parameters(case: Case) -> int:
    return sum(parameter.numel() for parameter in VAE(case).parameters())


def loss(case: Case, weights: list[np.ndarray], raw: np.ndarray, draws: Draws) -> float:
    model = model_with(case, weights)
    images, uniform = as_images(case, raw), as_images(case, draws.data)
    return model.loss(images, uniform, torch.from_numpy(draws.latent)).item()


def model_with(case: Case, weights: list[np.ndarray]) -> VAE:
    """The model with given weights in Keras' layouts."""
    model = VAE(case)
    for parameter, weight in zip(model.parameters(), from_keras(case, weights), strict=True):
        parameter.data = torch.from_numpy(np.array(weight))
    return model


def as_images(case: Case, images: np.ndarray) -> torch.Tensor:
    """`[N, 28, 28, 1]` as the model's `[N, 784]`, or `[N, 1, 28, 28]` and mirrored."""
    if case.filters:
        return torch.from_numpy(images[:, ::-1, ::-1, 0].copy()).unsqueeze(1)
    return torch.from_numpy(images.reshape(-1, PIXELS).copy())


def from_keras(case: Case, weights: list[np.ndarray]) -> list[np.ndarray]:
    """The weights in PyTorch's layouts."""
    side = SIDE // 2 ** len(case.filters)
    flat = (side, side, case.filters[-1]) if case.filters else ()

    def converted(index: int, weight: np.ndarray) -> np.ndarray:
        if weight.ndim == 4:  # HWIO and, transposed, HWOI: the last two axes come first, in reverse order
            return weight[::-1, ::-1].transpose(3, 2, 0, 1)
        first_of_decoder = 2 * (case.encoder_layers + 1)
        if case.filters and index == first_of_decoder - 2:  # from flattened features
            weight = weight.reshape(*flat, -1)[::-1, ::-1].transpose(2, 0, 1, 3).reshape(weight.shape)
        if case.filters and index in (first_of_decoder, first_of_decoder + 1):  # to features
            weight = weight.reshape(-1, *flat)[:, ::-1, ::-1].transpose(0, 3, 1, 2).reshape(weight.shape)
        if weight.ndim == 2 and case.filters and index == len(weights) - 2:
            return weight.T[:, :, None, None]  # the head, which Keras has as a dense layer on channels
        return weight.T if weight.ndim == 2 else weight

    return [converted(index, weight) for index, weight in enumerate(weights)]


def make_step(case: Case, variant: str) -> Any:
    """A function of a raw batch that trains one step and gives the loss."""

    def draw(raw: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.rand(raw.shape), torch.randn(case.draws, len(raw), case.latent)

    return step_of(VAE(case), draw, variant)


def step_of(model: nn.Module, draw: Callable[[torch.Tensor], tuple[torch.Tensor, ...]], variant: str) -> Any:
    """The same for a model with a `loss` of a raw batch and of what `draw` draws for it."""
    if "channels-last" in variant:
        model = model.to(memory_format=torch.channels_last)
    compiled = "compiled" in variant
    optimizer = torch.optim.Adam(
        model.parameters(), LEARNING_RATE, (BETA_1, BETA_2), EPSILON, fused=True if compiled else None
    )

    loss_of = torch.compile(model.loss) if compiled else model.loss

    def step(raw: torch.Tensor) -> torch.Tensor:
        value = loss_of(raw, *draw(raw))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        return value

    return step


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    return seconds(case, as_images(case, images), make_step(case, variant))


def seconds(case: Training, data: torch.Tensor, step: Any) -> float:
    """Of all epochs but the first."""

    def epoch() -> None:
        order = torch.randperm(len(data))
        for rows in order[: case.steps * case.batch].split(case.batch):
            value = step(data[rows])
        value.item()

    epoch()
    start = time.perf_counter()
    for _ in range(case.epochs):
        epoch()
    return time.perf_counter() - start


@torch.no_grad()
def log_likelihood(case: Case, images: np.ndarray, samples: int, variant: str = "") -> tuple[float, float]:
    """In blocks of 20 images and 50 samples; compiled before, if at all."""
    model, blocks = model_with(case, initial_weights(case)), as_images(case, images).split(ROWS)

    def add(total: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        log_w = model.log_weights(x, torch.randn(SAMPLES, len(x), case.latent))
        return torch.logaddexp(total, log_w.logsumexp(0))

    step = torch.compile(add) if "compiled" in variant else add

    def bound(raw: torch.Tensor, number: int) -> torch.Tensor:
        x = model.preprocess(raw, torch.rand(raw.shape))
        total = torch.full((len(raw),), -math.inf)
        for _ in range(number // SAMPLES):
            total = step(total, x)
        return total - math.log(number)

    bound(blocks[0], 2 * SAMPLES)
    start = time.perf_counter()
    bounds = torch.cat([bound(block, samples) for block in blocks])
    return time.perf_counter() - start, bounds.mean().item()


@torch.no_grad()
def sample(case: Case, number: int, repeats: int, variant: str) -> float:
    """Variants: "means" and "draws", with "compiled" or without; compiled before, if at all."""
    model = model_with(case, initial_weights(case))

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        z = torch.randn(number, case.latent)
        mean, raw_scale = model.decoder(z).chunk(2, dim=-1)
        if "means" in variant:
            return z, mean
        return z, mean + (MIN_SCALE + F.softplus(raw_scale)) * torch.randn(mean.shape)

    run = torch.compile(draw) if "compiled" in variant else draw
    run()
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return time.perf_counter() - start


def first_step(case: Case, variant: str = "") -> None:
    data, step = as_images(case, training_images(55_000)), make_step(case, variant)
    step(data[torch.randperm(len(data))[: case.batch]]).item()
