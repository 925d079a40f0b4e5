"""Bad arguments in Python: the right class of error, and a sentence that names the argument and what was expected.

What the command line does with bad input is in `test_bad_input.py`.
"""

import keras
import numpy as np
import pytest

import tfvae
import tiny
from tfvae import callbacks, datasets, evaluation, families, networks, preprocessing, priors
from tfvae.app.settings import Settings
from tfvae.datasets import batches as training
from tfvae.raw_images import NotImages

RAW = tiny.images(8)
BRIGHT = RAW.astype("float32")  # 0 to 255, the usual slip
BRIGHTNESS = "floats, which must be in [0, 1]; received 0 to 253: pass levels 0 to 255 as uint8"
NAN = np.full((8, *tiny.SHAPE), np.nan, "float32")


@pytest.fixture(scope="module")
def model():
    return tiny.compiled(tiny.vae(), run_eagerly=True)


def vae(**changes):
    """The constructor with one part exchanged."""
    whole = tiny.vae()
    parts = {name: getattr(whole, name) for name in ("encoder", "decoder", "prior", "preprocess", "objective")}
    return tfvae.VAE(**{**parts, **changes})


def trained_with(callback):
    return lambda model: model.fit(RAW, callbacks=[callback("pictures")], verbose=0)


CASES = {
    # The parts of a model
    "no channels": (lambda _: tfvae.vae((28, 28)), ValueError, "`image_shape` must be (height, width, channels)"),
    "one size": (lambda _: tfvae.vae(28), ValueError, "`image_shape` must be (height, width, channels)"),
    "no channels for convolutions": (lambda _: tfvae.conv_vae((28, 28)), ValueError, "`image_shape` must be (height"),
    "latent size 0": (
        lambda _: tfvae.vae(tiny.SHAPE, latent_size=0),
        ValueError,
        "`latent_size` must be at least 1",
    ),
    "latent size as text": (lambda _: tfvae.vae(latent_size="8"), ValueError, "must be an integer; received '8'"),
    "hidden size as text": (
        lambda _: tfvae.vae(tiny.SHAPE, network="mlp(a)"),
        ValueError,
        "`units` must be an integer; received 'a'.",
    ),
    "hidden size of another kind": (
        lambda _: networks.mlp(("a",)),
        ValueError,
        "`hidden` must be a tuple of integers; received ('a',).",
    ),
    "seed as text": (lambda _: tfvae.vae(tiny.SHAPE, seed="0"), ValueError, "`seed` must be an integer; received '0'"),
    "no filters": (
        lambda _: networks.convnet(()),
        ValueError,
        "`filters` must be a tuple of at least one integer; received ().",
    ),
    "a network for an encoder": (
        lambda _: vae(encoder=networks.mlp((4,))),
        TypeError,
        "`encoder` must be a `ConditionalDistribution`; received Sequential.",
    ),
    "no decoder": (
        lambda _: vae(decoder=None),
        TypeError,
        "`decoder` must be a `ConditionalDistribution`; received NoneType.",
    ),
    "a family for a prior": (
        lambda _: vae(prior=families.Normal((2,))),
        TypeError,
        "`prior` must be a `Prior`; received Normal.",
    ),
    "text for a preprocessing": (
        lambda _: vae(preprocess="binarize"),
        TypeError,
        "`preprocess` must be an object of `Preprocessing`; received 'binarize'.",
    ),
    "text for an objective": (
        lambda _: vae(objective="elbo"),
        TypeError,
        "`objective` must be an object of `Objective`; received 'elbo'.",
    ),
    "latents of two sizes": (
        lambda _: vae(prior=priors.StandardNormal((3,))),
        ValueError,
        "`prior` is over latents of shape (3,), `encoder` gives them in shape (2,).",
    ),
    "a decoder of other latents": (
        lambda _: vae(
            encoder=tfvae.ConditionalDistribution(networks.mlp(()), families.Normal((3,))),
            prior=priors.StandardNormal((3,)),
            decoder=tiny.vae().decoder,
        ),
        ValueError,
        "`decoder` was built for inputs of shape (2,), and here they have shape (3,).",
    ),
    "binarised pixels for a density": (
        lambda _: vae(preprocess=preprocessing.Binarize()),
        ValueError,
        "`Binarize` and the family `Normal` do not fit",
    ),
    "family before network": (
        lambda _: tfvae.ConditionalDistribution(families.Normal((2,)), networks.mlp(())),
        TypeError,
        "`network` must be a Keras layer or model and `family` a family of tfvae; received Normal and Sequential.",
    ),
    "unknown scale": (
        lambda _: families.Normal(tiny.SHAPE, scale="huge"),
        ValueError,
        "`scale` must be 'shared', 'image' or 'pixel' or a number; received 'huge'.",
    ),
    "scale 0": (lambda _: families.Normal(tiny.SHAPE, scale=0), ValueError, "`scale` must be above 0; received 0."),
    "scale NaN": (lambda _: families.Normal(tiny.SHAPE, scale=np.nan), ValueError, "or a number; received nan."),
    "no scale": (lambda _: families.Normal(tiny.SHAPE, scale=None), ValueError, "or a number; received None."),
    "min_scale as text": (
        lambda _: families.Normal((2,), min_scale="0"),
        ValueError,
        "`min_scale` must be a number; received '0'.",
    ),
    # Objectives
    "negative beta": (lambda _: tfvae.ELBO(beta=-1), ValueError, "`beta` must be at least 0; received -1."),
    "beta as text": (lambda _: tfvae.ELBO(beta="1"), ValueError, "`beta` must be a Keras schedule or a number"),
    "negative free bits": (lambda _: tfvae.ELBO(free_bits=-0.1), ValueError, "`free_bits` must be at least 0"),
    "free bits as text": (lambda _: tfvae.ELBO(free_bits="1"), ValueError, "`free_bits` must be a number"),
    "free bits without the closed form": (
        lambda _: tfvae.ELBO(free_bits=1.0, analytic_kl=False),
        ValueError,
        "needs `analytic_kl=True`",
    ),
    "free bits of other levels": (
        lambda _: vae(objective=tfvae.ELBO(free_bits=(0.1, 0.2))),
        ValueError,
        "`free_bits` must be one value; received 2.",
    ),
    "a beta of other levels": (
        lambda _: tfvae.ladder_vae(tiny.SHAPE, 2, 4, "mlp(4)", objective=tfvae.ELBO(beta=(1.0, 0.5, 1.0))),
        ValueError,
        "`beta` must be one value, or one for each of the 2 levels; received 3.",
    ),
    "a prior made of an encoder that is not there": (
        lambda _: tfvae.naive_monte_carlo(tiny.SHAPE, 2, 5, "mlp(4)", prior="vamp"),
        ValueError,
        "`prior` needs an encoder q(z|x), which naive Monte Carlo has not.",
    ),
    "no samples": (lambda _: tfvae.ImportanceWeighted(0), ValueError, "`sample_size` must be at least 1"),
    "half a sample": (lambda _: tfvae.ELBO(sample_size=1.5), ValueError, "`sample_size` must be an integer"),
    "no warm-up": (lambda _: tfvae.WarmUp(0), ValueError, "`steps` must be at least 1; received 0."),
    "warm-up as text": (lambda _: tfvae.WarmUp("9"), ValueError, "`steps` must be an integer; received '9'."),
    "warm-up to nothing": (lambda _: tfvae.WarmUp(9, -1), ValueError, "`final` must be at least 0; received -1."),
    # Training and using a model
    "a loss": (lambda m: m.compile(loss="mse"), ValueError, "`compile` takes no `loss`"),
    "metrics": (lambda m: m.compile("adam", metrics=["mse"]), ValueError, "such as the `objective` of a VAE"),
    "a batch that is too large": (
        lambda _: training.batches(RAW, 9, 0),
        ValueError,
        "at most the number of examples, 8",
    ),
    "an empty batch": (
        lambda _: training.batches(RAW, 0, 0),
        ValueError,
        "`batch_size` must be at least 1; received 0.",
    ),
    "batch size as text": (
        lambda _: training.batches(RAW, "4", 0),
        ValueError,
        "`batch_size` must be an integer; received '4'.",
    ),
    "a negative start": (lambda _: training.batches(RAW, 4, 0, -1), ValueError, "`start` must be at least 0"),
    "labels of another length": (
        lambda _: training.batches(RAW, 4, 0, labels=np.zeros(7)),
        ValueError,
        "`labels` must be one for each of the 8 images; received 7.",
    ),
    "training on NaN": (lambda m: m.fit(NAN, verbose=0), NotImages, "`x` holds values that are not finite."),
    "training on NaN names the term": (lambda m: m.train_on_batch(NAN), FloatingPointError, ": the input has values"),
    "training on bright floats": (lambda m: m.fit(BRIGHT, verbose=0), NotImages, BRIGHTNESS),
    "evaluating them": (lambda m: m.evaluate(BRIGHT, verbose=0), NotImages, BRIGHTNESS),
    "predicting from them": (lambda m: m.predict(BRIGHT, verbose=0), NotImages, BRIGHTNESS),
    "predicting from NaN": (lambda m: m.predict_on_batch(NAN), FloatingPointError, "values that are not finite"),
    "testing on NaN": (lambda m: m.test_on_batch(NAN), FloatingPointError, "values that are not finite"),
    "text": (lambda m: m(RAW.astype(str)), ValueError, "takes integers or floats; received string."),
    "predicting from another shape": (lambda m: m.predict(RAW[:, 1:], verbose=0), ValueError, "takes examples of sh"),
    "evaluating another shape": (lambda m: m.evaluate(RAW[:, 1:], verbose=0), ValueError, "takes examples of shape"),
    "levels for the encoder": (lambda m: m.encoder(RAW), TypeError, "takes preprocessed floats; received uint8."),
    # Measuring
    "a likelihood of no samples": (
        lambda m: m.log_likelihood(RAW, sample_size=0),
        ValueError,
        "`sample_size` must be at least 1; received 0.",
    ),
    "samples as text": (lambda m: m.log_likelihood(RAW, "9"), ValueError, "`sample_size` must be an integer"),
    "likelihood of another shape": (lambda m: m.log_likelihood(RAW[:, 1:], 1), ValueError, "takes examples of shape"),
    "likelihood of nothing": (lambda m: m.log_likelihood(RAW[:0], 1), ValueError, "`raw` must hold at least one"),
    "likelihood of no images": (lambda m: m.log_likelihood(BRIGHT, 1), NotImages, BRIGHTNESS),
    "statistics of another shape": (
        lambda m: evaluation.latent_statistics(m, RAW[:, 1:]),
        ValueError,
        "takes examples of shape",
    ),
    "fixing what is no image": (lambda m: evaluation.fix(BRIGHT, m.preprocess), NotImages, BRIGHTNESS),
    "recognition of other images": (lambda m: evaluation.recognition(m), ValueError, "knows images of shape (28, 28"),
    # Callbacks
    "pictures of another shape": (
        trained_with(lambda folder: callbacks.ReconstructionGrid(folder, RAW[:, 1:])),
        ValueError,
        "takes examples of shape (8, 8, 1); received (7, 8, 1).",
    ),
    "pictures of nothing": (
        trained_with(lambda folder: callbacks.LatentMap(folder, RAW[:0])),
        ValueError,
        "`images` must hold at least one image; received none.",
    ),
    "pictures of no images": (
        trained_with(lambda folder: callbacks.LatentRates(folder, BRIGHT)),
        NotImages,
        BRIGHTNESS,
    ),
    "a map with other labels": (
        lambda _: callbacks.LatentMap("pictures", RAW, np.zeros(7)),
        ValueError,
        "`labels` must be one for each of the 8 images; received 7.",
    ),
    "never": (lambda _: callbacks.SampleGrid("pictures", every=0), ValueError, "`every` must be at least 1"),
    # Data, settings and files
    "an array for a source": (lambda _: datasets.load(RAW), TypeError, "not ndarray"),
    "nothing for a source": (lambda _: datasets.load(None), TypeError, "not NoneType"),
    "a size of odd values": (
        lambda _: datasets.load("mnist", (8, 0)),
        ValueError,
        "`image_size` must be (height, width)",
    ),
    "a setting of another kind": (
        lambda _: Settings(epochs="few"),
        ValueError,
        "`epochs` must be an integer; received 'few'.",
    ),
    "half a setting": (lambda _: Settings(epochs=2.5), ValueError, "`epochs` must be an integer; received 2.5."),
    "no setting": (lambda _: Settings(epochs=None), ValueError, "`epochs` must be an integer; received None."),
    "a missing model": (lambda _: tfvae.load("model.keras"), FileNotFoundError, "There is no model at 'model.keras'."),
    "a folder for a model": (
        lambda _: tfvae.load("."),
        ValueError,
        ". is a folder; `load` takes the .keras file in it, or one that `model.save` wrote.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_argument_is_named(case, model, tmp_path, monkeypatch):
    use, kind, sentence = CASES[case]
    monkeypatch.chdir(tmp_path)
    before = tiny.values(model.trainable_variables)
    with pytest.raises(kind) as caught:
        use(model)
    assert type(caught.value) is kind
    assert sentence in str(caught.value)
    if "Exception encountered when calling" not in str(caught.value):  # Keras' frame around what a call raises
        assert "\n" not in str(caught.value)
    tiny.assert_same_bits(tiny.values(model.trainable_variables), before)
    assert not list(tmp_path.iterdir())


def test_a_model_may_be_used_after_bad_input():
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    expected = model.predict(RAW, verbose=0)
    with pytest.raises(FloatingPointError):
        model.predict(NAN, verbose=0)
    tiny.assert_same_bits(model.predict(RAW, verbose=0), expected)
    model.fit(RAW, verbose=0)


def test_a_model_comes_back_compiled(tmp_path):
    model = tiny.compiled(tiny.vae(), keras.optimizers.Adam(0.5), run_eagerly=True, steps_per_execution=3)
    model.save(tmp_path / "model.keras")
    for load in (tfvae.load, keras.saving.load_model):
        loaded = load(tmp_path / "model.keras")
        assert (loaded.run_eagerly, loaded.steps_per_execution) == (True, 3)
        assert float(loaded.optimizer.learning_rate) == 0.5


def test_a_file_from_before_losses_were_refused_is_still_loaded(tmp_path, monkeypatch):
    model = tiny.vae()
    keras.Model.compile(model, optimizer="sgd", loss="mse")
    model.save(tmp_path / "model.keras")
    assert isinstance(tfvae.load(tmp_path / "model.keras").optimizer, keras.optimizers.SGD)
