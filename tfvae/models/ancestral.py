"""Draws from the model itself: first z, then x."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae._support.finite import require_finite
from tfvae.conditional import ConditionalDistribution
from tfvae.noise import Noise
from tfvae.priors import Prior


def ancestral_sample(
    prior: Prior, encoder: keras.Model | None, decoder: ConditionalDistribution, n: Any, seed: Any, mean: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """z ~ p(z) and x ~ p(x|z), or the mean of p(x|z); see `abilities.sample`. The encoder is for priors made of it."""
    noise = Noise(seed)
    z = prior.draw(encoder, noise, n)
    x = data_of(decoder, z, noise, mean)
    require_finite("The samples", z, x)
    return z, x


def data_of(decoder: ConditionalDistribution, z: tf.Tensor, noise: Noise, mean: bool) -> tf.Tensor:
    """x ~ p(x|z), or the mean of p(x|z), for what the decoder takes."""
    show = decoder.family.mean if mean else decoder.family.draw
    return show(decoder(z), noise, "likelihood")
