"""Models with a prior p(z) and a decoder p(x|z): draws, first z and then x, and methods that their classes share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
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


def views(model: Any, raw: Any) -> dict[str, tf.Tensor]:
    """Returns raw images and their reconstructions."""
    return {"image": model.representative(raw), f"reconstruction{model.mean_note}": model(raw).mean()}


def start_at(model: Any, x: Any, seed: int = 0) -> None:
    """Initialises the weights of a prior that is made of examples."""
    if model.starts_from_data:
        model.prior.start_at(np.asarray(model.preprocess.grey(x)), seed)
