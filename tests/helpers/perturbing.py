"""Bijectors whose weights are nothing special, and examples for them."""

import keras
import numpy as np
import tensorflow as tf

from tfvae import bijectors, networks


def perturbed(bijector, event_shape, deviation=0.2, seed=0):
    """The bijector, built, its trainable weights moved by normal numbers: no network's head is zero any more."""
    keras.utils.set_random_seed(seed)
    bijector.build((None, *event_shape))
    rng = np.random.default_rng(seed)
    for variable in bijector.trainable_variables:
        variable.assign(np.asarray(variable) + deviation * rng.normal(size=variable.shape))
    return bijector


def tanh_mlp():
    return networks.mlp((5,), "tanh")


def tanh_convnet():
    return networks.coupling_convnet((4, 3), "tanh")


CASES = {
    "act norm of images": ((4, 2, 3), bijectors.ActNorm),
    "act norm of vectors": ((5,), bijectors.ActNorm),
    "1x1 convolution": ((3, 2, 4), bijectors.InvertibleLinear),
    "linear map": ((5,), bijectors.InvertibleLinear),
    "logit": ((2, 2, 1), bijectors.Logit),
    "squeeze": ((4, 2, 3), bijectors.Squeeze),
    "flatten": ((2, 3, 1), bijectors.Flatten),
    "reverse": ((5,), bijectors.Reverse),
    "halves of channels": ((2, 3, 3), lambda: bijectors.HalvesCoupling(tanh_convnet())),
    "halves of channels, flipped": ((2, 3, 3), lambda: bijectors.HalvesCoupling(tanh_convnet(), flip=True)),
    "halves of vectors": ((5,), lambda: bijectors.HalvesCoupling(tanh_mlp())),
    "halves of vectors, flipped": ((5,), lambda: bijectors.HalvesCoupling(tanh_mlp(), flip=True)),
    "dense network of images": ((2, 2, 2), lambda: bijectors.HalvesCoupling(tanh_mlp())),
    "checkerboard": ((3, 2, 2), lambda: bijectors.CheckerboardCoupling(tanh_convnet())),
    "checkerboard, flipped": ((3, 2, 2), lambda: bijectors.CheckerboardCoupling(tanh_convnet(), flip=True)),
    "autoregressive": ((5,), lambda: bijectors.MaskedAutoregressive((7, 6), activation="tanh")),
    "autoregressive with a context": ((4,), lambda: bijectors.MaskedAutoregressive((7, 6), 2, "tanh")),
    "inverse autoregressive": ((4,), lambda: bijectors.Invert(bijectors.MaskedAutoregressive((7,), 2, "tanh"))),
    "RealNVP": ((4, 4, 1), lambda: bijectors.realnvp(2, 2, (3,), "tanh")),
    "Glow": ((4, 4, 1), lambda: bijectors.glow(2, 2, (3,), "tanh")),
    "three scales": ((8, 4, 1), lambda: bijectors.realnvp(3, 1, (2,), "tanh")),
    "MAF": ((2, 3, 1), lambda: bijectors.maf(2, (6,), activation="tanh")),
    "couplings": ((5,), lambda: bijectors.vector_flow(3, (4,), "tanh")),
}
"""Event shape and maker of each kind, small enough for a Jacobian."""


def made(case):
    event_shape, make = CASES[case]
    return perturbed(make(), event_shape)


def examples(case, count=3, seed=1):
    """Examples in (0, 1), where every bijector is defined, `[N, *event]`, and the context that it has, or None."""
    event_shape, _ = CASES[case]
    rng = np.random.default_rng(seed)
    dtype = keras.config.floatx()
    context = tf.constant(rng.normal(size=(count, 2)), dtype) if "context" in case or "inverse" in case else None
    return tf.constant(rng.uniform(0.05, 0.95, size=(count, *event_shape)), dtype), context
