"""Settings: what they are made from, what they refuse, and that a YAML file of them reads back."""

import dataclasses

import pytest

from tfvae.app.run import build
from tfvae.app.settings import Settings, read_yaml


def test_every_setting_survives_its_yaml_file(tmp_path):
    other = Settings(
        data="images.npy", data_dir="tfds", bad_records="skip", frames="all", image_size="28x20", axes="HWN",
        train_size=10, validation_size=5, test_size=3, likelihood="discretized-logistic",
        preprocess="levels", scale="0.3", network="conv", hidden="4,8", activation="tanh",
        latent_size=3, objective="elbo", sample_size=2,
        beta=0.5, warm_up=1.5, free_bits=0.1, epochs=7, passes=3, start_at_mean=True,
        batch_size=9, learning_rate=1e-2, epsilon=1e-4, schedule="constant", clip=3,
        averaging=0.9, patience=2, precision="bfloat16", tensorboard=True, xla=True, steps_per_execution=5, seed=11,
        strategy="one", learning_rate_batch=16,
    )  # fmt: skip
    # By beta, warm-up, free bits and start_at_mean; and those of other models.
    excluded = {"objective", "gradient", "weights", "model"} | {
        *("corruption", "corruption_strength", "mask_share", "patch_size", "components", "rank", "draws", "penalty"),
        *("prior", "pseudo_inputs", "posterior", "flow_depth", "flow_hidden", "flow_levels", "alpha", "levels"),
        "inference",
    }
    assert set(other.differences(Settings())) == {field.name for field in dataclasses.fields(Settings)} - excluded
    (tmp_path / "settings.yaml").write_text(other.as_yaml())
    assert Settings(**read_yaml(tmp_path / "settings.yaml")) == other


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("hidden", "500,400", (500, 400)),
        ("hidden", [500, 400], (500, 400)),
        ("hidden", 500, (500,)),
        ("image_size", "28x20", (28, 20)),
        ("image_size", "32", (32, 32)),
        ("image_size", 32, (32, 32)),
        ("image_size", [28, 20], (28, 20)),
        ("scale", "0.3", 0.3),
        ("scale", "pixel", "pixel"),
        ("learning_rate", "1e-4", 1e-4),  # YAML 1.1 takes it for text
        ("beta", 2, 2.0),
        ("clip", None, None),
    ],
)
def test_forms_of_a_value(name, written, value):
    made = getattr(Settings(**{name: written}), name)
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
        ("hidden: [1", "line 1: this is not YAML"),
        ("hidden: many", "line 1: `hidden` must be integers separated by commas"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path, text, sentence):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}, {sentence}")


@pytest.mark.parametrize(
    ("given", "depth", "hidden"),
    [
        ({}, None, ()),
        ({"model": "gmm"}, None, ()),
        ({"prior": "flow"}, 4, (128, 128)),
        ({"posterior": "flow", "flow_depth": 2}, 2, (128, 128)),
        ({"model": "glow"}, 8, (64, 64)),
        ({"model": "realnvp", "flow_hidden": "16"}, 4, (16,)),
    ],
    ids=str,
)
def test_the_sizes_of_a_flow_are_filled_in_where_there_is_one(given, depth, hidden, tmp_path):
    settings = Settings(**given)
    assert (settings.flow_depth, settings.flow_hidden) == (depth, hidden)
    (tmp_path / "settings.yaml").write_text(settings.as_yaml())
    assert Settings(**read_yaml(tmp_path / "settings.yaml")) == settings


def test_an_empty_file_gives_nothing(tmp_path):
    (tmp_path / "settings.yaml").write_text("# nothing\n")
    assert read_yaml(tmp_path / "settings.yaml") == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "ae", "beta": 2.0}, "`beta` is no setting of the model 'ae', but of 'vae'."),
        ({"model": "mae", "latent_size": 3}, "`latent_size` is no setting of the model 'mae', but of 'vae', 'naive', "),
        ({"corruption": "masking"}, "`corruption` is no setting of the model 'vae', but of 'dae'."),
        ({"model": "gan", "patience": 3}, "`patience` is no setting of the model 'gan', but of "),
        (
            {"model": "dae", "corruption": "masking", "corruption_strength": 1.0},
            "`corruption_strength` of 'masking' is a share of pixels, below 1; received 1.",
        ),
        ({"model": "dae", "corruption_strength": -0.1}, "`corruption_strength` must be above 0; received -0.1."),
        ({"model": "mae", "mask_share": 1.0}, "`mask_share` must be above 0 and below 1; received 1.0."),
        ({"model": "gmm", "components": 0}, "`components` must be at least 1; received 0."),
        ({"model": "bert"}, "`model` must be 'vae', 'naive', "),
        ({"model": "glow", "flow_levels": 0}, "`flow_levels` must be at least 1; received 0."),
        ({"model": "glow", "alpha": 0.5}, "`alpha` must be above 0 and below 0.5; received 0.5."),
        ({"model": "glow", "prior": "flow"}, "`prior` is no setting of the model 'glow', but of 'vae'."),
        ({"model": "maf", "flow_levels": 3}, "`flow_levels` is no setting of the model 'maf', but of 'realnvp' or"),
        (
            {"prior": "flow", "latent_size": 1},
            "The couplings of the prior flow need two latents: `latent_size` must be at least 2.",
        ),
        ({"flow_depth": 3}, "`flow_depth` is of a flow; this model has none. Set `prior` or `posterior` to flow."),
        (
            {"prior": "flow", "free_bits": 0.1},
            "`free_bits` is a floor for the rate of each latent dimension, which has",
        ),
        ({"prior": "mixture", "free_bits": 0.1}, "`free_bits` is a floor for the rate of each latent dimension, which"),
        ({"components": 3}, "`components` and `rank` are of a mixture; set `prior` to mixture, or `model` to gmm."),
        ({"prior": "flow", "rank": 1}, "`components` and `rank` are of a mixture; set `prior` to mixture, or `model`"),
        (
            {"posterior": "flow", "objective": "iwae", "gradient": "dreg"},
            "`gradient` 'dreg' leaves out the parameters of q(z|x), which of the posterior flow are weights too",
        ),
    ],
    ids=str,
)
def test_settings_that_a_model_has_not_or_cannot_have_are_refused(given, message):
    with pytest.raises(ValueError) as error:
        Settings(**given)
    assert str(error.value).startswith(message)


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
