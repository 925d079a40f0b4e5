"""Small models of every kind of answer, and what each lacks when it is exported."""

import tfvae
import tiny
from tfvae import corruption, families, networks, preprocessing

SAMPLES = 3


def autoencoder(**more):
    parts = (tfvae.ConditionalDistribution(networks.mlp((8,)), families.Delta(shape)) for shape in ((2,), tiny.SHAPE))
    return tfvae.Autoencoder(*parts, preprocessing.Rescale(), **more)


def naive():
    decoder = tfvae.ConditionalDistribution(networks.mlp((8,)), families.Normal(tiny.SHAPE, scale="shared"))
    return tfvae.NaiveMonteCarlo(decoder, tfvae.priors.StandardNormal((2,)), preprocessing.Dequantize(), draws=5)


def points():
    """A VAE of vectors that are no images."""
    bodies = (networks.mlp((8,)), networks.mlp((8,)))
    encoder, decoder = (
        tfvae.ConditionalDistribution(body, families.Normal(shape))
        for body, shape in zip(bodies, ((1,), (2,)), strict=True)
    )
    return tfvae.VAE(encoder, decoder, tfvae.priors.StandardNormal((1,)), preprocessing.Identity())


ALL = {"encode", "encode_sample", "decode", "reconstruct", "sample", "log_likelihood", "anomaly_score"}


LACKS = {
    "gan": (lambda: tfvae.gan(tiny.SHAPE), ALL - {"decode", "sample"}),
    "autoencoder": (autoencoder, {"encode_sample", "sample", "log_likelihood"}),
    "naive": (naive, {"encode", "encode_sample", "reconstruct"}),
    "denoising": (
        lambda: autoencoder(corruption=corruption.GaussianNoise(0.5)),
        {"encode_sample", "sample", "log_likelihood"},
    ),
    "mixture": (lambda: tfvae.mixture(tiny.SHAPE, 3), {"encode", "encode_sample", "decode", "reconstruct"}),
    "flow": (lambda: tfvae.realnvp(tiny.SHAPE, filters=(4,)), {"encode", "encode_sample", "decode", "reconstruct"}),
    "masked": (lambda: tfvae.masked_autoencoder(tiny.SHAPE), ALL - {"encode", "reconstruct", "anomaly_score"}),
    "points": (points, set()),
    "ladder": (lambda: tfvae.ladder_vae(tiny.SHAPE, latent_size=4, network="mlp(8)"), set()),
    "stack": (lambda: tfvae.stacked_vae(tiny.SHAPE, latent_size=4, network="mlp(8)"), set()),
    "levels": (
        lambda: tiny.vae(families.DiscretizedLogistic(tiny.SHAPE, scale="shared"), preprocess=preprocessing.Levels()),
        set(),
    ),
    "autoregressive": (
        lambda: tiny.vae(families.AutoregressiveBernoulli(tiny.SHAPE, 2, (4,), 3), preprocess=preprocessing.Binarize()),
        set(),
    ),
}
