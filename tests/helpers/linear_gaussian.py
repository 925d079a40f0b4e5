"""A `tfvae.VAE` whose evidence, posterior and ELBO are known: linear networks with given weights."""

import numpy as np
import tensorflow_probability as tfp

import tfvae
from oracles import softplus_inverse


def linear_vae(system, posterior=None, full=False, decoder_scale="fixed", objective=None, seed=0):
    """The VAE of a linear-Gaussian system, in whatever `keras.config.floatx` says (use the fixture `float64`).

    Args:
        system: an `oracles.LinearGaussian`: prior N(0, I), p(x|z) = N(weights z + bias, sigma^2 I).
        posterior: an `oracles.AffineNormal`, q(z|x); the exact one if not given.
        full: a `FullNormal` posterior. Otherwise a diagonal `Normal`, which needs a diagonal covariance.
        decoder_scale: "fixed" (sigma is a number of the family), "pixel", "image" or "shared" (sigma is in the head).
        objective: `tfvae.ELBO(analytic_kl=not full)` if not given.
        seed: of the model's noise.
    """
    posterior = system.posterior() if posterior is None else posterior
    data, latent = system.weights.shape
    encoder_family = tfvae.families.FullNormal((latent,)) if full else tfvae.families.Normal((latent,))
    scale = system.sigma if decoder_scale == "fixed" else decoder_scale
    model = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp(hidden=()), encoder_family, name="encoder"),
        decoder=tfvae.ConditionalDistribution(
            tfvae.networks.mlp(hidden=()), tfvae.families.Normal((data,), scale=scale), name="decoder"
        ),
        prior=tfvae.priors.StandardNormal((latent,)),
        preprocess=tfvae.preprocessing.Identity(),
        objective=objective or tfvae.ELBO(analytic_kl=not full),
        seed=seed,
    )
    set_posterior(model, posterior)
    set_decoder(model, system)
    return model


def set_posterior(model, posterior):
    """Gives the encoder of a `linear_vae` the weights of an `AffineNormal`."""
    family, latent = model.encoder.family, len(posterior.offset)
    factor = np.linalg.cholesky(posterior.covariance)
    raw_diagonal = softplus_inverse(np.diag(factor) - family.min_scale)
    if isinstance(family, tfvae.families.FullNormal):
        raw_factor = np.tril(factor, -1) + np.diag(raw_diagonal)
        triangle = np.asarray(tfp.math.fill_triangular_inverse(raw_factor))
        _set_dense(model.encoder, "elements", [posterior.slope.T], [posterior.offset])
        _set_dense(model.encoder, "examples", [np.zeros((posterior.slope.shape[1], len(triangle)))], [triangle])
        return
    if not np.allclose(posterior.covariance, np.diag(np.diag(posterior.covariance)), rtol=0, atol=1e-12):
        raise ValueError("A diagonal family cannot have this covariance; use full=True.")
    nothing = np.zeros((posterior.slope.shape[1], latent))
    _set_dense(model.encoder, "elements", [posterior.slope.T, nothing], [posterior.offset, raw_diagonal])


def set_decoder(model, system):
    """Gives the decoder of a `linear_vae` the weights of a system."""
    family, (data, latent) = model.decoder.family, system.weights.shape
    if family.scale not in ("pixel", "image", "shared"):
        _set_dense(model.decoder, "elements", [system.weights.T], [system.bias])
        return
    raw_scale = softplus_inverse(system.sigma - family.min_scale)
    if family.scale == "pixel":
        kernels, biases = [system.weights.T, np.zeros((latent, data))], [system.bias, np.full(data, raw_scale)]
        _set_dense(model.decoder, "elements", kernels, biases)
        return
    _set_dense(model.decoder, "elements", [system.weights.T], [system.bias])
    if family.scale == "image":
        _set_dense(model.decoder, "examples", [np.zeros((latent, 1))], [[raw_scale]])
    else:
        (variable,) = [each for each in model.decoder.weights if each.name == "raw_scale"]
        variable.assign([raw_scale])


def _set_dense(conditional, name, kernels, biases):
    """Sets the head called `name`, whose outputs are those of the parameters one after the other."""
    conditional.get_layer(name).set_weights([np.concatenate(kernels, axis=1), np.concatenate(biases)])
