"""PyTorch: RealNVP in the loop of `torch_vae.py`, with its variants."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from cases import SIDE, Draws, RealNVP, initial_flow_weights
from peers import torch_vae

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


class Coupling(nn.Module):
    """Shift and scale of channels and then a coupling: x -> z and log |det dz/dx|. `kept` is 1 for what is kept."""

    def __init__(self, weights: Iterator[torch.Tensor], flip: bool, side: int):
        super().__init__()
        self.flip = flip
        self.shift, self.log_scale = (nn.Parameter(next(weights).view(-1, 1, 1)) for _ in range(2))
        layers = []
        for _ in range(3):
            kernel, bias = next(weights), next(weights)
            layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2], padding="same")
            layer.weight.data, layer.bias.data = kernel, bias
            layers += [layer, nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        even = (torch.arange(side)[:, None] + torch.arange(side) + 1) % 2
        self.register_buffer("kept", (1 - even if flip else even).float())

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = (x - self.shift) * self.log_scale.exp()
        log_det = x.shape[-1] * x.shape[-2] * self.log_scale.sum()
        z, of_coupling = self.coupled(x)
        return z, log_det + of_coupling

    def moves(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        shift, raw = self.network(seen).chunk(2, dim=1)
        return shift, torch.tanh(raw)


class Checkerboard(Coupling):
    def coupled(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        shift, log_scale = self.moves(x * self.kept)
        shift, log_scale = shift * (1 - self.kept), log_scale * (1 - self.kept)
        return (x + shift) * log_scale.exp(), log_scale.flatten(1).sum(1)


class Halves(Coupling):
    def coupled(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = x.chunk(2, dim=1)
        kept, moved = (second, first) if self.flip else (first, second)
        shift, log_scale = self.moves(kept)
        moved = (moved + shift) * log_scale.exp()
        return torch.cat([moved, kept] if self.flip else [kept, moved], dim=1), log_scale.flatten(1).sum(1)


class Model(nn.Module):
    def __init__(self, case: RealNVP, weights: list[np.ndarray]):
        super().__init__()
        # Keras' HWIO is PyTorch's OIHW.
        each = iter([torch.from_numpy(w.transpose(3, 2, 0, 1).copy() if w.ndim == 4 else w.copy()) for w in weights])
        kinds = (Checkerboard, SIDE), (Halves, SIDE // 2), (Checkerboard, SIDE // 2)
        rows = [[kind(each, index % 2 == 1, side) for index in range(case.depth)] for kind, side in kinds]
        self.rows, self.alpha = nn.ModuleList(nn.ModuleList(row) for row in rows), case.alpha

    def loss(self, raw: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        """Mean of -log p(x) of a batch `[B, 1, 28, 28]`."""
        p = self.alpha + (1 - 2 * self.alpha) * (raw.float() + uniform) / 256
        log_p, log_rest = p.log(), torch.log1p(-p)
        log_det = (math.log(1 - 2 * self.alpha) - log_p - log_rest).flatten(1).sum(1)
        checkers, halves, last = self.rows
        x, log_det = through(checkers, log_p - log_rest, log_det)
        x, log_det = through(halves, squeezed(x), log_det)
        x, left = x.chunk(2, dim=1)
        x, log_det = through(last, x, log_det)
        log_p_z = sum((-0.5 * z**2 - HALF_LOG_2_PI).flatten(1).sum(1) for z in (x, left))
        return -(log_p_z + log_det).mean()


def through(row: nn.ModuleList, x: torch.Tensor, log_det: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    for coupling in row:
        x, more = coupling(x)
        log_det = log_det + more
    return x, log_det


def squeezed(x: torch.Tensor) -> torch.Tensor:
    """`[B, C, H, W]` -> `[B, 4 C, H/2, W/2]`, in TensorFlow's order of the channels."""
    batch, channels, height, width = x.shape
    pairs = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return pairs.permute(0, 3, 5, 1, 2, 4).reshape(batch, 4 * channels, height // 2, width // 2)


def parameters(case: RealNVP) -> int:
    return sum(parameter.numel() for parameter in Model(case, initial_flow_weights(case)).parameters())


def as_images(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())


def loss(case: RealNVP, weights: list[np.ndarray], raw: np.ndarray, draws: Draws) -> float:
    return Model(case, weights).loss(as_images(raw), as_images(draws.data)).item()


def train(case: RealNVP, images: np.ndarray, variant: str = "") -> float:
    model = Model(case, initial_flow_weights(case))
    step = torch_vae.step_of(model, lambda raw: (torch.rand(raw.shape),), variant)
    return torch_vae.seconds(case, as_images(images), step)
