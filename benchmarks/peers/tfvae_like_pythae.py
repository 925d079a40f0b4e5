"""pythae's default VAE built from tfvae's parts, with two families of its own: the same function, number for number.

Variants: none; it is always trained in `fit` with the progress bar and 5,000 validation images, as pythae is.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from cases import Case, Draws, validation_images
from peers import tfvae_vae
from peers.tfvae_vae import SHAPE
from tfvae import networks, preprocessing
from tfvae.families import Family, Parameter


class LogVarianceNormal(Family):
    """Independent normals whose variance is the exponential of the network's output."""

    scores = "density"

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"location": Parameter("element"), "log_variance": Parameter("element")}

    def distribution(self, location: tf.Tensor, log_variance: tf.Tensor) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.Normal(location, tf.exp(0.5 * log_variance)))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.mean() + distribution.stddev() * base


class SigmoidNormal(Family):
    """Independent normals of scale 1 around the sigmoid of the network's output."""

    scores = "density"

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {"logits": Parameter("element")}

    def distribution(self, logits: tf.Tensor) -> tfp.distributions.Distribution:
        return self._reinterpreted(tfp.distributions.Normal(tf.sigmoid(logits), tf.ones([], logits.dtype)))

    def transform(self, distribution: tfp.distributions.Distribution, base: tf.Tensor) -> tf.Tensor:
        return distribution.mean() + distribution.stddev() * base


def build(case: Case) -> tfvae.VAE:
    return tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(networks.mlp(case.hidden), LogVarianceNormal((case.latent,))),
        decoder=tfvae.ConditionalDistribution(networks.mlp(case.hidden[::-1]), SigmoidNormal(SHAPE)),
        prior=tfvae.priors.StandardNormal((case.latent,)),
        preprocess=preprocessing.Rescale(),
    )


def parameters(case: Case) -> int:
    return tfvae_vae.count(build(case))


def reference(case: Case, raw: np.ndarray) -> tuple[list[np.ndarray], Draws, float]:
    return tfvae_vae.first_step_of(build(case), case, raw)


def train(case: Case, images: np.ndarray, variant: str = "") -> float:
    del variant
    return tfvae_vae.fit(build(case), case, images, validation_images())
