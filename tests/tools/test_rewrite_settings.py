"""Settings of version 0.1, a flat list, become recipes: the models are those that version 0.1 made of them.

tests/data/flat_settings.json holds, for each kind of model, the config.yaml of version 0.1 (what differs from its
defaults, which stand there once) and the model that it made of that for images of 8 x 8: class, objective,
preprocessing and shapes of weights.
"""

import json
import subprocess
import sys

import pytest
import yaml

import rewrite_settings
from places import ROOT
from tfvae._support.seals import is_unbroken, seal
from tfvae.app.run import build
from tfvae.app.run.identity import Identity, identity_of
from tfvae.app.settings import Settings, read_yaml, settings_of
from tfvae.app.settings.files import FLAT

OLD = json.loads((ROOT / "tests/data/flat_settings.json").read_text())
SIZES = "latent_size=4, network=mlp(8, 4)"
TODAY = {
    "vae": f"vae({SIZES})",
    "default network of categorical": "vae(latent_size=2, network=conv(32, 64), likelihood=categorical)",
    "conv": "vae(latent_size=3, network=conv(2, 3, activation=relu))",
    "scale of pixels": f"vae({SIZES}, likelihood=normal(scale=pixel))",
    "fixed scale": f"vae({SIZES}, likelihood=normal(scale=0.3))",
    "bernoulli": "vae(latent_size=4, network=mlp(8, 4, activation=tanh), likelihood=bernoulli)",
    "autoregressive": f"vae({SIZES}, likelihood=autoregressive_bernoulli)",
    "continuous": f"vae({SIZES}, likelihood=continuous_bernoulli, preprocess=rescale)",
    "logistic": f"vae({SIZES}, likelihood=discretized_logistic(scale=image))",
    "flow prior": f"vae({SIZES}, prior=flow(depth=2, hidden=(5,)))",
    "flow posterior": f"vae({SIZES}, posterior=flow(depth=4, hidden=(128, 128)))",
    "both flows": f"vae({SIZES}, prior=flow(depth=1, hidden=(6,)), posterior=flow(depth=1, hidden=(6,)))",
    "mixture prior": f"vae({SIZES}, prior=mixture(components=3, rank=1))",
    "vamp": f"vae({SIZES}, prior=vamp(pseudo_inputs=7))",
    "iwae": f"vae({SIZES}, objective=iwae(samples=5, gradient=dreg))",
    "weights of the rate": f"vae({SIZES}, objective=elbo(samples=2, beta=0.5, warm_up=2, free_bits=0.1))",
    "ladder": f"ladder_vae(levels=2, {SIZES}, objective=elbo(warm_up=(0, 3), free_bits=(0.1, 0)))",
    "ladder of maps": "ladder_vae(levels=2, latent_size=2, network=conv(3))",
    "stack": "stacked_vae(levels=3, latent_size=4, network=mlp(8, 4, activation=silu))",
    "naive": f"naive_monte_carlo({SIZES}, draws=50, likelihood=bernoulli)",
    "ae": "autoencoder(latent_size=4, network=mlp(8, 4, activation=elu))",
    "dae": f"denoising_autoencoder({SIZES}, corruption=salt_and_pepper(0.2))",
    "mae": "masked_autoencoder(patch_size=2, mask_share=0.5)",
    "gmm": "mixture(components=4, rank=2)",
    "gan": f"gan({SIZES}, penalty=0.5)",
    "realnvp": "realnvp(levels=1, depth=3, filters=(4, 5), alpha=0.1)",
    "default realnvp": "realnvp(levels=2, depth=4, filters=(32, 32), alpha=0.05)",
    "glow": "glow(levels=3, depth=1, filters=(4,))",
    "default glow": "glow(levels=2, depth=8, filters=(64, 64), alpha=0.05)",
    "maf": "maf(depth=2, hidden=(9,))",
    "a whole training": f"vae({SIZES})",
}


@pytest.fixture
def old_run(tmp_path, request):
    """A folder with the config.yaml that version 0.1 wrote for a kind of model."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(settings_before(request.param), sort_keys=False))
    return folder


def settings_before(kind):
    return OLD["defaults"] | OLD["kinds"][kind]["settings"]


def test_every_kind_is_tried():
    assert set(TODAY) == set(OLD["kinds"])
    assert rewrite_settings.DEFAULTS.keys() - {"model"} == FLAT
    assert OLD["defaults"].keys() == FLAT | Settings.__dataclass_fields__.keys()


@pytest.mark.parametrize(("old_run", "kind"), [(kind, kind) for kind in TODAY], indirect=["old_run"], ids=TODAY)
def test_a_rewritten_file_makes_the_model_of_version_0_1(old_run, kind):
    rewrite_settings.rewrite(old_run / "config.yaml")
    settings, before, expected = settings_of(old_run), settings_before(kind), OLD["kinds"][kind]
    assert settings.model == Settings(model=TODAY[kind]).model
    kept = settings.plain(without=("model",))
    assert kept == {name: before[name] for name in kept}
    model = build.model(settings, (8, 8, 1), 3)
    assert type(model).__name__ == expected["model"]
    assert [list(weight.shape) for weight in model.weights] == expected["shapes"]
    assert type(model.preprocess).__name__ == expected["preprocess"]
    objective = getattr(model, "objective", None)
    found = json.loads(json.dumps(objective and objective.get_config(), default=str))
    assert without_modules(found) == without_modules(expected["objective"])


def without_modules(config):
    """A configuration without the places of classes, which may move: their registered names count."""
    if isinstance(config, dict):
        return {name: without_modules(value) for name, value in config.items() if name != "module"}
    return [without_modules(value) for value in config] if isinstance(config, list) else config


@pytest.mark.parametrize("kind", TODAY)
def test_what_a_file_leaves_out_is_the_default_of_version_0_1(kind):
    before = OLD["kinds"][kind]["settings"]
    found = rewrite_settings.rewritten({"hidden": [300] * 4, **before})
    assert found.keys() == before.keys() - FLAT | {"model"}
    assert Settings(model=found["model"]) == Settings(model=rewrite_settings.rewritten(settings_before(kind))["model"])


@pytest.mark.parametrize(("old_run", "kind"), [("gmm", "gmm"), ("iwae", "iwae")], indirect=["old_run"])
def test_an_old_run_folder_is_refused_in_a_sentence_that_names_the_script(old_run, kind):
    config = old_run / "config.yaml"
    for read in (lambda: read_yaml(config), lambda: settings_of(old_run)):
        with pytest.raises(ValueError) as caught:
            read()
        assert str(caught.value) == (
            f"{config} is a flat list of settings, as version 0.1 wrote it; "
            f"`python tools/rewrite_settings.py {config}` rewrites it."
        )


@pytest.mark.parametrize("old_run", ["vamp"], indirect=True)
def test_the_script_rewrites_files_and_leaves_what_is_rewritten_as_it_is(old_run):
    config, card = old_run / "config.yaml", old_run / "card.json"
    card.write_text(json.dumps({"a": [{"settings": settings_before("vamp")}], "settings": {"epochs": 3}}, indent=1))
    before = None
    for _ in range(2):
        script = [sys.executable, str(ROOT / "tools/rewrite_settings.py"), str(config), str(card)]
        done = subprocess.run(script, capture_output=True, text=True, check=True)
        assert done.stdout == f"Rewrote {config}\nRewrote {card}\n"
        assert before in (None, (config.read_text(), card.read_text()))
        before = config.read_text(), card.read_text()
    assert before[1].startswith('{\n "a"')  # the layout that it had
    found = json.loads(before[1])
    assert found["settings"] == {"epochs": 3}
    assert Settings(**found["a"][0]["settings"]) == settings_of(old_run)


def test_what_was_sealed_is_sealed_again_and_what_was_changed_is_not():
    report = seal({"settings": settings_before("vae"), "loss": 3.0})
    assert is_unbroken(rewrite_settings.rewrite_json(report), "loss")
    assert not is_unbroken(rewrite_settings.rewrite_json(report | {"loss": 2.0}), "loss")


def test_a_model_of_version_0_1_is_not_compared_with_settings_of_another_form(tmp_path):
    Identity(settings_before("vae"), {}).require_settings(Settings(), tmp_path)
    with pytest.raises(ValueError, match="are not those that its model was trained with: `epochs` is 25, not 26"):
        identity_of(Settings(epochs=26), {}).require_settings(Settings(), tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hiden": [8]}, "There was no setting 'hiden' in version 0.1."),
        ({"latent_size": 0}, "`latent_size` must be at least 1; received 0."),
    ],
)
def test_what_was_no_setting_is_refused(changes, sentence):
    with pytest.raises(ValueError) as caught:
        rewrite_settings.rewritten(settings_before("vae") | changes)
    assert str(caught.value) == sentence
