"""What a model can do beside `fit`, and the sentence in its place where it cannot."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.checks import integer
from tfvae.likelihood import estimate
from tfvae.noise import Noise

NO_DECODER = "This model has no decoder from latents to x."
_METHODS = {
    "likelihood": ("log p(x)", ("trace_of",)),
    "latents": (
        "latents with a q(z|x)",
        ("groups", "moments", "draw_codes", "draw_latents", "likelihood", "latent_shape"),
    ),
    "representation": ("codes", ("codes",)),
    "clusters": ("clusters", ("clusters",)),
    "samples": ("samples", ("sample",)),
    "reconstructions": ("reconstructions", ("views", "call")),
    "predictions": ("predictions", ("call",)),
    "interpolations": ("ways between images, which are of flows", ("interpolate",)),
}
"""What each ability is in words, and the methods that give it."""
_SECTIONS = ("likelihood", "latents", "representation", "samples", "reconstructions")  # of an evaluation


def _defines(kind: type, method: str) -> bool:
    """Whether a class has a method that is its own, and not one that only refuses."""
    refusing = (getattr(each, method, None) for each in (Abilities, keras.Model))
    return getattr(kind, method, None) not in (None, *refusing)


class Abilities:
    """Sampling, encoding and drawing: a model gives those that it has, and `lacks` says why it has no others."""

    @property
    def lacks(self) -> dict[str, str]:
        """What the model cannot do, with the reason in a sentence.

        The keys are sections of an evaluation: "likelihood", "latents" (q(z|x) with a rate), "representation" (codes
        that labels can be read off), "clusters", "samples" and "reconstructions". A class that says nothing lacks what
        it has no methods for.
        """
        found = {ability: self._missing(ability) for ability in _SECTIONS}
        mixture = "The model has no mixture, whose components would be clusters."
        return {"clusters": mixture} | {ability: reason for ability, reason in found.items() if reason}

    def require(self, ability: str) -> None:
        """ValueError with the reason in `lacks` if the model cannot do that."""
        if ability in self.lacks:
            raise ValueError(self.lacks[ability])

    def _missing(self, ability: str) -> str:
        """The sentence about the methods of an ability that the class does not define; empty if it does."""
        words, methods = _METHODS[ability]
        missing = [f"`{each}`" for each in methods if not _defines(type(self), each)]
        if not missing:
            return ""
        defined = " or ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
        return f"The model `{type(self).__name__}` has no {words}: it does not define {defined}."

    def _refusal(self, ability: str) -> NotImplementedError:
        """The error of a method that the class does not define."""
        return NotImplementedError(self.lacks.get(ability) or self._missing(ability))

    exact_likelihood = False
    """Whether `log_likelihood` is log p(x) itself, and no bound."""

    judged_by_loss = True
    """Whether a lower val_loss means a better model, so that training can wait for one."""

    adam: ClassVar[dict[str, float]] = {}
    """Momenta of Adam that suit this model, where they are not Keras' defaults."""

    draws_quickly = True
    """Whether a draw takes one pass through the networks, and not one for each element of an example."""

    levels = 1
    """Number of levels of latents."""

    interpolates = False
    """Whether it is a flow, whose samples have a temperature and whose images have ways between them."""

    def sample(self, n: Any, seed: Any = 0, mean: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws data.

        Args:
            n: number of draws.
            seed: the same seed gives the same draws, and the first of more draws are those of fewer. Or an integer
                tensor `[n]`, a seed for each draw.
            mean: give the mean of p(x|z) instead of a draw from it, where there is one: what grids usually show.

        Returns:
            z `[n, ...]`, what each was made from, and x `[n, *data]` in the units of the preprocessed data.

        Raises:
            ValueError: `n` is below 1, or no integer.
            FloatingPointError: the samples are not finite.
        """
        raise self._refusal("samples")

    def check_draws(self, n: Any) -> None:
        """ValueError unless so many draws can be made; a tensor, in a graph, is taken as it is."""
        if not tf.is_tensor(n):
            integer("n", n, 1)

    def log_likelihood(self, raw: Any, sample_size: int = 5000, seed: int = 0) -> np.ndarray:
        """The S-sample lower bound on log p(x) of each example in nats, `[N]`; see `likelihood.log_likelihood`.

        Raises:
            ValueError: the model has no log p(x), or a number is out of range.
        """
        return estimate.log_likelihood(cast(Any, self), raw, sample_size=sample_size, seed=seed)

    @property
    def latent_shape(self) -> tuple[int, ...] | None:
        """Shape of the z that `likelihood` takes; None where there is none."""
        return None

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        """p(x|z) of latents or codes `[B, *latent]`; a point where x has no noise of its own."""
        raise NotImplementedError(NO_DECODER)

    def draw_latents(self, noise: Noise, n: Any) -> tf.Tensor:
        """Draws of z ~ p(z) for `likelihood`, `[n, *latent]`."""
        raise self._refusal("latents")

    def draw_codes(self, x: Any, noise: Noise) -> tf.Tensor:
        """A draw of z ~ q(z|x) for each preprocessed example, `[B, *latent]`."""
        raise self._refusal("latents")

    def moments(self, x: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and standard deviation of q(z|x) of preprocessed examples, `[B, *latent]` both."""
        raise self._refusal("latents")

    mean_note = ""
    """What the title of a picture of means has to add; see `Family.mean_note`."""

    def sample_title(self, mean: bool) -> str:
        """What `sample` gives, for the title of a picture."""
        return f"decoder means{self.mean_note} for z ~ p(z)" if mean else "draws from p(x|z) for z ~ p(z)"

    def codes(self, x: Any) -> tf.Tensor:
        """One vector for each preprocessed example, `[B, D]`, that stands for it."""
        raise self._refusal("representation")

    def clusters(self, x: Any) -> tf.Tensor:
        """The most probable component of the model's mixture for each preprocessed example, int `[B]`."""
        raise self._refusal("clusters")

    def views(self, raw: Any) -> dict[str, tf.Tensor]:
        """What the model makes of raw images, for a grid that shows it: rows of images `[B, *data]` by their title."""
        raise self._refusal("reconstructions")

    def interpolate(self, start: Any, end: Any, steps: int = 9) -> tf.Tensor:
        """The way between raw images `[N, *data]` in the latents of a flow, `[N, steps, *data]`."""
        raise self._refusal("interpolations")
