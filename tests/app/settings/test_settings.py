"""Settings: what they are made from, what they refuse, and that a YAML file of them reads back."""

import numpy as np
import pytest

from tfvae import recipes
from tfvae._support.words import listed
from tfvae.app.run import build
from tfvae.app.settings import Settings, as_yaml, read_yaml
from tfvae.app.settings.settings import fields
from tfvae.recipes import RECIPES
from tfvae.recipes.options import options

OTHER_MODEL = (
    "vae(latent_size=3, network=conv(4, 8, activation=tanh), likelihood=discretized-logistic(scale=0.3), "
    "preprocess=levels, prior=mixture(3, rank=1), posterior=flow(depth=2), "
    "objective=elbo(samples=2, beta=0.5, warm_up=1.5))"
)


def test_every_setting_survives_its_yaml_file(tmp_path):
    other = Settings(
        data="images.npy", data_dir="tfds", bad_records="skip", frames="all", image_size="28x20", axes="HWN",
        train_size=10, validation_size=5, test_size=3, model=OTHER_MODEL, epochs=7, passes=3, start_at_mean=True,
        batch_size=9, learning_rate=1e-2, epsilon=1e-4, schedule="constant", clip=3,
        averaging=0.9, patience=2, precision="bfloat16", tensorboard=True, xla=True, steps_per_execution=5, seed=11,
        strategy="one", learning_rate_batch=16,
    )  # fmt: skip
    # `weights` are another start, and `model` is the recipe's name, vae in both.
    expected = set(fields()) | set(options(recipes.vae))
    assert set(other.differences(Settings())) == expected - {"weights", "model"}
    (tmp_path / "settings.yaml").write_text(as_yaml(other))
    assert Settings(**read_yaml(tmp_path / "settings.yaml")) == other


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("image_size", "28x20", (28, 20)),
        ("image_size", "32", (32, 32)),
        ("image_size", 32, (32, 32)),
        ("image_size", [28, 20], (28, 20)),
        ("learning_rate", "1e-4", 1e-4),  # YAML 1.1 takes it for text
        ("epsilon", np.float32(0.5), 0.5),
        ("batch_size", np.int64(3), 3),
        ("clip", 2, 2.0),
        ("clip", None, None),
    ],
)
def test_forms_of_a_value(name, written, value):
    made = getattr(Settings(**{name: written}), name)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("model", "path", "value"),
    [
        ("vae(network=mlp(500,400))", ("network", "units"), (500, 400)),
        ({"vae": {"network": {"mlp": [500, 400]}}}, ("network", "units"), (500, 400)),
        ({"vae": {"network": {"mlp": {"units": "500,400"}}}}, ("network", "units"), (500, 400)),
        ({"vae": {"network": {"mlp": {"units": 500}}}}, ("network", "units"), (500,)),
        ("vae(likelihood=normal(scale=0.3))", ("likelihood", "scale"), 0.3),
        ({"vae": {"likelihood": {"normal": {"scale": "0.3"}}}}, ("likelihood", "scale"), 0.3),
        ("vae(likelihood=normal(scale=pixel))", ("likelihood", "scale"), "pixel"),
        ("vae(objective=elbo(beta=2))", ("objective", "beta"), 2.0),
        ("ladder_vae(objective=elbo(warm_up=(0,10)))", ("objective", "warm_up"), (0.0, 10.0)),
    ],
)
def test_forms_of_an_option(model, path, value):
    part, option = path
    made = Settings(model=model).model.options[part].options[option]
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epochs: 3\nepocs: 4", "line 2: there is no setting 'epocs'. Did you mean 'epochs'?"),
        ("epochs: ten", "line 1: `epochs` must be an integer; received 'ten'."),
        ("\nepochs: 1.5", "line 2: `epochs` must be an integer; received 1.5."),
        ("tensorboard: 1", "line 1: `tensorboard` must be true or false; received 1."),
        ("epochs: true", "line 1: `epochs` must be an integer; received True."),
        ("epochs: 1\nepochs: 2", "line 2: `epochs` stands here a second time."),
        ("- 1\n- 2", "line 1: expected lines of the form `name: value`."),
        ("model: [1", "line 1: this is not YAML"),
        (
            "epochs: 3\nmodel: {vae: {network: {mlp: {units: many}}}}",
            "line 2: `units` must be an integer; received 'many'.",
        ),
        ("model:\n  vae:\n    betta: 2", "line 1: `vae` has no option `betta`. Its options are latent_size, network, "),
        ("model: 3", "line 1: `model` must be a name, with options in brackets if it has some, such as flow(depth=4);"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path, text, sentence):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}, {sentence}")


@pytest.mark.parametrize(
    ("model", "part", "depth", "hidden"),
    [
        ("vae(prior=flow)", "prior", 4, (128, 128)),
        ("vae(posterior=flow(depth=2))", "posterior", 2, (128, 128)),
        ("glow", None, 8, (64, 64)),
        ("realnvp(filters=16)", None, 4, (16,)),
        ("maf", None, 5, (256,)),
    ],
)
def test_the_sizes_of_a_flow_are_filled_in(model, part, depth, hidden, tmp_path):
    settings = Settings(model=model)
    found = settings.model.options
    found = found[part].options if part else found
    assert (found["depth"], found.get("hidden", found.get("filters"))) == (depth, hidden)
    (tmp_path / "settings.yaml").write_text(as_yaml(settings))
    assert Settings(**read_yaml(tmp_path / "settings.yaml")) == settings


def test_an_empty_file_gives_nothing(tmp_path):
    (tmp_path / "settings.yaml").write_text("# nothing\n")
    assert read_yaml(tmp_path / "settings.yaml") == {}


NOT_NAMED = "must be a name, with options in brackets if it has some, such as flow(depth=4); received"
HAS = "Its options are"
LATENTS = "latent_size, network"
SCORED = "likelihood, preprocess, prior"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("autoencoder(beta=2)", f"`autoencoder` has no option `beta`. {HAS} {LATENTS}, corruption."),
        (
            "masked_autoencoder(latent_size=3)",
            "`masked_autoencoder` has no option `latent_size`. Did you mean 'patch_size'? Its options are patch_size, "
            "mask_share, width.",
        ),
        (
            "vae(corruption=masking)",
            f"`vae` has no option `corruption`. Its options are {LATENTS}, {SCORED}, posterior, objective.",
        ),
        ("denoising_autoencoder(corruption=masking(1.0))", "`strength` must be below 1; received 1.0."),
        ("denoising_autoencoder(corruption=salt-and-pepper(2))", "`strength` must be below 1; received 2."),
        ("denoising_autoencoder(corruption=gaussian(-0.1))", "`strength` must be above 0; received -0.1."),
        (
            "denoising_autoencoder(corruption=none)",
            f"`corruption` {NOT_NAMED} None.",
        ),
        ("masked_autoencoder(mask_share=1.0)", "`mask_share` must be below 1; received 1.0."),
        ("mixture(components=0)", "`components` must be at least 1; received 0."),
        (
            "bert",
            f"`model` must be {listed(RECIPES.names())}; received 'bert'.",
        ),
        ("glow(levels=0)", "`levels` must be at least 1; received 0."),
        ("glow(alpha=0.5)", "`alpha` must be below 0.5; received 0.5."),
        (
            "glow(prior=flow)",
            "`glow` has no option `prior`. Its options are levels, depth, filters, alpha.",
        ),
        ("maf(levels=3)", "`maf` has no option `levels`. Its options are depth, hidden, alpha."),
        ("vae(prior=normal(depth=3))", "`normal` has no option `depth`. It has no options."),
        ("vae(prior=normal(components=3))", "`normal` has no option `components`. It has no options."),
        ("vae(prior=flow(rank=1))", "`flow` has no option `rank`. Its options are depth, hidden."),
        ("vae(prior=mixture(pseudo_inputs=5))", f"`mixture` has no option `pseudo_inputs`. {HAS} components, rank."),
        ("vae(likelihood=bernoulli(scale=pixel))", "`bernoulli` has no option `scale`. It has no options."),
        ("vae(objective=iwae(beta=2))", "`iwae` has no option `beta`. Its options are samples, gradient."),
        ("vae(objective=iwae(warm_up=2))", "`iwae` has no option `warm_up`. Its options are samples, gradient."),
        ("vae(objective=iwae(free_bits=2))", "`iwae` has no option `free_bits`. Its options are samples, gradient."),
        (
            "vae(objective=elbo(gradient=dreg))",
            "`elbo` has no option `gradient`. Its options are samples, beta, warm_up, free_bits.",
        ),
        (
            "ladder_vae(posterior=flow)",
            f"`ladder_vae` has no option `posterior`. Did you mean 'prior'? {HAS} levels, {LATENTS}, {SCORED}, "
            "objective.",
        ),
        ("vae(latent_size=10000000000000000000)", "`latent_size` must be below 2^63, as integers of 64 bits are."),
        ("vae(network=mlp(true))", "`units` must be an integer; received True."),
        ("vae(likelihood=normal(scale=true))", "`scale` must be a number; received True."),
        ("vae(prior=flow(hidden=(8, 2.0)))", "`hidden` must be an integer; received (8, 2.0)."),
    ],
)
def test_options_that_a_model_has_not_or_cannot_have_are_refused(model, message):
    with pytest.raises(ValueError) as error:
        Settings(model=model)
    assert str(error.value) == message


DREG = (
    '`objective` has the gradient "dreg", which needs log q(z|x) with the parameters of q left out; those of '
    '`InverseAutoregressive` are weights too. Use "plain".'
)
TWO_ELEMENTS = (
    "A coupling needs two elements along the last axis, one to keep and one to transform; the examples have shape (1,)."
)
CLOSED_FORM = "`free_bits` is a floor for each latent dimension and needs `analytic_kl=True`."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "gan", "patience": 3}, "`patience` waits for a better val_loss, which does not judge a GAN."),
        ({"model": "vae(latent_size=1, prior=flow)"}, TWO_ELEMENTS),
        ({"model": "ladder_vae(levels=2, latent_size=2, prior=flow)"}, TWO_ELEMENTS),
        ({"model": "vae(prior=flow, objective=elbo(free_bits=0.1))"}, CLOSED_FORM),
        ({"model": "vae(prior=mixture, objective=elbo(free_bits=0.1))"}, CLOSED_FORM),
        ({"model": "vae(posterior=flow, objective=elbo(free_bits=0.1))"}, CLOSED_FORM),
        ({"model": "vae(posterior=flow, objective=iwae(gradient=dreg))"}, DREG),
        ({"model": "vae(posterior=flow, objective=iwae(gradient=stl))"}, DREG.replace("dreg", "stl")),
        (
            {"model": "vae(prior=vamp, posterior=flow)"},
            "`prior` needs the density of each posterior everywhere; a `InverseAutoregressive` has it for its own "
            "draws only.",
        ),
        (
            {"model": "stacked_vae(prior=vamp)"},
            "`prior` needs q of the highest level given x alone, which a stack has not; see `LadderVAE`.",
        ),
        (
            {"model": "ladder_vae(objective=iwae(gradient=dreg))"},
            '`objective` has the gradient "dreg", which is of one level of latents.',
        ),
        (
            {"model": "ladder_vae(levels=5, latent_size=12)"},
            "`latent_size` 12 is enough for 4 levels, each with half as many latents as the one below; received 5 "
            "`levels`.",
        ),
        (
            {"model": "vae(objective=elbo(warm_up=30))"},
            "`warm_up` must not be longer than training, 25 epochs; received 30.",
        ),
        (
            {"model": "ladder_vae(objective=elbo(warm_up=(0, 3)))", "epochs": 2},
            "`warm_up` must not be longer than training, 2 epochs; received 3.",
        ),
        (
            {"model": "vae(objective=elbo(free_bits=(0.1, 0.2)))"},
            "`free_bits` must be one value; received 2.",
        ),
        (
            {"model": "ladder_vae(objective=elbo(warm_up=(1, 2, 3)))"},
            "`warm_up` must be one value, or one for each of the 2 levels; received 3.",
        ),
        (
            {"model": "naive_monte_carlo(prior=vamp)"},
            "`prior` needs an encoder q(z|x), which naive Monte Carlo has not.",
        ),
        ({"model": "vae(prior=mixture(rank=6))"}, "`rank` must be below the 6 elements of an example; received 6."),
        ({"model": "no_such:recipe"}, "'no_such:recipe' cannot be imported: No module named 'no_such'."),
    ],
    ids=str,
)
def test_parts_that_do_not_fit_together_are_refused(given, message):
    with pytest.raises(ValueError) as error:
        build.model(Settings(**given), (8, 8, 1), 10)
    assert str(error.value) == message


def test_the_learning_rate_follows_the_batch_only_if_it_is_told_of_one():
    """Sixteen times the batch, four times the rate: Adam's square root scaling rule."""
    given = {"learning_rate": 0.001, "batch_size": 1600, "schedule": "constant"}
    rates = [
        float(build.optimizer(Settings(**given, learning_rate_batch=batch), 1).learning_rate) for batch in (None, 100)
    ]
    assert rates == pytest.approx([0.001, 0.004])
    with pytest.raises(
        ValueError, match="must be below 1 also for this `batch_size`; with `learning_rate_batch` 1 it is 5"
    ):
        Settings(learning_rate=0.5, batch_size=100, learning_rate_batch=1)
