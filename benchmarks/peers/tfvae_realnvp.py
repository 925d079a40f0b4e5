"""tfvae: RealNVP as users get it, trained in `fit` with the progress bar. Variants of `train`: none."""

from __future__ import annotations

import numpy as np

import tfvae
from cases import SIDE, Draws, RealNVP
from peers import tfvae_vae


def build(case: RealNVP) -> tfvae.Density:
    return tfvae.realnvp((SIDE, SIDE, 1), 2, case.depth, case.filters, case.alpha)


def parameters(case: RealNVP) -> int:
    return tfvae_vae.count(build(case))


def reference(case: RealNVP, raw: np.ndarray) -> tuple[list[np.ndarray], Draws, float]:
    model = build(case)
    weights = tfvae_vae.drawn_weights(model, factor=0.3)  # with 1 no density is left
    data = tfvae.Noise(model.seed).uniform("dequantize", len(raw), raw.shape[1:])
    return weights, Draws(data.numpy(), np.zeros(0)), tfvae_vae.first_loss(model, raw)


def train(case: RealNVP, images: np.ndarray, variant: str = "") -> float:
    del variant
    return tfvae_vae.fit(build(case), case, images, None)
