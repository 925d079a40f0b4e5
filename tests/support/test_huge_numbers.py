"""Counts and weights that no machine and no float32 can hold: one sentence before anything is made."""

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from bad_inputs import GOOD, IMAGES, SHORT, assert_refused
from faults import fault
from tfvae import bijectors, families, flows, priors
from tfvae.corruption import GaussianNoise
from tfvae.training.program import many_steps_in_one_program
from tiers import slow

ALLOCATED = "vae --network mlp(2147483647)"  # which the operating system refuses, after a while
COUNTS = {
    "vae --prior vamp(9223372036854775807)": "`pseudo_inputs` must be at most 10000; received 9223372036854775807.",
    "vae --prior vamp(10001)": "`pseudo_inputs` must be at most 10000; received 10001.",
    "ladder-vae --prior vamp(27)": "`pseudo_inputs` must be at most the number of examples, 26; received 27.",
    "vae --prior mixture(9223372036854775807)": "`components` must be at most 2147483647",
    "vae --prior mixture(2,4294967296)": "`rank` must be at most 2147483647; received 4294967296.",
    "vae --prior flow(1000001)": "`depth` must be at most 1000; received 1000001.",
    "vae --posterior flow(1001)": "`depth` must be at most 1000; received 1001.",
    "vae --latent-size 2147483648": "`latent_size` must be at most 2147483647; received '2147483648'.",
    "vae --network mlp(4294967296)": "`units` must be at most 2147483647; received 4294967296.",
    ALLOCATED: "There is not enough memory for this model with these data.",
    "vae --objective elbo(samples=4294967296)": "`samples` must be at most 1000000; received 4294967296.",
    "vae --objective iwae(1000001)": "`samples` must be at most 1000000; received 1000001.",
    "naive-monte-carlo --draws 9223372036854775807": "`draws` must be at most 1000000; received '9223372036854775807'.",
    "mixture --components 2147483647": "`components` must be at most 10000; received '2147483647'.",
    "mixture --components 27": "`components` must be at most the number of examples, 26; received 27.",
    "glow --depth 1000000": "`depth` must be at most 1000; received '1000000'.",
    "stacked-vae --levels 1000000": "`levels` must be at most 1000; received '1000000'.",
    "vae --xla --steps-per-execution 4294967296": "`steps_per_execution` must be at most 2147483647",
}
FLOATS = {
    "denoising-autoencoder --corruption gaussian(1e308)": "`strength` must be at most 2^127; received 1e+308.",
    "vae --objective elbo(beta=3.5e38)": "`beta` must be at most 2^127; received 3.5e+38.",
    "vae --objective elbo(free_bits=1e300)": "`free_bits` must be at most 2^127; received 1e+300.",
    "vae --likelihood normal(scale=1e39)": "or at most 2^127; received 1e+39.",
    "gan --penalty 1e39": "`penalty` must be at most 2^127; received '1e39'.",
    "vae --clip 1e39": "`clip` must be at most 2^127; received '1e39'.",
}


@fault("huge")
@pytest.mark.parametrize("line", [slow(line) if line == ALLOCATED else line for line in COUNTS])
def test_a_count_is_compared_before_so_many_are_made(line, tmp_path, monkeypatch, capfd):
    assert_training_refused(line, COUNTS[line], tmp_path, monkeypatch, capfd)


@fault("overflow")
@pytest.mark.parametrize("line", FLOATS)
def test_a_number_beyond_float32_is_refused(line, tmp_path, monkeypatch, capfd):
    assert_training_refused(line, FLOATS[line], tmp_path, monkeypatch, capfd)


def assert_training_refused(line, sentence, folder, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    np.save(GOOD, IMAGES)
    assert_refused(["train", *line.split(" "), "--data", GOOD, *SHORT], sentence, folder, capfd)


@fault("overflow")
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (GaussianNoise, "stddev"),
        (lambda value: tfvae.ELBO(beta=value), "beta"),
        (lambda value: tfvae.ELBO(beta=(1.0, value)), "beta"),
        (lambda value: tfvae.ELBO(free_bits=value), "free_bits"),
        (lambda value: tfvae.WarmUp(9, value), "final"),
        (lambda value: families.Normal((2,), scale=value), "scale"),
        (lambda value: families.Normal((2,), min_scale=value), "min_scale"),
        (lambda value: families.FullNormal((2,), value), "min_scale"),
        (lambda value: priors.MixtureOfNormals((2,), min_scale=value), "min_scale"),
        (lambda value: tfvae.gan((8, 8, 1), penalty=value), "penalty"),
    ],
)
def test_parts_made_in_python_refuse_it_too(make, name):
    for value in (1e308, np.float64(3.5e38)):
        with pytest.raises(ValueError, match=rf"^`{name}` must be at most 2\^127; received "):
            make(value)


@fault("huge")
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: tfvae.ELBO(sample_size=2**32), "`sample_size` must be at most 1000000; received 4294967296."),
        (lambda: tfvae.naive_monte_carlo(draws=2**63 - 1), "`draws` must be at most 1000000; received "),
        (lambda: tfvae.vae(latent_size=2**31), "`latent_size` must be at most 2147483647; received 2147483648."),
        (lambda: bijectors.vector_flow(10**6), "`depth` must be at most 1000; received 1000000."),
        (lambda: flows.InverseAutoregressive((2,), 1001), "`depth` must be at most 1000; received 1001."),
    ],
)
def test_counts_in_python_have_bounds_too(make, sentence):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value).startswith(sentence)


@fault("huge")
def test_a_program_is_as_long_as_the_batches_that_came():
    """Of 2^31 - 1 steps an execution, of which an epoch has two, no more than these are stacked."""
    taken = tf.Variable(0.0)

    def step(batch):
        taken.assign_add(tf.reduce_sum(batch))
        return {"taken": taken + 0}, tf.constant(True)

    run = many_steps_in_one_program(step, lambda batch: step(batch)[0], lambda: [taken], 2**31 - 1)
    for count, total in ((2, 2), (1, 3), (3, 6)):
        assert run(iter(tf.ones((count, 1))), 5)["taken"] == total


@fault("messages")
@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("vae --objective elbo(warm_up=(0,1))", "`warm_up` must be one value; received 2."),
        ("ladder-vae --objective elbo(warm_up=(0,1,1))", "`warm_up` must be one value, or one for each of the 2 level"),
        ("gan --start-at-mean", "`start_at_mean` is not for this model: `GAN` has no decoder."),
        ("vae --network= --latent-size 2", "`network` must be a name, with options in brackets if it has some"),
    ],
)
def test_the_name_is_that_of_the_option(line, sentence, tmp_path, monkeypatch, capfd):
    assert_training_refused(line, sentence, tmp_path, monkeypatch, capfd)


@fault("messages")
@pytest.mark.parametrize("recipe", [tfvae.vae, tfvae.ladder_vae, tfvae.naive_monte_carlo])
@pytest.mark.parametrize("option", ["network", "preprocess"])
def test_empty_text_names_no_part(recipe, option):
    with pytest.raises(ValueError, match=f"^`{option}` must be a name, with options in brackets"):
        recipe((8, 8, 1), **{option: ""})
