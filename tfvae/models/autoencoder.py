"""The autoencoder, and the denoising autoencoder, which is one whose input is corrupted."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.conditional import ConditionalDistribution
from tfvae.corruption import Corruption
from tfvae.models import given
from tfvae.models.checks import build_part, require_kinds, require_points
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.objectives import Distortion
from tfvae.preprocessing import Preprocessing
from tfvae.trace import Trace


@keras.saving.register_keras_serializable("tfvae")
class Autoencoder(UnsupervisedModel):
    """A code z = f(x) from which x can be made again: no distributions, but points.

        loss = ||x - g(f(c(x)))||^2,  c: the corruption, or nothing

    The loss is the squared error of an image, summed over its elements and averaged over images. With a `corruption`,
    which is drawn anew at every use (in validation too), it is a denoising autoencoder: f sees the corrupted image, and
    the clean one is scored.

    Args:
        encoder: f, from x to a `families.Delta` over codes.
        decoder: g, from codes to a `families.Delta` over x.
        preprocess: from raw data to x.
        corruption: c, or None.
        seed: of the noise of training. (The initial weights follow `keras.utils.set_random_seed`.)

    Calling it with raw data `[B, *data]` gives g(f(x)) as a distribution with all its mass in that point; nothing is
    corrupted there, so that `predict` restores what it is given.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the parts do not fit, or are no points.

    Source: Vincent, Larochelle, Bengio and Manzagol 2008 (denoising).
    """

    def __init__(
        self,
        encoder: ConditionalDistribution,
        decoder: ConditionalDistribution,
        preprocess: Preprocessing,
        corruption: Corruption | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        require_kinds(encoder=(encoder, ConditionalDistribution), decoder=(decoder, ConditionalDistribution))
        require_points(encoder=encoder, decoder=decoder)
        if corruption is not None and not isinstance(corruption, Corruption):
            raise TypeError(f"`corruption` must be a `Corruption` or None; received {corruption!r}.")
        super().__init__(preprocess, decoder.family, Distortion(), seed=seed, name=name)
        self.encoder, self.decoder, self.corruption = encoder, decoder, corruption
        self.latent_shape = encoder.family.event_shape
        build_part("encoder", encoder, decoder.family.event_shape)
        build_part("decoder", decoder, encoder.family.event_shape)
        encoder.prepare = lambda raw: preprocess.grey(self.representative(raw))
        encoder.problems = lambda raw: preprocess.problems(self.as_examples(raw))
        encoder.look = self.require_shape
        encoder.preprocess = preprocess
        encoder.take = lambda raw: given.for_prediction(self, raw)

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights: the encoder and the decoder."""
        return self.encoder, self.decoder

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        return self.decoder(z)

    @property
    def lacks(self) -> dict[str, str]:
        return {
            "clusters": super().lacks["clusters"],
            "likelihood": "An autoencoder has no p(x): its loss is a squared error.",
            "latents": "An autoencoder's code is a point: there is no q(z|x), and no rate.",
            "samples": "An autoencoder has no p(z) that codes could be drawn from, so it cannot sample; a VAE can.",
        }

    def call(self, raw: Any, training: bool | None = None) -> tfp.distributions.Distribution:
        return self._restored(self.representative(raw), bool(training))

    def codes(self, x: Any) -> tf.Tensor:
        codes = self.encoder(self.preprocess.grey(x)).mean()
        return tf.reshape(codes, [tf.shape(codes)[0], -1])

    def views(self, raw: Any) -> dict[str, tf.Tensor]:
        x = self.representative(raw)
        if self.corruption is None:
            return {"image": x, "reconstruction": self._restored(x).mean()}
        corrupted = self.corruption(x, Noise(EVALUATION_SEED))
        return {"image": x, "corrupted": corrupted, "restored": self._restored(corrupted).mean()}

    def trace_of(
        self, x: tf.Tensor, noise: Noise, sample_size: int = 1, y: Any = None, training: bool = False
    ) -> Trace:
        seen = x if self.corruption is None else self.corruption(x, noise)
        error = tf.math.squared_difference(x, self._restored(seen, training).mean())
        error = tf.reduce_sum(tf.reshape(error, [tf.shape(error)[0], -1]), axis=1)
        return Trace(log_px_z=tf.repeat(-error[tf.newaxis], sample_size, axis=0), latents=())

    def _restored(self, x: tf.Tensor, training: bool = False) -> tfp.distributions.Distribution:
        code = self.encoder(self.preprocess.grey(x), training=training).mean()
        return self.decoder(code, training=training)
