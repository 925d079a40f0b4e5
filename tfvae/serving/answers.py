"""What a served model says, in Python: an exported signature computes what the method of its name does."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models import GuardedModel, UnsupervisedModel
from tfvae.models.abilities import NO_DECODER
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.objectives import importance_weighted_bound, log_weights
from tfvae.serving.blocks import Tensors


class Answers:
    """A model's answers for rows: tensors by name, whose first axis is that of the arguments.

    Preprocessing adds no noise here: x is the representative of an image, as for `predict`. A seed belongs to a row,
    and gives the random numbers of the first row of an evaluation with that seed.

    Args:
        model: any model of tfvae.
        sample_size: number S of samples of the bound; an exact likelihood takes one.
        reference: what `score` gives for the images that anomalies are told from, in any order; None if there are none.

    A method raises NotImplementedError, with the reason, where the model cannot do that.
    """

    def __init__(self, model: GuardedModel, sample_size: int, reference: np.ndarray | None = None):
        self.model = model
        self.sample_size = 1 if model.exact_likelihood else sample_size
        self.reference = None if reference is None else np.sort(reference)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of the z that `decode` takes."""
        if self.model.latent_shape is None:
            raise NotImplementedError(NO_DECODER)
        return self.model.latent_shape

    def encode(self, image: Any) -> Tensors:
        """`mean` and `stddev` of q(z|x), `[B, *latent]`; the code as `mean` where it is a point."""
        self._require("representation")
        x = self.model.representative(image)
        if "latents" in self.model.lacks:
            return {"mean": self.model.codes(x)}
        return dict(zip(("mean", "stddev"), self.model.moments(x), strict=True))

    def encode_sample(self, image: Any, seed: Any) -> Tensors:
        """`z` ~ q(z|x), `[B, *latent]`."""
        self._require("representation")
        self._require("latents")
        return {"z": self.model.draw_codes(self.model.representative(image), Noise(seed))}

    def decode(self, z: Any) -> Tensors:
        """`mean` and `stddev` of p(x|z), `[B, *data]`, in the units of x; no `stddev` where x is a point."""
        return _moments(self.model.likelihood(z))

    def reconstruct(self, image: Any) -> Tensors:
        """`image`, `[B, *data]`: the mean of p(x|z) at the mean of q(z|x), as grey values."""
        self._require("reconstructions")
        return {"image": self.model.preprocess.grey(self.model.reconstructed(self.model.as_examples(image)))}

    def sample(self, seed: Any) -> Tensors:
        """`z` ~ p(z), where there are latents, and `image`, the mean of p(x|z) as grey values."""
        self._require("samples")
        z, x = self.model.sample(tf.shape(seed)[0], seed=seed, mean=True)
        image = {"image": self.model.preprocess.grey(x)}
        return image if self.model.latent_shape is None else {"z": z} | image

    def log_likelihood(self, image: Any, seed: Any) -> Tensors:
        """`bound`, the importance-weighted bound L_S on log p(x), and `elbo`, of the same S samples: `[B]`, nats."""
        self._require("likelihood")
        log_w = log_weights(self._trace(image, seed, self.sample_size))
        return {"bound": importance_weighted_bound(log_w), "elbo": tf.reduce_mean(log_w, axis=0)}

    def score(self, image: Any) -> tf.Tensor:
        """-L_S, or what else the model's loss says of how badly it explains an image: `[B]`, the same at every call."""
        if not isinstance(self.model, UnsupervisedModel):
            raise NotImplementedError(self.model.lacks["likelihood"])
        seeds = tf.fill([tf.shape(image)[0]], tf.constant(EVALUATION_SEED, tf.int64))
        if "likelihood" in self.model.lacks:
            return self.model.objective(self._trace(image, seeds, self.model.sample_size)).distortion
        return -self.log_likelihood(image, seeds)["bound"]

    def anomaly_score(self, image: Any) -> Tensors:
        """`score` and `percentile`, the share in percent of the reference images whose score is lower: `[B]`."""
        score = self.score(image)
        if self.reference is None:
            raise NotImplementedError("No images were given at export that a score could be compared with.")
        lower = tf.searchsorted(tf.constant(self.reference, score.dtype), score, side="left")
        return {"score": score, "percentile": 100 * tf.cast(lower, score.dtype) / len(self.reference)}

    def _trace(self, image: Any, seed: Any, sample_size: int) -> Any:
        return self.model.traced(self.model.representative(image), Noise(seed), sample_size)

    def _require(self, ability: str) -> None:
        if ability in self.model.lacks:
            raise NotImplementedError(self.model.lacks[ability])


def _moments(distribution: tfp.distributions.Distribution) -> Tensors:
    """Mean and standard deviation; the mean alone of a point, or where the family says no more."""
    found = {"mean": distribution.mean()}
    is_point = isinstance(getattr(distribution, "distribution", None), tfp.distributions.Deterministic)
    try:
        return found if is_point else found | {"stddev": distribution.stddev()}
    except NotImplementedError:
        return found
