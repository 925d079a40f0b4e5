"""A plain mistake about the parts of a model ends in one sentence that names the part."""

import keras
import numpy as np
import pytest

import tfvae
import tiny
from faults import fault
from tfvae import families, networks, preprocessing, priors

DEQUANTIZE, PRIOR = preprocessing.Dequantize(), priors.StandardNormal((2,))


def part(shape, *inputs, point=False, body=None):
    """A part over this shape, built for these inputs if they are given."""
    family = families.Delta(shape) if point else families.Normal(shape)
    made = tfvae.ConditionalDistribution(body or networks.mlp((3,)), family)
    if inputs:
        made.build((None, *inputs))
    return made


def other_input(*shape):
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2)])


IMAGE, CODE = tiny.SHAPE, (2,)
CASES = {
    "swapped": (
        lambda: tfvae.VAE(part(IMAGE), part(CODE), PRIOR, DEQUANTIZE),
        r"^`prior` is over latents of shape \(2,\), .* `encoder` and `decoder` seem to be swapped\.$",
    ),
    "an encoder of other images": (
        lambda: tfvae.VAE(part(CODE, 9, 9, 1), part(IMAGE), PRIOR, DEQUANTIZE),
        r"^`encoder` was built for inputs of shape \(9, 9, 1\), and here they have shape \(8, 8, 1\)\.$",
    ),
    "a network of other images": (
        lambda: tfvae.VAE(part(CODE, body=other_input(9, 9, 1)), part(IMAGE), PRIOR, DEQUANTIZE),
        r"`.*\.network` does not take inputs of shape \(8, 8, 1\): .*\(None, 9, 9, 1\)",
    ),
    "a network of other latents": (
        lambda: tfvae.VAE(part(CODE), part(IMAGE, body=other_input(5)), PRIOR, DEQUANTIZE),
        r"`.*\.network` does not take inputs of shape \(2,\): .*\(None, 5\)",
    ),
    "convolutions of a vector": (
        lambda: tfvae.VAE(part(CODE), part(IMAGE, body=networks.convnet((3,))), PRIOR, DEQUANTIZE),
        r"`.*\.network` does not take inputs of shape \(2,\): ",
    ),
    "an autoencoder's decoder": (
        lambda: tfvae.Autoencoder(part(CODE, point=True), part(IMAGE, 3, point=True), preprocessing.Rescale()),
        r"^`decoder` was built for inputs of shape \(3,\), and here",
    ),
    "an autoencoder's encoder": (
        lambda: tfvae.Autoencoder(part(CODE, 3, point=True), part(IMAGE, point=True), preprocessing.Rescale()),
        r"^`encoder` was built for inputs of shape \(3,\), and here",
    ),
    "a generator": (
        lambda: tfvae.GAN(part(IMAGE, 3, point=True), networks.mlp((3,)), PRIOR, preprocessing.Rescale()),
        r"^`generator` was built for inputs of shape \(3,\), and here they have shape \(2,\)\.$",
    ),
    "a stack's posterior": (
        lambda: tfvae.StackedVAE([part(CODE, 9, 9, 1)], [], part(IMAGE), PRIOR, DEQUANTIZE),
        r"^`posteriors\[0\]` was built for inputs of shape \(9, 9, 1\)",
    ),
    "a stack's decoder": (
        lambda: tfvae.StackedVAE([part(CODE)], [], part(IMAGE, 5), PRIOR, DEQUANTIZE),
        r"^`decoder` was built for inputs of shape \(5,\)",
    ),
    "a ladder's posterior": (
        lambda: tfvae.LadderVAE([networks.mlp((3,))], [part(CODE, 7)], [], [], part(IMAGE), PRIOR, DEQUANTIZE),
        r"^`posteriors\[0\]` was built for inputs of shape \(7,\)",
    ),
    "naive Monte Carlo": (
        lambda: tfvae.NaiveMonteCarlo(part(IMAGE, 5), PRIOR, DEQUANTIZE),
        r"^`decoder` was built for inputs of shape \(5,\)",
    ),
    "a second building": (
        lambda: part(CODE, *IMAGE).build((None, 9, 9, 1)),
        r"was built for inputs of shape \(8, 8, 1\), and here they have shape \(9, 9, 1\)\.$",
    ),
    "not built": (lambda: part(CODE).input_event_shape, r"is not built yet, so that the shape of its inputs is not kn"),
    "latents of another shape": (
        lambda: tiny.vae().decoder(np.zeros((3, 5), "float32")),
        r"^`decoder` was built for inputs of shape \(\.\.\., 2\); received \(3, 5\)\.$",
    ),
    "a mean of another shape": (
        lambda: tiny.vae().decoder.start_at(np.zeros((3, 3, 1))),
        r"^`mean` must have the shape of x, \(8, 8, 1\); received \(3, 3, 1\)\.$",
    ),
    "compiling as text": (
        lambda: tiny.vae().compile("sgd", jit_compile="yes"),
        r"^`jit_compile` must be True, False or \"auto\"; received 'yes'\.$",
    ),
}


@fault("messages")
@pytest.mark.parametrize("case", CASES)
def test_one_sentence_names_the_part(case):
    use, sentence = CASES[case]
    with pytest.raises(ValueError, match=sentence) as caught:
        use()
    assert "\n" not in str(caught.value)


@fault("messages")
def test_a_part_that_is_not_built_is_saved(tmp_path):
    part(CODE).save(tmp_path / "part.keras")
    assert not tfvae.load(tmp_path / "part.keras").built
