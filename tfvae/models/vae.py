"""The variational autoencoder."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.conditional import ConditionalDistribution
from tfvae.models import ancestral, given
from tfvae.models.checks import build_part, require_draws, require_kinds, require_same_examples
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.noise import Noise
from tfvae.objectives import ELBO, Objective
from tfvae.preprocessing import Preprocessing
from tfvae.priors import MixtureOfNormals, Prior
from tfvae.trace import Inferred, Trace, latent


@keras.saving.register_keras_serializable("tfvae")
class VAE(UnsupervisedModel):
    """A variational autoencoder: prior p(z), decoder p(x|z), encoder q(z|x).

    Args:
        encoder: q(z|x), from x to a distribution over latents. It sees `preprocess.grey(x)`, which is x but for
            whole levels.
        decoder: p(x|z), from latents to a distribution over x. Its family's event shape is the shape of the data.
        prior: p(z), over the same latents.
        preprocess: from raw data to x.
        objective: what is minimised; the ELBO with one sample if not given.
        seed: of the noise of training. (The initial weights follow `keras.utils.set_random_seed`.)

    Calling it with raw data `[B, *data]` gives the distribution p(x|z) at the posterior mean z; `predict` gives that
    distribution's mean, the reconstruction, as an array.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the parts do not fit: latents of different shapes, a preprocessing whose x the decoder's family
            does not score (see `tfvae.units`), or a gradient of the objective that a flow posterior has not.

    Source: Kingma and Welling 2013, arXiv:1312.6114.
    """

    views, start_at = ancestral.views, ancestral.start_at

    def __init__(
        self,
        encoder: ConditionalDistribution,
        decoder: ConditionalDistribution,
        prior: Prior,
        preprocess: Preprocessing,
        objective: Objective | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        require_kinds(
            encoder=(encoder, ConditionalDistribution), decoder=(decoder, ConditionalDistribution), prior=(prior, Prior)
        )
        data_shape, latent_shape = decoder.family.event_shape, encoder.family.event_shape
        super().__init__(preprocess, decoder.family, objective or ELBO(), seed=seed, name=name)
        if decoder.family.scores == "point":
            raise ValueError("`decoder` must have a density; that of `Delta` is no likelihood. `Autoencoder` takes it.")
        if prior.event_shape != latent_shape:
            swapped = " `encoder` and `decoder` seem to be swapped." if prior.event_shape == data_shape else ""
            raise ValueError(
                f"`prior` is over latents of shape {prior.event_shape}, `encoder` gives them in shape {latent_shape}."
                f"{swapped}"
            )
        require_same_examples(prior, self.data_shape)
        if prior.data_shape is not None and encoder.family.layers:
            raise ValueError(
                f"`prior` needs the density of each posterior everywhere; a `{type(encoder.family).__name__}` has "
                "it for its own draws only."
            )
        self.encoder, self.decoder, self.prior = encoder, decoder, prior
        self.latent_shape, self.starts_from_data = latent_shape, prior.data_shape is not None
        self.check_objective(self.objective)
        build_part("encoder", encoder, data_shape)
        build_part("decoder", decoder, latent_shape)
        encoder.prepare = lambda raw: preprocess.grey(self.representative(raw))
        encoder.problems = lambda raw: preprocess.problems(self.as_examples(raw))
        encoder.look = self.require_shape
        encoder.preprocess = preprocess
        encoder.take = lambda raw: given.for_prediction(self, raw)

    def trace_of(
        self, x: tf.Tensor, noise: Noise, sample_size: int = 1, y: Any = None, training: bool = False,
        z: tf.Tensor | None = None,
    ) -> Trace:  # fmt: skip
        """See `UnsupervisedModel.trace_of`; `z`, latents `[S, B, *latent]`, may be given in place of draws from q."""
        posterior = self.encoder(self.preprocess.grey(x), training=training)  # encode: q(z|x)
        if z is None:
            z = self.encoder.family.draw(posterior, noise, "posterior", sample_size)
        likelihood = self.decoder(z, training=training)  # decode: p(x|z)
        prior = self.prior.distribution(self.encoder)  # p(z)
        return Trace(log_px_z=likelihood.log_prob(x), latents=(latent(z, posterior, prior),))

    def check_objective(self, objective: Objective) -> None:
        super().check_objective(objective)
        gradient, family = getattr(objective, "gradient", "plain"), self.encoder.family
        if family.layers and gradient != "plain":
            raise ValueError(
                f'`objective` has the gradient "{gradient}", which needs log q(z|x) with the parameters '
                f'of q left out; those of `{type(family).__name__}` are weights too. Use "plain".'
            )

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights: the encoder, the decoder and the prior."""
        return self.encoder, self.decoder, self.prior

    def called_twice(self) -> tuple[keras.Layer, ...]:
        return () if self.prior.data_shape is None else (self.encoder,)

    def call(self, raw: Any, training: bool | None = None) -> tfp.distributions.Distribution:
        return self.decoder(self.posterior(self.representative(raw), bool(training)).mean(), training=training)

    def posterior(self, x: tf.Tensor, training: bool | None = None) -> tfp.distributions.Distribution:
        """q(z|x) for preprocessed data: batch shape `[B]`, event shape that of the latents."""
        return self.encoder(self.preprocess.grey(x), training=training)

    @property
    def lacks(self) -> dict[str, str]:
        found = super().lacks
        if isinstance(self.prior, MixtureOfNormals):
            del found["clusters"]
        if self.encoder.family.scores == "point":
            found["likelihood"] = "q(z|x) is a point, without a density: there are no importance weights."
            found["latents"] = "q(z|x) is a point: its rate is infinite and it tells everything about x."
        return found

    def moments(self, x: Any) -> tuple[tf.Tensor, tf.Tensor]:
        posterior = self.posterior(x)
        return posterior.mean(), posterior.stddev()

    def codes(self, x: Any) -> tf.Tensor:
        means = self.posterior(x).mean()
        return tf.reshape(means, [tf.shape(means)[0], -1])

    def clusters(self, x: Any) -> tf.Tensor:
        """The component of a mixture prior that is most probable at the posterior's mean, int `[B]`."""
        if not isinstance(self.prior, MixtureOfNormals):
            return super().clusters(x)
        return tf.argmax(self.prior.responsibilities(self.posterior(x).mean()), axis=1)

    def groups(self, x: tf.Tensor, noise: Noise, sample_size: int) -> list[Inferred]:
        """Returns the latents of preprocessed examples, `[B, *data]`: S draws from q(z|x), as in `trace_of`."""
        posterior = self.posterior(x)
        z = self.encoder.family.draw(posterior, noise, "posterior", sample_size)
        return [Inferred(z, posterior, self.prior.distribution(self.encoder))]

    def sample(self, n: Any, seed: Any = 0, mean: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws latents from the prior and data from the decoder.

        Args:
            n: number of draws.
            seed: the same seed gives the same draws, and the first of more draws are those of fewer (to the last bit
                but one: TensorFlow rounds a logarithm differently at the end of an array).
            mean: give the decoder's mean instead of a draw from p(x|z): what grids of samples usually show.

        Returns:
            z `[n, *latent]` and x `[n, *data]` in the units of the preprocessed data.
        """
        require_draws(n)
        return ancestral.ancestral_sample(self.prior, self.encoder, self.decoder, n, seed, mean)

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        return self.decoder(z)

    def draw_codes(self, x: Any, noise: Noise) -> tf.Tensor:
        return self.groups(x, noise, 1)[0].z[0]

    def draw_latents(self, noise: Noise, n: Any) -> tf.Tensor:
        return self.prior.draw(self.encoder, noise, n)
