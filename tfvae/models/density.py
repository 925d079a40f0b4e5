"""A model that is a density of x and nothing else: no latents, no bound."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae._support.checks import number
from tfvae._support.finite import require_finite
from tfvae.flows import Flow
from tfvae.models.checks import require_draws, require_kinds
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.noise import Noise
from tfvae.objectives import Distortion
from tfvae.preprocessing import Preprocessing
from tfvae.priors import MixtureOfNormals, Prior
from tfvae.trace import Trace


@keras.saving.register_keras_serializable("tfvae")
class Density(UnsupervisedModel):
    """p(x) by a distribution with learned parameters, such as a mixture or a flow, trained on its exact likelihood.

        loss = -log p(x)

    Args:
        density: p(x), any `Prior`, over one example.
        preprocess: from raw data to x.
        seed: of the noise of training, by which x is drawn.

    Raises:
        TypeError: a part is of another kind.
        ValueError: the density cannot score what the preprocessing makes.
    """

    def __init__(self, density: Prior, preprocess: Preprocessing, seed: int = 0, name: str | None = None):
        require_kinds(density=(density, Prior))
        super().__init__(preprocess, density, Distortion(), seed=seed, name=name)
        self.density = density

    exact_likelihood = True
    starts_from_data = True

    def start_at(self, x: Any, seed: int = 0) -> None:
        self.density.start_at(np.asarray(x), seed)

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights: the density."""
        return (self.density,)

    @property
    def lacks(self) -> dict[str, str]:
        found = super().lacks | {
            "latents": "A density has no latents: its log p(x) is exact.",
            "representation": "A density has no codes: nothing stands for an example but itself.",
            "reconstructions": "A density encodes nothing, so there is nothing to reconstruct from.",
        }
        if isinstance(self.density, MixtureOfNormals):
            del found["clusters"]
        return found

    def clusters(self, x: Any) -> tf.Tensor:
        if not isinstance(self.density, MixtureOfNormals):
            return super().clusters(x)
        return tf.argmax(self.density.responsibilities(x), axis=1)

    def call(self, raw: Any, training: bool | None = None) -> tf.Tensor:
        """log p(x) of raw data, in nats: `[B]`."""
        return self.density.distribution(None).log_prob(self.representative(raw))

    def predicted(self, raw: tf.Tensor) -> tf.Tensor:
        return self(raw, training=False)

    def trace_of(
        self, x: tf.Tensor, noise: Noise, sample_size: int = 1, y: Any = None, training: bool = False
    ) -> Trace:
        log_px = self.density.distribution(None).log_prob(x)
        return Trace(log_px_z=tf.repeat(log_px[tf.newaxis], sample_size, axis=0), latents=())

    def sample(
        self, n: Any, seed: Any = 0, mean: bool = False, temperature: float = 1.0
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws x. There are no latents and no decoder with a mean to show: both results are x `[n, *data]`.

        Args:
            n, seed, mean: see `abilities.sample`.
            temperature: of a flow, by which its base is narrowed; see `flows.Flow.draw`.

        Raises:
            ValueError: a density that is no flow has no temperature, or it is out of range.
        """
        require_draws(n)
        if number("temperature", temperature, least=0) == 1:
            x = self.density.draw(None, Noise(seed), n)
        else:
            x = self._flow("a temperature").draw(None, Noise(seed), n, temperature)
        require_finite("The samples", x)
        return x, x

    @property
    def interpolates(self) -> bool:  # type: ignore[override]
        return isinstance(self.density, Flow)

    @property
    def draws_quickly(self) -> bool:  # type: ignore[override]
        return not (isinstance(self.density, Flow) and self.density.bijector.slow_inverse)

    def interpolate(self, start: Any, end: Any, steps: int = 9) -> tf.Tensor:
        """The way of a flow from one raw example to another, `[B, steps, *data]` in the units of x; see `flows.Flow`.

        Args:
            start, end: raw examples `[B, *data]`, without noise.
            steps: both ends among them.

        Raises:
            ValueError: the density is no flow, there are no examples or bad ones, or not as many ends as starts.
            FloatingPointError: the way is not finite.
        """
        pair = self.as_examples(start), self.as_examples(end)
        if len(pair[0]) != len(pair[1]) or not len(pair[0]):
            raise ValueError(
                "`start` and `end` must be equally many examples, at least one; received "
                f"{len(pair[0])} and {len(pair[1])}."
            )
        for name, each in zip(("`start`", "`end`"), pair, strict=True):
            self.preprocess.check(each, name, whole=False)
        one, other = (self.representative(each) for each in pair)
        way = self._flow("an interpolation").interpolate(one, other, steps)
        require_finite("The images between", way)
        return way

    def _flow(self, wanted: str) -> Flow:
        if not isinstance(self.density, Flow):
            raise ValueError(
                f"{wanted.capitalize()} is of flows only; this density is a `{type(self.density).__name__}`."
            )
        return self.density

    def log_likelihood(self, raw: Any, sample_size: int = 1, seed: int = 0) -> np.ndarray:
        """log p(x) of each example in nats, exact for the fixed draw of x, whatever the number of samples: `[N]`."""
        return super().log_likelihood(raw, 1, seed)

    def sample_title(self, mean: bool) -> str:
        return "draws from p(x)"
