"""What a model can do beside training: its methods by ability, and the sentences in the place of those that it lacks.

The functions from `require` on are methods of `GuardedModel`. Most refuse, until a final class has a method of the
name.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

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
"""Name of each ability in words, and the methods that give it."""
_SECTIONS = ("likelihood", "latents", "representation", "samples", "reconstructions")  # of an evaluation


def lacking(model: keras.Model) -> dict[str, str]:
    """Returns what a model cannot do, with the reason in a sentence, by the methods that it does not define.

    The keys are sections of an evaluation: "likelihood", "latents" (q(z|x) with a rate), "representation" (codes
    that labels can be read off), "clusters", "samples" and "reconstructions".
    """
    found = {ability: missing(model, ability) for ability in _SECTIONS}
    mixture = "The model has no mixture, whose components would be clusters."
    return {"clusters": mixture} | {ability: reason for ability, reason in found.items() if reason}


def missing(model: keras.Model, ability: str) -> str:
    """Returns a sentence about the methods of an ability that a model does not define; empty if it defines all."""
    words, methods = _METHODS[ability]
    names = [f"`{each}`" for each in methods if not _defines(model, each)]
    if not names:
        return ""
    defined = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"The model `{type(model).__name__}` has no {words}: it does not define {defined}."


def _defines(model: keras.Model, name: str) -> bool:
    """Tells whether a model has an attribute of its own, and not one that is None or only refuses."""
    if name == "latent_shape":
        return model.latent_shape is not None
    return getattr(type(model), name, None) not in (None, globals().get(name), getattr(keras.Model, name, None))


def _refusal(model: Any, ability: str) -> NotImplementedError:
    return NotImplementedError(model.lacks.get(ability) or missing(model, ability))


def require(model: Any, ability: str) -> None:
    """ValueError with the reason in `lacks` if the model cannot do that."""
    if ability in model.lacks:
        raise ValueError(model.lacks[ability])


def sample(model: Any, n: Any, seed: Any = 0, mean: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws data.

    Args:
        n: number of draws.
        seed: the same seed gives the same draws, and the first of more draws are those of fewer. Or an integer
            tensor `[n]`, a seed for each draw.
        mean: give the mean of p(x|z) instead of a draw from it, if there is one: what grids usually show.

    Returns:
        z `[n, ...]`, what each was made from, and x `[n, *data]` in the units of the preprocessed data.

    Raises:
        ValueError: `n` is below 1, or not an integer.
        FloatingPointError: the samples are not finite.
    """
    raise _refusal(model, "samples")


def sample_title(model: Any, mean: bool) -> str:
    """Names what `sample` gives, for the title of a picture."""
    return f"decoder means{model.mean_note} for z ~ p(z)" if mean else "draws from p(x|z) for z ~ p(z)"


def log_likelihood(model: Any, raw: Any, sample_size: int = 5000, seed: int = 0) -> np.ndarray:
    """Returns the S-sample lower bound on log p(x) of each example in nats, `[N]`; see `likelihood.log_likelihood`.

    Raises:
        ValueError: the model has no log p(x), or a number is out of range.
    """
    return estimate.log_likelihood(model, raw, sample_size=sample_size, seed=seed)


def likelihood(model: Any, z: Any) -> tfp.distributions.Distribution:
    """Returns p(x|z) of latents or codes `[B, *latent]`; a point if x has no noise of its own."""
    raise NotImplementedError(NO_DECODER)


def draw_latents(model: Any, noise: Noise, n: Any) -> tf.Tensor:
    """Draws z ~ p(z) for `likelihood`, `[n, *latent]`."""
    raise _refusal(model, "latents")


def draw_codes(model: Any, x: Any, noise: Noise) -> tf.Tensor:
    """Draws z ~ q(z|x) for each preprocessed example, `[B, *latent]`."""
    raise _refusal(model, "latents")


def moments(model: Any, x: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and standard deviation of q(z|x) of preprocessed examples, `[B, *latent]` both."""
    raise _refusal(model, "latents")


def codes(model: Any, x: Any) -> tf.Tensor:
    """Returns one vector for each preprocessed example, `[B, D]`, that stands for it."""
    raise _refusal(model, "representation")


def clusters(model: Any, x: Any) -> tf.Tensor:
    """Returns the most probable component of the model's mixture for each preprocessed example, int `[B]`."""
    raise _refusal(model, "clusters")


def views(model: Any, raw: Any) -> dict[str, tf.Tensor]:
    """Returns the rows of a grid that shows how the model sees raw images: images `[B, *data]` by their title."""
    raise _refusal(model, "reconstructions")


def interpolate(model: Any, start: Any, end: Any, steps: int = 9) -> tf.Tensor:
    """Returns the way between raw images `[N, *data]` in the latents of a flow, `[N, steps, *data]`."""
    raise _refusal(model, "interpolations")
