"""What training obeys survives saving, cloning, copying and resuming: frozen parts, and what an optimiser was told."""

import copy
import functools
import pickle

import h5py
import keras
import pytest

import tfvae
import tiny
from faults import fault
from tfvae import families, preprocessing, priors
from tfvae._support.layer_state import state_of_layers
from tfvae.app.run.checkpoints import Checkpoints
from tiers import slow

RAW = tiny.images(16)


def through_a_file(model, folder):
    model.save(folder / "model.keras")
    return tfvae.load(folder / "model.keras")


def through_keras(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def through_a_checkpoint(model, folder):
    checkpoints = Checkpoints(folder)
    state = {"epoch": 0, "step": 0, "metrics": {}, "history": [], "best": None, "seconds": [0.0, 0.0]}
    checkpoints.write(model, model.steps, {"identity": {}, **state}, None)
    return checkpoints.newest()[0].load()[0]


WAYS = {
    "file": through_a_file,
    "Keras' load": through_keras,
    "checkpoint": through_a_checkpoint,
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, _: copy.deepcopy(model),
}
COPIES = {
    **WAYS,
    "clone": lambda model, _: keras.models.clone_model(model),
    "configuration": lambda model, _: type(model).from_config(model.get_config()),
}


def body(shape=None):
    """A network with a state of every kind: normalised, nested, and with a layer frozen by its own argument."""
    inner = keras.Sequential([keras.layers.Dense(5), keras.layers.BatchNormalization()])
    return keras.Sequential([keras.layers.Flatten(), inner, keras.layers.Dense(4, trainable=False)])


def freeze_encoder(model):
    model.encoder.trainable = False


def freeze_a_layer(model):
    model.encoder.network.layers[1].layers[0].trainable = False


def freeze_all_but_a_layer(model):
    model.encoder.trainable = False
    model.encoder.network.layers[1].trainable = True


def freeze_a_weight(model):
    model.decoder.get_layer("elements").bias.trainable = False


def thaw_a_layer(model):
    model.encoder.network.layers[2].trainable = True


def freeze_the_prior(model):
    model.prior.trainable = False


CHANGES = [freeze_encoder, freeze_a_layer, freeze_all_but_a_layer, freeze_a_weight, thaw_a_layer, freeze_the_prior]


def model_of(change):
    model = tiny.vae(
        bodies=lambda: (body(), body()),
        prior=priors.MixtureOfNormals((2,), 2),
        objective=tfvae.ELBO(analytic_kl=False),
    )
    change(model)
    return tiny.compiled(model, run_eagerly=True)


def flags(model):
    return [layer.trainable for layer in model._flatten_layers()], [weight.trainable for weight in model.weights]


@functools.cache
def frozen(change):
    """A model that is copied only, and its flags."""
    model = model_of(change)
    return model, flags(model)


@functools.cache
def flags_of_nothing_frozen():
    return flags(model_of(lambda _: None))


def ways_and_changes():
    """All changes through a file, which is what other ways go through, and two of them through each other way."""
    for way in COPIES:
        for change in CHANGES:
            case = f"{way}-{change.__name__}"
            if way == "file" or change in (freeze_a_weight, freeze_all_but_a_layer):
                is_slow = way in ("Keras' load", "pickle", "checkpoint")  # deepcopy and the file go the same way
                yield pytest.param(way, change, id=case, marks=pytest.mark.slow if is_slow else ())
            else:
                yield pytest.param(way, change, id=case, marks=pytest.mark.long)


@fault("lost-attributes")
@pytest.mark.parametrize(("way", "change"), list(ways_and_changes()))
def test_frozen_parts_stay_frozen(way, change, tmp_path):
    model, expected = frozen(change)
    assert expected != flags_of_nothing_frozen()
    assert flags(COPIES[way](model, tmp_path)) == expected


@fault("lost-attributes")
@pytest.mark.parametrize("way", [way if way == "file" else slow(way) for way in WAYS])
def test_training_goes_on_as_if_nothing_had_happened(way, tmp_path):
    model = model_of(freeze_encoder)
    frozen = tiny.values(model.encoder.weights)
    tiny.train(model, 2)
    other = WAYS[way](model, tmp_path)
    assert int(other.optimizer.iterations) == 2
    for each in (model, other):
        tiny.train(each, 2)
    tiny.assert_same_bits(tiny.state(other), tiny.state(model))
    trained = [weight for weight in other.encoder.weights if "moving" not in weight.path]
    still = [value for value, weight in zip(frozen, other.encoder.weights, strict=True) if "moving" not in weight.path]
    tiny.assert_same_bits(tiny.values(trained), still)


@pytest.mark.slow
@fault("lost-attributes")
def test_an_encoder_alone_stays_frozen(tmp_path):
    encoder = model_of(freeze_encoder).encoder
    for way in ("file", "deepcopy", "clone"):
        assert flags(COPIES[way](encoder, tmp_path)) == flags(encoder)


@fault("lost-attributes")
def test_a_head_that_is_made_later_is_frozen_with_its_encoder():
    encoder = tfvae.ConditionalDistribution(tiny.network(), families.Normal((2,)))
    encoder.trainable = False
    whole = tiny.vae()
    model = tfvae.VAE(encoder, whole.decoder, whole.prior, whole.preprocess)
    assert not any(weight.trainable for weight in model.encoder.weights)


@fault("lost-attributes")
def test_other_models_keep_what_is_frozen_too():
    models = {
        "GAN": tfvae.gan(tiny.SHAPE, 2, "mlp(4)"),
        "ladder": tfvae.ladder_vae(tiny.SHAPE, 2, 4, "mlp(4)"),
        "flow": tfvae.realnvp(tiny.SHAPE, 1, 1, (4,)),
        "masked": tiny.masked_autoencoder(),
    }
    for model in models.values():
        assert "layer_state" not in model.get_config()  # other versions can read it
        model._flatten_layers()[3].trainable = False
        assert flags(type(model).from_config(model.get_config())) == flags(model)


@fault("lost-attributes")
@pytest.mark.slow
def test_freezing_after_training_is_obeyed_at_once_and_its_optimiser_comes_back_whole(tmp_path):
    model = tiny.compiled(tiny.vae())
    tiny.train(model, 2)
    freeze_encoder(model)
    frozen = tiny.values(model.encoder.weights)
    tiny.train(model, 2)  # without another `compile`
    tiny.assert_same_bits(tiny.values(model.encoder.weights), frozen)
    loaded = through_a_file(model, tmp_path)
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))
    assert int(loaded.optimizer.iterations) == 4
    for each in (model, loaded):
        each.encoder.trainable = True  # the optimiser was built for it
        tiny.train(each, 1)
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))


@fault("lost-attributes")
def test_thawing_what_the_optimiser_never_knew_is_refused_in_a_sentence():
    model = tiny.vae()
    freeze_encoder(model)
    tiny.train(tiny.compiled(model, run_eagerly=True), 1)
    model.encoder.trainable = True
    with pytest.raises(ValueError, match=r"^`.*kernel` was frozen when its optimiser was built, .* new optimiser\.$"):
        tiny.train(model, 1)
    tiny.train(tiny.compiled(model, run_eagerly=True), 1)


@fault("messages")
def test_a_model_of_which_all_is_frozen_says_so():
    model = tiny.vae()
    model.trainable = False
    with pytest.raises(ValueError, match=r"^`.*` has nothing to train: all of its parts are frozen\."):
        tiny.train(tiny.compiled(model, run_eagerly=True), 1)


@fault("lost-attributes")
def test_one_of_two_networks_that_compete_may_be_frozen(tmp_path):
    model = tfvae.gan(tiny.SHAPE, 2, "mlp(4)")
    model.generator.trainable = False
    model.compile("sgd", run_eagerly=True)
    frozen = tiny.values(model.generator.weights)
    tiny.train(model, 1)
    tiny.assert_same_bits(tiny.values(model.generator.weights), frozen)
    assert int(through_a_file(model, tmp_path).discriminator_optimizer.iterations) == 1


OPTIMISERS = {
    "no decay by name": lambda model: excluded(var_names=["bias"]),
    "no decay of weights": lambda model: excluded(var_list=model.decoder.trainable_variables),
    "averages": lambda _: keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "accumulated": lambda _: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    "schedule": lambda _: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)),
    "loss scale": lambda model: keras.optimizers.LossScaleOptimizer(excluded(var_names=["kernel"])),
}


def excluded(**what):
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(**what)
    return optimizer


@fault("lost-attributes")
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_what_an_optimiser_was_told_comes_back(kind, tmp_path):
    model = tiny.vae(kind="linear")
    tiny.compiled(model, OPTIMISERS[kind](model), run_eagerly=True)
    tiny.train(model, 1)
    loaded = through_a_file(model, tmp_path)
    for each in (model, loaded):
        tiny.train(each, 2)
    tiny.assert_same_bits(tiny.state(loaded), tiny.state(model))


@fault("lost-attributes")
def test_a_second_optimiser_is_told_what_the_first_one_is():
    model = tfvae.gan(tiny.SHAPE, 2, "mlp(4)")
    model.compile(excluded(var_names=["bias"]))
    model.build_optimizers()
    decayed = [model.discriminator_optimizer._use_weight_decay(each) for each in model.discriminator.weights]
    assert decayed == ["bias" not in each.path for each in model.discriminator.weights]


@fault("lost-attributes")
def test_what_is_assigned_after_compiling_comes_back(tmp_path):
    model = tiny.compiled(tiny.vae(), keras.optimizers.Adam(0.1))
    model.optimizer.learning_rate = 0.25
    model.optimizer.clipnorm = 2.0
    model.run_eagerly = True
    model.steps_per_execution = 3
    loaded = through_a_file(model, tmp_path)
    assert (loaded.run_eagerly, loaded.steps_per_execution, loaded.jit_compile) == (True, 3, False)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert float(loaded.optimizer.learning_rate) == 0.25
    model.compile("sgd", steps_per_execution="auto")
    assert through_a_file(model, tmp_path)._to_be_chosen


@fault("lost-attributes")
def test_another_objective_is_obeyed_by_steps_that_were_traced():
    model = tiny.compiled(tiny.vae(kind="linear"), keras.optimizers.SGD(1e-3))
    for beta in (1.0, 0.25):
        model.objective = tfvae.ELBO(beta=beta)
        history = model.fit(RAW, validation_data=(RAW, None), verbose=0).history
        for part in ("", "val_"):
            loss, distortion, rate = (history[f"{part}{name}"][0] for name in ("loss", "distortion", "rate"))
            assert loss == pytest.approx(distortion + beta * rate, rel=1e-6)


@fault("lost-attributes")
@pytest.mark.slow
@pytest.mark.parametrize("change", [{"seed": 99}, {"preprocess": preprocessing.Rescale()}], ids=["seed", "preprocess"])
def test_another_seed_or_preprocessing_is_obeyed_by_steps_that_were_traced(change):
    ((name, value),) = change.items()
    traced, new = (tiny.compiled(tiny.vae(), keras.optimizers.SGD(1e-3)) for _ in range(2))
    traced.fit(RAW, validation_data=(RAW, None), verbose=0)
    new.set_weights(traced.get_weights())
    for each in (traced, new):
        setattr(each, name, value)
    assert traced.evaluate(RAW, verbose=0) == new.evaluate(RAW, verbose=0)
    for each in (traced, new):
        tiny.train(each, 1)
    tiny.assert_same_bits(tiny.values(traced.trainable_variables), tiny.values(new.trainable_variables))


def test_an_objective_that_does_not_fit_a_model_that_is_made_is_refused():
    model = tiny.vae()
    with pytest.raises(ValueError, match=r"^`objective` must report loss, elbo, distortion, rate, as that of"):
        model.objective = tfvae.Distortion()
    with pytest.raises(TypeError, match=r"^`objective` must be an object of `Objective`; received 'elbo'\.$"):
        model.objective = "elbo"
    with pytest.raises(ValueError, match="is of one level of latents"):
        tfvae.ladder_vae(tiny.SHAPE, 2, 4, "mlp(4)").objective = tfvae.ImportanceWeighted(2, "stl")
    assert model.objective == tfvae.ELBO()


@fault("lost-attributes")
@pytest.mark.parametrize("make", [lambda: tfvae.gan(tiny.SHAPE, 2, "mlp(4)"), tiny.masked_autoencoder])
def test_the_precision_of_layers_that_a_model_makes_itself_comes_back(make, eager):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = make()
    keras.config.set_dtype_policy(before)
    other = type(model).from_config(model.get_config())
    other.set_weights(model.get_weights())
    policies = [[layer.dtype_policy.name for layer in each._flatten_layers()] for each in (model, other)]
    assert policies[0] == policies[1] and "mixed_bfloat16" in policies[0]
    tiny.assert_same_bits([model.predict(RAW, verbose=0)], [other.predict(RAW, verbose=0)])


@fault("lost-attributes")
def test_layers_that_do_not_cast_their_inputs_come_back(tmp_path):
    model = tiny.vae()
    model.encoder.network.layers[1].autocast = False
    assert through_a_file(tiny.compiled(model), tmp_path).encoder.network.layers[1].autocast is False


def test_the_state_of_other_layers_is_refused():
    state = state_of_layers(model_of(freeze_encoder))
    config = tiny.vae().get_config() | {"layer_state": state}
    with pytest.raises(ValueError, match=r"^The state is of .* layers with .* weights, but `.*` has"):
        tfvae.VAE.from_config(config)


def test_nothing_frozen_leaves_no_trace_in_a_configuration():
    model = tiny.compiled(tiny.vae())
    assert "layer_state" not in model.get_config()
    assert "optimizer_notes" not in model.get_compile_config()
    assert sorted(model.encoder.get_config()) == ["family", "name", "network", "preprocess"]


def test_weights_have_the_places_in_a_file_that_they_always_had(tmp_path):
    """A property that leads to a part would move them, and files from before could not be loaded."""
    vamp = tiny.vae(prior=priors.VampPrior((2,), tiny.SHAPE, 3), objective=tfvae.ELBO(analytic_kl=False))
    ladder = tfvae.ladder_vae(tiny.SHAPE, 2, 4, "mlp(4)")
    expected = {"encoder", "decoder", "prior", "guard", "vars", "bottom_up", "posteriors", "priors", "top_down"}
    expected |= {"generator", "discriminator", "head", "layers", "optimizer", "discriminator_optimizer"}
    for model in (vamp, ladder, tfvae.gan(tiny.SHAPE, 2, "mlp(4)")):
        model.compile("sgd")
        model.save_weights(tmp_path / "model.weights.h5")
        with h5py.File(tmp_path / "model.weights.h5") as file:
            assert set(file) <= expected
