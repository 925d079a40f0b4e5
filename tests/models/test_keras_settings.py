"""Global settings of Keras change no model, or are refused by name; the command line does not even see keras.json."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import small_runs
import tfvae
import tiny
from faults import fault
from places import ROOT
from tfvae import evaluation, families, networks, preprocessing, priors
from tfvae._support.seals import SEAL
from tfvae.app.run import build
from tfvae.app.settings import Settings
from tfvae.evaluation.digits import classifier
from tiers import long, slow

RAW = tiny.images(8)

SETTERS = {
    "floatx": (keras.config.set_floatx, keras.config.floatx),
    "policy": (keras.config.set_dtype_policy, keras.config.dtype_policy),
    "format": (keras.config.set_image_data_format, keras.config.image_data_format),
    "epsilon": (keras.config.set_epsilon, keras.config.epsilon),
}


@pytest.fixture
def setting():
    """Sets one of Keras' settings for the length of a test: `setting("floatx", "float64")`."""
    before = {name: read() for name, (_, read) in SETTERS.items()}

    def set_to(name, value):
        SETTERS[name][0](value)

    yield set_to
    for name, value in before.items():
        SETTERS[name][0](value)
    keras.config.enable_flash_attention()


MODELS = {
    "dense": tiny.vae,
    "convolutional": lambda: tiny.vae(kind="conv"),
    "glow": lambda: tfvae.glow(tiny.SHAPE, 1, 1, (4,)),
    "masked": tiny.masked_autoencoder,
    "GAN": lambda: tfvae.gan(tiny.SHAPE, 2, "mlp(4)"),
    "ladder": lambda: tfvae.ladder_vae(tiny.SHAPE, 2, 4, "mlp(4)"),
}
SLOW = ("dense", "GAN", "ladder")  # their networks are of layers that the others have too


def trained(make):
    keras.utils.set_random_seed(0)
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    return tiny.train(model, 2)["loss"]


@fault("keras-settings")
@pytest.mark.parametrize("name", [slow(name) if name in SLOW else name for name in MODELS])
def test_settings_that_are_none_of_a_model_s_business_change_nothing(name, setting):
    expected = trained(MODELS[name])
    setting("format", "channels_first")
    setting("epsilon", 0.1)
    keras.config.disable_flash_attention()
    assert trained(MODELS[name]) == expected


@fault("keras-settings")
def test_the_classifier_is_that_of_images_with_channels_last(setting):
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    expected = evaluation.classify(images)
    classifier._trained.cache_clear()
    setting("format", "channels_first")
    np.testing.assert_array_equal(evaluation.classify(images), expected)


@fault("keras-settings")
@pytest.mark.parametrize(
    "make", [lambda: keras.layers.Conv2D(4, 3), lambda: keras.layers.Flatten()], ids=["conv", "flat"]
)
def test_a_network_with_channels_first_by_a_setting_is_refused_by_name(make, setting):
    setting("format", "channels_first")
    body = keras.Sequential([make()])
    for use in (
        lambda: tfvae.ConditionalDistribution(body, families.Normal((2,))),
        lambda: tfvae.bijectors.CheckerboardCoupling(body),
    ):
        with pytest.raises(
            ValueError, match=r"^`network` has the layer `.*` with channels first, .* `image_data_format`"
        ):
            use()
    setting("format", "channels_last")  # then it was said on purpose
    tfvae.ConditionalDistribution(body, families.Normal((2,)))


PARTS = {
    "model": tiny.vae,
    "prior": lambda: priors.StandardNormal((2,)),
    "flow": lambda: tfvae.bijectors.ActNorm(),
    "preprocessing": lambda: preprocessing.Dequantize()(RAW),
}


@fault("keras-settings")
@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_losses_in_half_precision_are_refused_by_name(name, half, setting):
    setting("floatx", half)
    with pytest.raises(
        ValueError, match=rf"^Keras' `floatx` must be float32 or float64, .* received {half}\. .*keras\.json"
    ):
        PARTS[name]()


@fault("keras-settings")
def test_a_model_does_not_go_on_when_the_setting_becomes_half_or_another(setting):
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    for floatx, message in (
        ("float16", "Keras' `floatx` must be"),
        ("float64", "computes in float32 and Keras' settings"),
    ):
        setting("floatx", floatx)
        for use in (model.fit, model.evaluate, model.predict, model.encoder.predict):
            with pytest.raises(ValueError, match=message):
                use(RAW, verbose=0)
    setting("floatx", "float32")
    model.fit(RAW, verbose=0)


@fault("keras-settings")
@pytest.mark.parametrize("policy", ["float16", "bfloat16", "int8_from_float32", "float8_from_float32"])
def test_policies_whose_weights_cannot_be_trained_are_refused_by_name(policy, setting):
    setting("policy", policy)
    for name in ("dense", "glow", "masked", "GAN"):
        with pytest.raises(ValueError, match=rf"policy .* received {policy}|quantised layer .* \({policy}\)"):
            MODELS[name]()


POLICIES = ("float64", "mixed_bfloat16", "mixed_float16")


def policies_of_models():
    """Every pair; those of the dense model and one of each other are fast."""
    for number, name in enumerate(MODELS):
        for policy in POLICIES:
            if (name, policy) == ("GAN", "mixed_float16"):
                continue  # of two losses none is scaled
            is_fast = name == "dense" or policy == POLICIES[number % 3]
            yield (name, policy) if is_fast else slow(name, policy)


@fault("keras-settings")
@pytest.mark.parametrize(("name", "policy"), list(policies_of_models()))
def test_every_other_policy_trains_every_model(name, policy, setting):
    setting("policy", policy)
    model = MODELS[name]()
    model.compile(keras.optimizers.SGD(1e-4), run_eagerly=True)
    losses = tiny.train(model, 2)["loss"]
    assert np.isfinite(losses).all()
    assert model.compute_dtype == ("float64" if policy == "float64" else "float32")
    model.evaluate(RAW, verbose=0)
    assert model.predict(RAW, verbose=0).dtype == model.compute_dtype


@fault("keras-settings")
@pytest.mark.parametrize("name", ["floatx", "policy"])
def test_float64_by_either_setting_is_float64_all_through(name, setting):
    setting(name, "float64")
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    x = model.representative(RAW)
    trace = model.trace_of(x, tfvae.Noise(0))
    assert {x.dtype, trace.log_px_z.dtype, model.prior.distribution(None).dtype} == {tf.float64}
    tiny.train(model, 1)


@fault("keras-settings")
def test_parts_and_files_in_float64_are_refused_by_name_where_the_settings_say_float32(setting, tmp_path):
    setting("floatx", "float64")
    setting("policy", "float64")
    model = tiny.compiled(tiny.vae())
    model.save(tmp_path / "model.keras")
    model.encoder.save(tmp_path / "encoder.keras")
    other = tfvae.load(tmp_path / "model.keras")
    tiny.assert_same_bits(other.get_weights(), model.get_weights())
    setting("floatx", "float32")
    setting("policy", "float32")
    for name in ("model.keras", "encoder.keras"):
        with pytest.raises(
            ValueError, match=r"computes in float64 and Keras' settings say float32; call keras\.config"
        ):
            tfvae.load(tmp_path / name)
    whole = tiny.vae()
    with pytest.raises(ValueError, match=r"^`prior` computes in float64 and Keras' settings say float32; call"):
        tfvae.VAE(whole.encoder, whole.decoder, model.prior, whole.preprocess)


@fault("keras-settings")
def test_a_file_in_float32_is_loaded_whatever_the_settings_are(setting, tmp_path, eager):
    model = tiny.compiled(tiny.vae())
    model.save(tmp_path / "model.keras")
    expected = model.predict(RAW, verbose=0)
    for name, value in (("format", "channels_first"), ("policy", "mixed_bfloat16")):
        setting(name, value)
        tiny.assert_same_bits([tfvae.load(tmp_path / "model.keras").predict(RAW, verbose=0)], [expected])
    setting("policy", "float64")
    np.testing.assert_allclose(tfvae.load(tmp_path / "model.keras").predict(RAW, verbose=0), expected, atol=1e-6)


@fault("keras-settings")
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_a_run_computes_in_what_its_settings_say(policy, setting):
    setting("policy", policy)
    setting("floatx", "float64")
    model = build.model(Settings(model="vae(network=mlp(4))"), tiny.SHAPE, 1)
    assert {layer.dtype_policy.name for layer in model._flatten_layers()} == {"float32"}
    assert (keras.config.dtype_policy().name, keras.config.floatx()) == (policy, "float64")


def alone(code, folder, settings, **environment):
    """The output of Python with this keras.json."""
    (folder / "keras.json").write_text(settings if isinstance(settings, str) else json.dumps(settings))
    about = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_HOME": str(folder), **environment}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **about}, cwd=folder
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip().splitlines()[-1]


ALL = {
    "floatx": "float16",
    "epsilon": 0.1,
    "image_data_format": "channels_first",
    "nnx_enabled": True,
}


@fault("keras-settings")
@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [ALL, {"floatx": "bfloat16"}, long({"epsilon": 1})],
    ids=["other", "unknown", "integer"],
)
def test_the_command_line_sees_no_settings_of_the_user_s(settings, tmp_path):
    code = """
from tfvae.app.cli.common import quiet_import
import os
with quiet_import():
    from keras import config
print(config.floatx(), config.epsilon(), config.image_data_format(), config.is_nnx_enabled(), config.backend(),
      config.max_epochs(), config.max_steps_per_epoch(), os.environ["KERAS_MAX_EPOCHS"])
"""
    limits = {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1", "KERAS_NNX_ENABLED": "1", "KERAS_BACKEND": ""}
    expected = "float32 1e-07 channels_last False tensorflow None None 1"  # what it starts has the user's environment
    assert alone(code, tmp_path, settings, **limits) == expected


@fault("keras-settings")
@pytest.mark.slow
def test_a_run_is_the_same_whatever_keras_json_says(tmp_path):
    small_runs.data(tmp_path / "discs.npz")
    reports = []
    for name, settings in (("plain", {}), ("other", ALL)):
        folder = tmp_path / name
        folder.mkdir()
        code = """
import sys
small = "--data ../discs.npz --no-xla --validation-size 50 --network mlp(8) --latent-size 2 --epochs 2"
sys.argv = ["tfvae", "train", "--out", "run", *small.split()]
from tfvae.app import cli
try:
    cli.main()
except SystemExit as end:
    assert not end.code
print("done")
"""
        alone(code, folder, settings, KERAS_BACKEND="", KERAS_MAX_EPOCHS="1")
        report = json.loads((folder / "run" / "report.json").read_text())
        assert len((folder / "run" / "history.csv").read_text().splitlines()) == 3
        reports.append(
            {name: value for name, value in report.items() if "seconds" not in name and name != SEAL}
        )  # a digest of the seconds too
    assert reports[0] == reports[1]


def test_networks_of_the_package_name_where_their_channels_are(setting):
    setting("format", "channels_first")
    for body in (
        networks.mlp((3,)),
        networks.convnet((3,)),
        networks.deconvnet((7, 5, 1), (3,)),
        networks.flatconvnet((3,)),
    ):
        assert {getattr(layer, "data_format", "channels_last") for layer in body.layers} == {"channels_last"}
