"""Models and recipes of a stranger, which can do less than ours, or something else."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae


@keras.saving.register_keras_serializable("strangers")
class Bare(tfvae.UnsupervisedModel):
    """Independent coins: the least that a model gives."""

    def __init__(self, image_shape, name=None):
        family = tfvae.families.Bernoulli(image_shape)
        super().__init__(tfvae.preprocessing.Binarize(), family, tfvae.ELBO(), name=name)
        self.image_shape = image_shape
        self.family, self.logits = family, self.add_weight(family.event_shape, "zeros", name="logits")

    def trace_of(self, x, noise, sample_size=1, y=None, training=False):
        log_px = self.family.distribution(self.logits.value).log_prob(x)
        return tfvae.Trace(log_px_z=tf.repeat(log_px[tf.newaxis], sample_size, axis=0), latents=())


@keras.saving.register_keras_serializable("strangers")
class Conditional(tfvae.UnsupervisedModel):
    """A VAE of images given their labels, whose networks have two inputs."""

    def __init__(self, image_shape, name=None):
        self.family = tfvae.families.Bernoulli(image_shape)
        super().__init__(tfvae.preprocessing.Binarize(), self.family, tfvae.ELBO(), name=name)
        self.image_shape = image_shape
        image, label, z = keras.Input(image_shape), keras.Input((3,)), keras.Input((2,))
        flat = keras.layers.Flatten()(image)
        self.encoder = keras.Model([image, label], keras.layers.Dense(4)(keras.layers.Concatenate()([flat, label])))
        decoded = keras.layers.Dense(int(np.prod(image_shape)))(keras.layers.Concatenate()([z, label]))
        self.decoder = keras.Model([z, label], keras.layers.Reshape(image_shape)(decoded))

    def trace_of(self, x, noise, sample_size=1, y=None, training=False):
        labels = tf.one_hot(y, 3)
        location, raw_scale = tf.split(self.encoder([x, labels]), 2, axis=-1)
        normal = tfp.distributions.Normal
        q = tfp.distributions.Independent(normal(location, tf.nn.softplus(raw_scale)), 1)
        prior = tfp.distributions.Independent(normal(tf.zeros(2), tf.ones(2)), 1)
        z = q.mean() + q.stddev() * noise.normal("z", tf.shape(x)[0], (2,), sample_size)
        many = tf.reshape(tf.repeat(labels[tf.newaxis], sample_size, axis=0), [-1, 3])
        logits = tf.reshape(self.decoder([tf.reshape(z, [-1, 2]), many]), [sample_size, -1, *self.data_shape])
        return tfvae.Trace(self.family.distribution(logits).log_prob(x), (tfvae.latent(z, q, prior),))


@keras.saving.register_keras_serializable("strangers")
class Coins(tfvae.UnsupervisedModel):
    """A model of parts, which are saved with it."""

    def __init__(self, encoder, family, preprocess, objective, size=(1, 2), seed=0, name=None):
        super().__init__(preprocess, family, objective, seed=seed, name=name)
        self.encoder, self.family, self.size = encoder, family, size
        encoder.build((None, *family.event_shape))
        self.logits = keras.layers.Dense(family.event_size)
        self.logits.build((None, 3))

    def trace_of(self, x, noise, sample_size=1, y=None, training=False):
        logits = tf.reshape(self.logits(self.encoder(x)), tf.shape(x))
        log_px = self.family.distribution(logits).log_prob(x)
        return tfvae.Trace(log_px_z=tf.repeat(log_px[tf.newaxis], sample_size, axis=0), latents=())


@keras.saving.register_keras_serializable("strangers")
class OwnVAE(tfvae.UnsupervisedModel):
    """A VAE by a stranger's own names: it has no `encoder`."""

    def __init__(self, recogniser, decoder, prior, preprocess, objective, seed=0, name=None):
        super().__init__(preprocess, decoder.family, objective, seed=seed, name=name)
        self.recogniser, self.decoder, self.prior = recogniser, decoder, prior
        self.latent_shape = prior.event_shape
        recogniser.build((None, *self.data_shape))
        decoder.build((None, *prior.event_shape))

    def groups(self, x, noise, sample_size, training=False):
        posterior = self.recogniser(x, training=training)
        z = self.recogniser.family.draw(posterior, noise, "q", sample_size)
        return [tfvae.Inferred(z, posterior, self.prior.distribution(None))]

    def trace_of(self, x, noise, sample_size=1, y=None, training=False):
        (group,) = self.groups(x, noise, sample_size, training)
        likelihood = self.decoder(group.z, training=training)
        return tfvae.Trace(likelihood.log_prob(x), (tfvae.latent(*group),))

    def likelihood(self, z):
        return self.decoder(z)

    def codes(self, x):
        return self.recogniser(x).mean()

    def moments(self, x):
        posterior = self.recogniser(x)
        return posterior.mean(), posterior.stddev()

    def draw_codes(self, x, noise):
        return self.groups(x, noise, 1)[0].z[0]

    def draw_latents(self, noise, n):
        return self.prior.draw(None, noise, n)


def own_vae(image_shape, seed=0):
    """A VAE of a stranger's class."""
    families, body, conditional = tfvae.families, tfvae.networks.mlp, tfvae.ConditionalDistribution
    return OwnVAE(
        conditional(body((3,)), families.Normal((2,))), conditional(body((3,)), families.Bernoulli(image_shape)),
        tfvae.priors.StandardNormal((2,)), tfvae.preprocessing.Binarize(), tfvae.ELBO(), seed,
    )  # fmt: skip


def bare(image_shape):
    """The least that a recipe is."""
    return Bare(image_shape)


def conditional(image_shape):
    """A model of images given labels."""
    return Conditional(image_shape)


def plain(image_shape):
    """A model of Keras'."""
    return keras.Sequential([keras.Input(image_shape), keras.layers.Dense(2)])


def nothing(image_shape):
    """Forgets to return."""
