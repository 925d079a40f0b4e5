"""The generative adversarial network: images without a likelihood."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import number
from tfvae._support.devices import replicas
from tfvae._support.finite import require_finite
from tfvae._support.layer_state import like
from tfvae._support.softplus import softplus
from tfvae.conditional import ConditionalDistribution
from tfvae.families import Delta
from tfvae.models.checks import build_part, require_draws, require_kinds, require_points
from tfvae.models.model import GuardedModel
from tfvae.networks.checks import CHANNELS_LAST, built_body, refuse_losses_of_calls, require_body
from tfvae.noise import Noise
from tfvae.preprocessing import Preprocessing
from tfvae.priors import Prior
from tfvae.training.global_batch import never_empty
from tfvae.training.guard import count_not_finite
from tfvae.training.step import Attempt, Update, weighted
from tfvae.units import Unit

_NO_LIKELIHOOD = Unit("none", False, None, "no likelihood: the loss is that of the discriminator")


@keras.saving.register_keras_serializable("tfvae")
class GAN(GuardedModel):
    """A generator of images, and a discriminator that tells them from the data's, trained against each other.

        discriminator: softplus(-d(x)) + softplus(d(g(z))) + penalty/2 ||dd(x)/dx||^2
        generator:     softplus(-d(g(z)))                                          z ~ p(z)

    That is the non-saturating loss with a penalty on the discriminator's gradient at the data ("R1"). Both losses are
    of the same networks and draws, and both networks move at once. There is no encoder, no p(x) and no bound.

    Args:
        generator: from latents to a `families.Delta` over x, whose point goes through a sigmoid: what a decoder is.
        discriminator: body of d, `[B, *data]` -> features; a dense layer makes the logit of them.
        prior: p(z), one that needs no encoder.
        preprocess: from raw data to x in [0, 1].
        penalty: weight of the gradient penalty, >= 0.
        seed: of the noise of training. (The initial weights follow `keras.utils.set_random_seed`.)

    Calling it with raw data `[B, *data]` gives d(x), the logit that an image is one of the data, `[B]`.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the parts do not fit, or `penalty` is negative.

    Source: Goodfellow et al. 2014, arXiv:1406.2661; the penalty: Mescheder, Geiger and Nowozin 2018, arXiv:1801.04406.
    """

    judged_by_loss = False
    adam: ClassVar[dict[str, float]] = {"beta_1": 0.5, "beta_2": 0.99}  # a GAN's gradients change direction

    def __init__(
        self,
        generator: ConditionalDistribution,
        discriminator: keras.Layer,
        prior: Prior,
        preprocess: Preprocessing,
        penalty: float = 1.0,
        seed: int = 0,
        name: str | None = None,
    ):
        require_kinds(
            generator=(generator, ConditionalDistribution),
            prior=(prior, Prior),
        )
        require_points(generator=generator)
        require_body("discriminator", discriminator)
        penalty = number("penalty", penalty, least=0)
        shape = generator.family.event_shape
        super().__init__(preprocess, shape, _NO_LIKELIHOOD, ("loss", "generator_loss"), seed=seed, name=name)
        # The generator comes first: averages of its weights are found by its place.
        self.generator, self.discriminator, self.prior = generator, discriminator, prior
        self.penalty, self.latent_shape = penalty, prior.event_shape
        build_part("generator", generator, prior.event_shape)
        features = built_body("discriminator", discriminator, shape)
        self.head = keras.Sequential([keras.layers.Flatten(**CHANNELS_LAST), keras.layers.Dense(1)], name="head")
        self.head.build((None, *features))

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights."""
        return self.generator, self.discriminator, self.head, self.prior

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        return Delta(self.data_shape).distribution(self.generated(z))

    @property
    def lacks(self) -> dict[str, str]:
        return super().lacks | {
            "likelihood": "A GAN has no log p(x): it only makes images.",
            "latents": "A GAN has no encoder q(z|x).",
            "representation": "A GAN has no encoder, and so no codes.",
            "reconstructions": "A GAN has no encoder that could find the z to reconstruct from.",
        }

    def compile(
        self, optimizer: Any = "rmsprop", *args: Any, discriminator_optimizer: Any = None, **kwargs: Any
    ) -> None:
        """As for every model; `optimizer` is the generator's.

        Args:
            discriminator_optimizer: the discriminator's; one like the generator's if not given.

        Raises:
            ValueError: an optimiser scales the loss, which float16 needs: a GAN has two losses.
        """
        super().compile(optimizer, *args, **kwargs)
        if discriminator_optimizer is None:
            discriminator_optimizer = like(self.optimizer)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        for each in (self.optimizer, self.discriminator_optimizer):
            if isinstance(each, keras.optimizers.LossScaleOptimizer):
                raise ValueError("A GAN cannot be trained in float16: it has two losses to scale. Use bfloat16.")

    def compile_again(self, **kwargs: Any) -> None:
        self.compile(self.optimizer, discriminator_optimizer=self.discriminator_optimizer, **kwargs)

    def get_compile_config(self) -> Any:
        config = super().get_compile_config()
        if not config:
            return config
        return config | {"discriminator_optimizer": keras.optimizers.serialize(self.discriminator_optimizer)}

    def trained_by(self) -> list[tuple[keras.optimizers.Optimizer, list[Any]]]:
        return [
            (self.optimizer, self._generator_variables),
            (self.discriminator_optimizer, self._discriminator_variables),
        ]

    def state(self) -> list[Any]:
        return [*super().state(), *(variable.value for variable in self.discriminator_optimizer.variables)]

    def call(self, raw: Any, training: bool | None = None) -> tf.Tensor:
        return self._logits(self.representative(raw), bool(training))

    def predicted(self, raw: tf.Tensor) -> tf.Tensor:
        return self(raw, training=False)

    def generated(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images `[B, *data]`, in [0, 1], of latents `[B, *latent]`."""
        return tf.sigmoid(self.generator(z, training=training).mean())

    def sample(self, n: Any, seed: Any = 0, mean: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """See `abilities.sample`; an image has no noise of its own, so `mean` makes no difference."""
        require_draws(n)
        z = self.prior.draw(None, Noise(seed), n)
        x = self.generated(z)
        require_finite("The samples", z, x)
        return z, x

    def sample_title(self, mean: bool) -> str:
        return "images made from z ~ p(z)"

    def attempt(self, raw: tf.Tensor, y: Any, sample_weight: Any, noise: Noise, global_rows: tf.Tensor) -> Attempt:
        with tf.GradientTape(persistent=True) as tape:
            scores = self._scores(raw, noise, training=True)
            losses = {
                name: tf.reduce_sum(weighted(score, sample_weight)) / tf.cast(global_rows, score.dtype)
                for name, score in scores.items()
            }
            refuse_losses_of_calls("discriminator", self.discriminator, "of the data and of draws")
            for name, networks in (("generator_loss", (self.generator,)), ("loss", (self.discriminator, self.head))):
                regularisers = [each for network in networks for each in network.losses]
                if regularisers:  # replicas are summed
                    losses[name] += tf.cast(tf.add_n(regularisers), losses[name].dtype) / replicas()
        updates = [
            Update(optimizer, tape.gradient(loss, variables), variables)
            for (optimizer, variables), loss in zip(
                self.trained_by(), (losses["generator_loss"], losses["loss"]), strict=True
            )
            if variables  # one of the two networks may be frozen
        ]
        return Attempt(scores, {"loss": count_not_finite(list(losses.values()))}, updates)

    def test_scores(self, raw: tf.Tensor, y: Any, noise: Noise) -> dict[str, tf.Tensor]:
        return self._scores(raw, noise)

    def _scores(self, raw: tf.Tensor, noise: Noise, training: bool = False) -> dict[str, tf.Tensor]:
        """Both losses of each example, `[B]`: the discriminator's and the generator's."""
        x = self.preprocess(never_empty(raw), noise)
        z = self.prior.draw(None, noise, tf.shape(x)[0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            of_data = self._logits(x, training)
        slope = tape.gradient(of_data, x)
        of_draws = self._logits(self.generated(z, training), training)
        penalty = 0.5 * self.penalty * tf.reduce_sum(tf.reshape(slope**2, [tf.shape(x)[0], -1]), axis=1)
        rows = tf.shape(raw)[0]
        return {
            "loss": (softplus(-of_data) + softplus(of_draws) + penalty)[:rows],
            "generator_loss": softplus(-of_draws)[:rows],
        }

    def _logits(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        features = self.discriminator(x, training=training)
        return tf.cast(self.head(features), self.compute_dtype)[:, 0]

    @property
    def _generator_variables(self) -> list[Any]:
        return [*self.generator.trainable_variables, *self.prior.trainable_variables]

    @property
    def _discriminator_variables(self) -> list[Any]:
        return [*self.discriminator.trainable_variables, *self.head.trainable_variables]
