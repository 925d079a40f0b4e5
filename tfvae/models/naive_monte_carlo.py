"""The lecture's first idea as a model: log p(x) by averaging p(x|z) over draws from the prior."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import samples_of
from tfvae.conditional import ConditionalDistribution
from tfvae.families.pairs import log_prob_of_pairs
from tfvae.models.ancestral import ancestral_sample
from tfvae.models.checks import build_part, require_draws, require_kinds
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.objectives import NaiveAverage
from tfvae.preprocessing import Preprocessing
from tfvae.priors import Prior
from tfvae.trace import Trace


@keras.saving.register_keras_serializable("tfvae")
class NaiveMonteCarlo(UnsupervisedModel):
    """A decoder p(x|z) and a prior p(z), trained without an encoder.

        loss = -log 1/L sum_l p(x|z_l),  z_l ~ p(z)

    The L draws are decoded once and serve every example of the batch. In expectation -loss is a lower bound on
    log p(x), which is the looser the fewer of the draws explain an example: it learns for a few latent dimensions, and
    for many it learns the average image.

    Args:
        decoder: p(x|z), from latents to a distribution over x.
        prior: p(z), over the decoder's inputs; one that needs no encoder.
        preprocess: from raw data to x.
        draws: L >= 1.
        seed: of the noise of training.

    Calling it with raw data `[B, *data]` gives log p(x|z) of the `draws` fixed draws of evaluation, `[L, B]`.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the parts do not fit.
    """

    def __init__(
        self,
        decoder: ConditionalDistribution,
        prior: Prior,
        preprocess: Preprocessing,
        draws: int = 1000,
        seed: int = 0,
        name: str | None = None,
    ):
        require_kinds(decoder=(decoder, ConditionalDistribution), prior=(prior, Prior))
        if prior.data_shape is not None:
            raise ValueError("`prior` needs an encoder q(z|x), which naive Monte Carlo has not.")
        draws = samples_of("draws", draws)
        super().__init__(preprocess, decoder.family, NaiveAverage(draws), seed=seed, name=name)
        self.decoder, self.prior, self.draws, self.latent_shape = decoder, prior, draws, prior.event_shape
        build_part("decoder", decoder, prior.event_shape)

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights: the decoder and the prior."""
        return self.decoder, self.prior

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        return self.decoder(z)

    @property
    def lacks(self) -> dict[str, str]:
        reason = "Naive Monte Carlo has no encoder q(z|x)"
        found = super().lacks | {
            "latents": f"{reason}, and so no rate.",
            "representation": f"{reason}, and so no codes.",
            "reconstructions": f"{reason} that could find the z to reconstruct from.",
        }
        if not self.unit.is_likelihood:
            found["likelihood"] = f"There is no log p(x): this model scores the {self.unit.scored}."
        return found

    def call(self, raw: Any, training: bool | None = None) -> tf.Tensor:
        return self.trace_of(self.representative(raw), Noise(0), self.draws).log_px_z

    def predicted(self, raw: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError(self.lacks["reconstructions"])

    def trace_of(
        self, x: tf.Tensor, noise: Noise, sample_size: int = 1, y: Any = None, training: bool = False
    ) -> Trace:
        # The same draws for every example, on every replica: their address is the sample's alone.
        # A seed for each example would need draws for each: they share those of the evaluation.
        seed = EVALUATION_SEED if noise.is_by_row else noise.seed
        shared = Noise(seed, noise.step, first_row=noise.first_sample)
        z = self.prior.draw(None, shared, sample_size)
        return Trace(log_px_z=log_prob_of_pairs(self.decoder(z[:, tf.newaxis], training=training), x), latents=())

    def sample(self, n: Any, seed: Any = 0, mean: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        require_draws(n)
        return ancestral_sample(self.prior, None, self.decoder, n, seed, mean)
