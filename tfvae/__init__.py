"""tfvae: latent-variable models in Keras and TensorFlow, with TensorFlow Probability distributions between the parts.

Importing the package imports neither TensorFlow nor Keras; the first use of a name below does. After it Keras' own
`load_model` knows the package's classes, too, whichever of the two is imported first.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfvae._support import environment, keras_lookup
from tfvae._support.modules import recipe_names
from tfvae._version import __version__

if TYPE_CHECKING:
    from tfvae import (
        bijectors,
        callbacks,
        corruption,
        datasets,
        evaluation,
        families,
        flows,
        networks,
        objectives,
        plots,
        preprocessing,
        priors,
        training,
        units,
    )
    from tfvae._support.configured import Configured
    from tfvae.app.run import Run
    from tfvae.conditional import ConditionalDistribution
    from tfvae.models import (
        GAN,
        VAE,
        Autoencoder,
        Density,
        LadderVAE,
        MaskedAutoencoder,
        NaiveMonteCarlo,
        StackedVAE,
        UnsupervisedModel,
    )
    from tfvae.models.saving import load
    from tfvae.noise import Noise
    from tfvae.objectives import ELBO, Distortion, ImportanceWeighted, Objective, WarmUp
    from tfvae.recipes.autoencoder import autoencoder
    from tfvae.recipes.conv_vae import conv_vae
    from tfvae.recipes.denoising_autoencoder import denoising_autoencoder
    from tfvae.recipes.gan import gan
    from tfvae.recipes.glow import glow
    from tfvae.recipes.ladder_vae import ladder_vae
    from tfvae.recipes.maf import maf
    from tfvae.recipes.masked_autoencoder import masked_autoencoder
    from tfvae.recipes.mixture import mixture
    from tfvae.recipes.naive_monte_carlo import naive_monte_carlo
    from tfvae.recipes.realnvp import realnvp
    from tfvae.recipes.stacked_vae import stacked_vae
    from tfvae.recipes.vae import vae
    from tfvae.serving.saved_model import export
    from tfvae.trace import Inferred, Latent, Trace, latent

_MODULES = (
    "bijectors", "callbacks", "corruption", "datasets", "evaluation", "families", "flows", "networks", "objectives",
    "plots", "preprocessing", "priors", "training", "units",
)  # fmt: skip
_MOVED = {"execution": "tfvae.training.choice"}  # an earlier name of a module
_NAMES = {
    "Autoencoder": "tfvae.models",
    "ConditionalDistribution": "tfvae.conditional",
    "Configured": "tfvae._support.configured",
    "Density": "tfvae.models",
    "Distortion": "tfvae.objectives",
    "ELBO": "tfvae.objectives",
    "GAN": "tfvae.models",
    "ImportanceWeighted": "tfvae.objectives",
    "Inferred": "tfvae.trace",
    "LadderVAE": "tfvae.models",
    "Latent": "tfvae.trace",
    "MaskedAutoencoder": "tfvae.models",
    "NaiveMonteCarlo": "tfvae.models",
    "Noise": "tfvae.noise",
    "Objective": "tfvae.objectives",
    "Run": "tfvae.app.run",
    "StackedVAE": "tfvae.models",
    "Trace": "tfvae.trace",
    "UnsupervisedModel": "tfvae.models",
    "VAE": "tfvae.models",
    "WarmUp": "tfvae.objectives",
    "export": "tfvae.serving.saved_model",
    "latent": "tfvae.trace",
    "load": "tfvae.models.saving",
    **dict.fromkeys(recipe_names(), "tfvae.recipes"),
}

keras_lookup.extend()

__all__ = [
    "__version__", *_MODULES, *_MOVED, *_NAMES,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES or name in _NAMES:
        environment.check()
    if name in _MODULES:
        return importlib.import_module(f"tfvae.{name}")
    if name in _MOVED:
        return importlib.import_module(_MOVED[name])
    if name in _NAMES:
        # TFP is lazy (0.003 s) when it is imported before TensorFlow, and takes a second when it comes after it.
        importlib.import_module("tensorflow_probability")
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'tfvae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
