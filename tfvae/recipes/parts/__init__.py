"""Parts that the command line and YAML can name, a kind a file: functions whose arguments are the parts' options."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from tfvae.recipes.specification import Kind, parsed

NETWORKS = Kind("network", "tfvae.recipes.parts.networks")
LIKELIHOODS = Kind("likelihood", "tfvae.recipes.parts.likelihoods")
PREPROCESSING = Kind("preprocess", "tfvae.recipes.parts.preprocessing")
PRIORS = Kind("prior", "tfvae.recipes.parts.priors", event="latent_shape")
POSTERIORS = Kind("posterior", "tfvae.recipes.parts.posteriors", event="latent_shape")
OBJECTIVES = Kind("objective", "tfvae.recipes.parts.objectives")
CORRUPTIONS = Kind("corruption", "tfvae.recipes.parts.corruptions")
KINDS = (NETWORKS, LIKELIHOODS, PREPROCESSING, PRIORS, POSTERIORS, OBJECTIVES, CORRUPTIONS)

Network = Annotated[Any, BeforeValidator(NETWORKS.read)]
Likelihood = Annotated[Any, BeforeValidator(LIKELIHOODS.read)]
Preprocess = Annotated[Any, BeforeValidator(PREPROCESSING.read)]
Prior = Annotated[Any, BeforeValidator(PRIORS.read)]
Posterior = Annotated[Any, BeforeValidator(POSTERIORS.read)]
Objective = Annotated[Any, BeforeValidator(OBJECTIVES.read)]
Corruption = Annotated[Any, BeforeValidator(CORRUPTIONS.read)]


def default_network(likelihood: Any) -> str:
    """The name of the network that suits a likelihood: convolutions for 256 outputs a pixel, else dense layers."""
    name = parsed("likelihood", likelihood)[0] or type(likelihood).__name__.lower()
    return "conv" if name == "categorical" else "mlp"
