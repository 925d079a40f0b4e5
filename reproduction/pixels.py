"""Bits per dimension of dequantised 8-bit MNIST: flows, whose likelihood is exact, beside VAEs, at equal time.

Half an hour of one processor core a row. The published figures are for flows that took days of several GPUs (Grathwohl
et al. 2019, arXiv:1810.01367, table 2, which trained RealNVP and Glow for it).
"""

from __future__ import annotations

import dataclasses

from reproduction.tables import Row, Table
from tfvae.app.settings import Settings

_VAE = Settings(model="vae(latent_size=50, network=mlp(300, 300, 300, 300))", validation_size=1000)

ROWS = (
    Row("realnvp", "RealNVP", Settings(model="realnvp", clip=100.0, validation_size=1000, epochs=12), 1.06),
    Row("glow", "Glow", Settings(model="glow", clip=100.0, validation_size=1000, epochs=11), 1.05),
    Row(
        "vae-normal",
        "VAE, normal p(x given z)",
        dataclasses.replace(_VAE, epochs=220).with_options(likelihood="normal(scale=pixel)"),
        None,
    ),
    Row(
        "vae-logistic",
        "VAE, discretised logistic p(x given z)",
        dataclasses.replace(_VAE, epochs=220).with_options(likelihood="discretized_logistic(scale=pixel)"),
        None,
    ),
)
TABLE = Table("pixels", "Grathwohl et al. 2019, arXiv:1810.01367, table 2", ROWS)
