"""From settings to the parts that they name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from tfvae import bijectors, corruption, families, networks, preprocessing, recipes
from tfvae.app.settings import Settings
from tfvae.conditional import ConditionalDistribution
from tfvae.flows import Flow, InverseAutoregressive
from tfvae.models import GuardedModel, NaiveMonteCarlo
from tfvae.networks.levels import ConvolutionalLevels, DenseLevels, Levels
from tfvae.objectives import ELBO, ImportanceWeighted, Objective, WarmUp
from tfvae.priors import MixtureOfNormals, Prior, StandardNormal, VampPrior


def model(settings: Settings, image_shape: Sequence[int], steps_per_epoch: int) -> GuardedModel:
    """The model of the settings, not compiled, its weights drawn by the settings' seed."""
    keras.utils.set_random_seed(settings.seed)
    with _policy(settings.precision):
        match settings.model:
            case "naive":
                return _naive(settings, image_shape)
            case "ae" | "dae":
                return _autoencoder(settings, image_shape)
            case "mae":
                return recipes.masked_autoencoder(
                    image_shape, settings.patch_size, settings.mask_share, seed=settings.seed
                )
            case "gmm":
                return recipes.mixture(image_shape, settings.components, settings.rank, settings.seed)
            case "gan":
                return _gan(settings, image_shape)
            case "realnvp" | "glow" | "maf":
                return _flow(settings, image_shape)
            case _:
                return _vae(settings, image_shape, steps_per_epoch)


def optimizer(settings: Settings, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The optimiser of the settings."""
    rate: Any = settings.scaled_learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, settings.epochs * steps_per_epoch)
    more: dict[str, Any] = {} if settings.averaging is None else {"use_ema": True, "ema_momentum": settings.averaging}
    if settings.model == "gan":  # whose gradients turn: momentum would be about what is no longer so
        more |= {"beta_1": 0.5, "beta_2": 0.99}
    adam = keras.optimizers.Adam(rate, epsilon=settings.epsilon, global_clipnorm=settings.clip, **more)
    # `compile` does this by itself only where the model's own policy is float16, and a VAE's never is.
    return keras.optimizers.LossScaleOptimizer(adam) if settings.precision == "float16" else adam


def _vae(settings: Settings, image_shape: Sequence[int], steps_per_epoch: int) -> GuardedModel:
    if settings.levels > 1:
        return _hierarchical(settings, image_shape, steps_per_epoch)
    return recipes.compose(
        *_bodies(settings, image_shape),
        settings.latent_size,
        _likelihood(settings, image_shape),
        _preprocessing(settings),
        _objective(settings, steps_per_epoch),
        settings.seed,
        _prior(settings, (settings.latent_size,), image_shape),
        _posterior(settings),
    )


def _hierarchical(settings: Settings, image_shape: Sequence[int], steps_per_epoch: int) -> GuardedModel:
    levels, size, activation = settings.levels, settings.latent_size, settings.activation
    between: Levels
    if settings.network == "conv":
        between = ConvolutionalLevels(levels, image_shape, size, settings.hidden, activation)
    else:
        between = DenseLevels(levels, size, settings.hidden, activation)
    compose = recipes.compose_ladder if settings.inference == "top-down" else recipes.compose_stack
    return compose(
        between,
        _likelihood(settings, image_shape),
        _preprocessing(settings),
        _objective(settings, steps_per_epoch),
        settings.seed,
        _prior(settings, between.latent_shapes[-1], image_shape),
    )


def _prior(settings: Settings, latent_shape: Sequence[int], image_shape: Sequence[int]) -> Prior | None:
    match settings.prior:
        case "normal":
            return None
        case "mixture":
            return MixtureOfNormals(latent_shape, settings.components, settings.rank, name="prior")
        case "vamp":
            return VampPrior(latent_shape, image_shape, settings.pseudo_inputs, name="prior")
        case _:
            couplings = bijectors.vector_flow(settings.flow_depth or 1, settings.flow_hidden)
            flow = couplings if len(latent_shape) == 1 else bijectors.Chain([bijectors.Flatten(), couplings])
            return Flow(latent_shape, flow, name="prior")


def _posterior(settings: Settings) -> families.Family | None:
    if settings.posterior == "normal":
        return None
    return InverseAutoregressive((settings.latent_size,), settings.flow_depth or 1, settings.flow_hidden)


def _flow(settings: Settings, image_shape: Sequence[int]) -> GuardedModel:
    depth, hidden, alpha, seed = settings.flow_depth or 1, settings.flow_hidden, settings.alpha, settings.seed
    match settings.model:
        case "realnvp":
            return recipes.realnvp(image_shape, settings.flow_levels, depth, hidden, alpha, seed)
        case "glow":
            return recipes.glow(image_shape, settings.flow_levels, depth, hidden, alpha, seed)
        case _:
            return recipes.maf(image_shape, depth, hidden, alpha, seed)


def _naive(settings: Settings, image_shape: Sequence[int]) -> GuardedModel:
    decoder = ConditionalDistribution(_bodies(settings, image_shape)[1], _likelihood(settings, image_shape))
    prior = StandardNormal((settings.latent_size,))
    return NaiveMonteCarlo(decoder, prior, _preprocessing(settings), settings.draws, settings.seed)


def _gan(settings: Settings, image_shape: Sequence[int]) -> GuardedModel:
    discriminator, generator = _bodies(settings, image_shape)
    return recipes.compose_gan(
        generator, discriminator, settings.latent_size, image_shape, settings.penalty, settings.seed
    )


def _autoencoder(settings: Settings, image_shape: Sequence[int]) -> GuardedModel:
    return recipes.compose_autoencoder(
        *_bodies(settings, image_shape),
        settings.latent_size,
        image_shape,
        _corruption(settings) if settings.model == "dae" else None,
        settings.seed,
    )


def _corruption(settings: Settings) -> corruption.Corruption:
    match settings.corruption:
        case "gaussian":
            return corruption.GaussianNoise(settings.corruption_strength)
        case "masking":
            return corruption.MaskingNoise(settings.corruption_strength)
        case _:
            return corruption.SaltAndPepper(settings.corruption_strength)


def _bodies(settings: Settings, image_shape: Sequence[int]) -> tuple[keras.Layer, keras.Layer]:
    hidden, activation = settings.hidden, settings.activation
    if settings.network == "conv":
        return networks.convnet(hidden, activation), networks.deconvnet(image_shape, hidden[::-1], activation)
    return networks.mlp(hidden, activation), networks.mlp(hidden[::-1], activation)


def _likelihood(settings: Settings, image_shape: Sequence[int]) -> families.Family:
    match settings.likelihood:
        case "normal":
            return families.Normal(image_shape, scale=settings.scale)
        case "discretized-logistic":
            return families.DiscretizedLogistic(image_shape, scale=settings.scale)
        case "bernoulli":
            return families.Bernoulli(image_shape)
        case "autoregressive-bernoulli":
            return families.AutoregressiveBernoulli(image_shape)
        case "continuous-bernoulli":
            return families.ContinuousBernoulli(image_shape)
        case _:
            return families.Categorical(image_shape)


def _preprocessing(settings: Settings) -> preprocessing.Preprocessing:
    suits = {
        "bernoulli": "binarize",
        "autoregressive-bernoulli": "binarize",
        "discretized-logistic": "levels",
        "categorical": "levels",
    }
    match settings.preprocess or suits.get(settings.likelihood, "dequantize"):
        case "binarize":
            return preprocessing.Binarize()
        case "levels":
            return preprocessing.Levels()
        case "rescale":
            return preprocessing.Rescale()
        case _:
            return preprocessing.Dequantize()


def _objective(settings: Settings, steps_per_epoch: int) -> Objective:
    if settings.objective == "iwae":
        return ImportanceWeighted(settings.sample_size, settings.gradient)
    closed_form = settings.prior == settings.posterior == "normal"
    beta = _beta(settings, steps_per_epoch)
    return ELBO(beta, settings.sample_size, analytic_kl=closed_form, free_bits=settings.free_bits)


def _beta(settings: Settings, steps_per_epoch: int) -> Any:
    def rising(epochs: float) -> Any:
        steps = round(epochs * steps_per_epoch)
        return WarmUp(steps, final=settings.beta) if steps else settings.beta

    if isinstance(settings.warm_up, tuple):  # one for each level
        return tuple(map(rising, settings.warm_up))
    return rising(settings.warm_up)


@contextlib.contextmanager
def _policy(precision: str) -> Iterator[None]:
    """What is made inside computes in this, whatever Keras' settings are: half precision has weights in float32."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
