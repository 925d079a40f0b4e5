"""Exporting small models: what the folder holds, what other models leave out, and what goes wrong in one sentence."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import served
import small_runs
import tfvae
import tiny
from command_lines import command
from exportable import ALL, LACKS, SAMPLES
from faults import fault
from tfvae.app import run
from tfvae.app.run.exporting import export_run
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.objectives import importance_weighted_bound, log_weights
from tfvae.serving import card, folder, litert, saved_model, warm_up
from tfvae.serving.answers import Answers
from tfvae.serving.signatures import signatures
from tiers import only


@pytest.fixture(scope="module")
def model():
    trained = tiny.compiled(tiny.vae())
    tiny.train(trained, 30)
    return trained


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return tfvae.export(model, tmp_path_factory.mktemp("models") / "tiny", tiny.images(40), sample_size=SAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("kind", only(["gan"], LACKS))
def test_other_models_give_what_they_have_and_say_what_they_lack(kind, tmp_path):
    """Row by row, and what they say in Python."""
    make, lacks = LACKS[kind]
    keras.utils.set_random_seed(0)
    other = make()
    is_image = kind != "points"
    images = tiny.images(40) if is_image else np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    version = tfvae.export(other, tmp_path / "other", images, sample_size=SAMPLES)
    about = card.read(tmp_path / "other")
    assert set(about["missing"]) == lacks and all(each.endswith(".") for each in about["missing"].values())
    stems = {name.removesuffix("_bytes").removesuffix("_float") for name in about["signatures"]}
    assert stems == ALL - lacks
    loaded = tf.saved_model.load(str(version)).signatures
    z = np.random.default_rng(0).normal(size=(40, *(other.latent_shape or ()))).astype("float32")
    requests = served.inputs_for(about["signatures"], images, z) if is_image else None
    answers = Answers(other, SAMPLES)
    for name in stems:
        given = requests[name] if is_image else {"data": images, "z": z, "seed": np.arange(40)}
        given = {key: tf.constant(value) for key, value in given.items() if key in about["signatures"][name]["inputs"]}
        whole = loaded[name](**given)
        alone = [loaded[name](**{key: value[row : row + 1] for key, value in given.items()}) for row in (0, 17, 39)]
        for output, values in whole.items():
            np.testing.assert_array_equal(values.numpy()[[0, 17, 39]], np.concatenate([each[output] for each in alone]))
            assert np.isfinite(values).all()
        if name != "anomaly_score":
            right = getattr(answers, name)(*given.values())
            for output, values in right.items():
                np.testing.assert_allclose(whole[output], values, rtol=1e-4, atol=1e-5, err_msg=f"{name} {output}")


@pytest.mark.slow
def test_a_version_holds_a_saved_model_and_its_card(exported):
    names = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    expected = {"saved_model.pb", "fingerprint.pb", "card.json", "variables/variables.index"}
    assert expected <= names and exported.name == "1"
    assert [path.name for path in exported.parent.iterdir()] == ["1"]
    about = card.read(exported.parent)
    loaded = tf.saved_model.load(str(exported)).signatures
    assert set(loaded) == set(about["signatures"]) | {"serving_default"}
    for name, each in about["signatures"].items():
        outputs = loaded[name].structured_outputs
        assert {key: spec.dtype.name for key, spec in outputs.items()} == {
            key: field["dtype"] for key, field in each["outputs"].items()
        }
        for fields in each.values():
            assert all(field["shape"][0] is None and field["meaning"] for field in fields.values())


@pytest.mark.slow
def test_percentiles_count_the_reference_images_that_are_explained_better(model, exported):
    loaded = tf.saved_model.load(str(exported)).signatures["anomaly_score"]
    reference = np.asarray(loaded(image=tiny.images(40))["score"])
    found = loaded(image=tiny.images(30, seed=1))
    below = (reference < np.asarray(found["score"])[:, np.newaxis]).mean(axis=1)
    np.testing.assert_allclose(found["percentile"], 100 * below, atol=2.6)  # one of forty, where rounding decides
    noise = np.random.default_rng(0).integers(0, 256, (5, *tiny.SHAPE), np.uint8)
    assert np.all(loaded(image=noise)["percentile"] == 100)


def test_a_seed_is_that_of_an_evaluation(model):
    images = tiny.images(3)
    found = Answers(model, SAMPLES).log_likelihood(images, tf.constant([4, 5, 6], tf.int64))
    for row in range(3):
        x = model.representative(images[row : row + 1])
        log_w = log_weights(model.trace_of(x, Noise(EVALUATION_SEED, step=4 + row), SAMPLES))
        np.testing.assert_allclose(found["bound"][row], importance_weighted_bound(log_w)[0], rtol=1e-5)
        np.testing.assert_allclose(found["elbo"][row], np.mean(log_w), rtol=1e-5)


@pytest.mark.slow
def test_the_bound_is_the_evaluation_of_one_image(model, exported):
    """L_S of the row with seed s is `likelihood_estimate` with that seed, of that image alone."""
    images = tiny.images(3)
    given = {"image": tf.constant(images), "seed": tf.constant([4, 5, 6], tf.int64)}
    found = tf.saved_model.load(str(exported)).signatures["log_likelihood"](**given)["bound"]
    x = np.asarray(model.representative(images))
    expected = [
        tfvae.evaluation.likelihood_estimate(model, x[i : i + 1], SAMPLES, seed=4 + i).bound[0] for i in range(3)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.slow
def test_floats_up_to_255_are_an_error(exported):
    encode = tf.saved_model.load(str(exported)).signatures["encode_float"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"floats outside \[0, 1\]"):
        encode(image=np.float32(tiny.images(2)))


@pytest.mark.slow
def test_no_operation_is_xlas_or_custom(exported):
    from tensorflow.core.protobuf import saved_model_pb2

    whole = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    library = whole.meta_graphs[0].graph_def.library.function
    operations = {node.op for function in library for node in function.node_def}
    assert {"MatMul", "DecodePng", "DecodeJpeg", "EncodePng"} <= operations
    registered = tf.raw_ops.__dict__
    own = {function.signature.name for function in library}
    strange = {each for each in operations - own if each not in registered and not each.startswith("_")}
    assert not strange and not {each for each in operations if each.startswith("Xla")}
    assert not any(function.attr["_XlaMustCompile"].b for function in library)


WITHOUT = """
import sys
for name in ("tfvae", "keras", "tensorflow_probability", "tf_keras"):
    sys.modules[name] = None
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
print(loaded.signatures["sample"](seed=tf.constant([1, 2], tf.int64))["image"].shape)
"""


def quietly(*command, **more):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, env=environment, **more)


@pytest.mark.slow
def test_it_loads_without_the_packages_that_made_it(exported):
    done = quietly("-c", WITHOUT, exported)
    assert done.stdout.strip() == "(2, 8, 8, 1)", done.stderr[-2000:]


@pytest.mark.long
@pytest.mark.slow
def test_saved_model_cli_shows_and_runs_it(exported, tmp_path):
    program = Path(sys.executable).with_name("saved_model_cli")
    if not program.exists():
        pytest.skip("saved_model_cli is not beside this Python")
    shown = quietly(program, "show", "--dir", exported, "--all")
    for name in card.read(exported.parent)["signatures"]:
        assert f"signature_def['{name}']" in shown.stdout, shown.stderr[-2000:]
    np.save(tmp_path / "images.npy", tiny.images(4))
    more = ["--tag_set", "serve", "--signature_def", "encode", "--inputs", f"image={tmp_path / 'images.npy'}"]
    done = quietly(program, "run", "--dir", exported, *more, "--outdir", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = tf.saved_model.load(str(exported)).signatures["encode"](image=tiny.images(4))
    for output in ("mean", "stddev"):
        np.testing.assert_allclose(np.load(tmp_path / f"{output}.npy"), expected[output], rtol=1e-6)


@fault("outputs")
def test_what_a_killed_export_left_goes_with_the_next_one(tmp_path):
    (tmp_path / "model/.tfvae-abc.unfinished/new").mkdir(parents=True)
    (tmp_path / "model/.mine").write_text("precious")
    folder.add_version(tmp_path / "model", lambda place: (place / "file").write_text("new"))
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"1", ".mine"}


def test_versions_count_on_and_are_never_written_over(tmp_path):
    def fill(place):
        (place / "file").write_text("new")

    target = tmp_path / "model"
    assert [folder.add_version(target, fill).name for _ in range(2)] == ["1", "2"]
    assert folder.add_version(target, fill, 7).name == "7" and folder.add_version(target, fill).name == "8"
    (target / "2/file").write_text("old")
    with pytest.raises(FileExistsError, match="has a version 2 already"):
        folder.add_version(target, fill, 2)

    def slower(place):
        fill(place)
        (target / "9").mkdir()
        (target / "9/file").write_text("of another process")

    assert folder.add_version(target, slower).name == "10"
    with pytest.raises(FileExistsError, match="has a version 12 already"):
        folder.add_version(target, lambda place: (fill(place), shutil.copytree(place, target / "12")), 12)
    assert folder.versions(target) == [1, 2, 7, 8, 9, 10, 12]
    assert (target / "2/file").read_text() == "old" and (target / "9/file").read_text() == "of another process"
    assert not list(target.glob(".*"))


@pytest.mark.parametrize("path", ["..", "models/../../outside", "models/12", "models/a b", "models/-x", "models/.x"])
def test_a_target_that_climbs_or_cannot_stand_in_a_url_is_refused(path, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="`target` must"):
        tfvae.export(model, path)
    assert not list(tmp_path.iterdir())


def test_arguments_out_of_range_are_refused(model, tmp_path):
    for arguments, message in (
        ({"sample_size": 0}, "`sample_size` must be at least 1; received 0"),
        ({"version": 0}, "`version` must be at least 1; received 0"),
        ({"reference": tiny.images(0)}, "`reference` must hold at least one image"),
        (
            {"reference": np.full((2, *tiny.SHAPE), 3.0)},
            r"^`reference` holds floats, which must be in \[0, 1\]; received 3 to 3",
        ),
        ({"reference": np.zeros((2, 9, 9, 1), np.uint8)}, r"takes examples of shape \(8, 8, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            tfvae.export(model, tmp_path / "model", **arguments)
    with pytest.raises(TypeError, match="`model` must be a model of tfvae; received Sequential"):
        tfvae.export(keras.Sequential(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_weights_that_are_not_finite_are_refused(tmp_path):
    broken = tiny.vae()
    weight = broken.decoder.trainable_variables[-1]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(FloatingPointError, match="weights are not finite"):
        tfvae.export(broken, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_folder_that_cannot_be_written_is_named(model, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="is a file"):
        tfvae.export(model, tmp_path / "file")
    with pytest.raises(OSError, match="cannot be written"):
        folder.add_version(tmp_path / "file/model", lambda place: None)

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(OSError, match=r"cannot be written: Permission denied\."):
        folder.add_version(tmp_path / "model", lambda place: None)
    assert not (tmp_path / "model").exists()


def test_a_disk_that_fills_up_leaves_no_version(tmp_path):
    """TensorFlow writes more than the limit, which makes an error of writing that is no OSError."""
    small = tfvae.gan(tiny.SHAPE, latent_size=2)  # which is traced in a second
    made, limits = signatures(Answers(small, SAMPLES))[0], resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="cannot be written"):
            folder.add_version(tmp_path / "model", lambda place: saved_model._save(small, made, place))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("runs")
    return small_runs.make(scratch / "run", small_runs.data(scratch / "data.npz"), model="autoencoder(2, mlp(8))")


def test_a_run_is_exported_and_its_card_printed(ended, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ended.parent)
    assert command("export", "run", "models/mine", "--sample-size", 2) == 0
    assert "Wrote models/mine/1" in capsys.readouterr().out
    about = json.loads(Path("models/mine/1/card.json").read_text())
    assert about["command"] == "tfvae export run models/mine --sample-size 2"
    assert (about["reference_images"], about["sample_size"], about["source"]) == (20, 2, "run")
    assert str(tmp_path.parent) not in json.dumps(about)
    assert command("card", "models/mine") == 0
    text = capsys.readouterr().out
    assert text.startswith("mine, version 1: Autoencoder, ") and "\nanomaly_score_float\n" in text
    assert "\nanomalies: told from 20 images, whose mean score is " in text
    assert "\nno log_likelihood: An autoencoder has no p(x): its loss is a squared error." in text
    assert "  <- image_bytes string [B]: a PNG or JPEG file of 8 x 8 with 1 channel(s); base64 in JSON" in text
    assert command("card", "models/mine", "--version", 2) == 1
    assert "has no version 2, but 1" in capsys.readouterr().err
    assert command("card", "models") == 1
    assert "holds no exported model" in capsys.readouterr().err
    Path("models/mine/1/card.json").write_text(json.dumps(about | {"parameters": about["parameters"] ^ 1}))
    assert command("card", "models/mine") == 1
    assert "card.json is damaged: its content is not what was written" in capsys.readouterr().err
    Path("models/mine/1/card.json").write_text("{}")
    assert command("card", "models/mine") == 1
    assert "damaged or of another version" in capsys.readouterr().err


def test_folders_that_are_no_run_or_have_not_ended_are_refused(ended, tmp_path):
    unfinished = shutil.copytree(ended, tmp_path / "unfinished")
    (unfinished / run.MODEL).unlink()
    with pytest.raises(
        FileNotFoundError, match=r"unfinished holds neither model\.keras nor a checkpoint; `tfvae train` writes them"
    ):
        export_run(unfinished, tmp_path / "models/mine")
    (tmp_path / "foreign").mkdir()
    with pytest.raises(FileNotFoundError, match="is no run folder"):
        export_run(tmp_path / "foreign", tmp_path / "models/mine")
    damaged = shutil.copytree(ended, tmp_path / "damaged")
    (damaged / run.MODEL).write_bytes((ended / run.MODEL).read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"is damaged or no \.keras file"):
        export_run(damaged, tmp_path / "models/mine")
    assert not (tmp_path / "models").exists()


@pytest.mark.slow
def test_warm_up_requests_are_those_of_the_signatures(exported):
    """Read as Serving reads them; each is then answered."""
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2", reason="tensorflow-serving-api is missing")
    about, loaded = card.read(exported.parent), tf.saved_model.load(str(exported)).signatures
    assert about["warm_up_requests"]
    records = list(tf.data.TFRecordDataset(str(exported / warm_up.FILE)).as_numpy_iterator())
    requests = [logs.PredictionLog.FromString(record).predict_log.request for record in records]
    assert [each.model_spec.signature_name for each in requests] == [*about["signatures"], "serving_default"]
    for request in requests:
        assert request.model_spec.name == "tiny"
        inputs = {key: tf.constant(tf.make_ndarray(tensor)) for key, tensor in request.inputs.items()}
        answer = loaded[request.model_spec.signature_name](**inputs)
        assert all(len(values) == 1 for values in answer.values())


def test_litert_gives_the_same_codes_and_means(model, tmp_path):
    """To the last digits: LiteRT multiplies in another order."""
    litert.write(tmp_path, model)
    found = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
    images, z = tiny.images(20), np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    for name, rows in (("encode", np.float32(images / 255)), ("decode", z)):
        runner = found.Interpreter(str(tmp_path / f"assets.extra/{name}.tflite")).get_signature_runner()
        (given,) = runner.get_input_details()
        answers = [{key: value.copy() for key, value in runner(**{given: row[None]}).items()} for row in rows]
        expected = getattr(Answers(model, SAMPLES), name)(rows)
        assert set(answers[0]) == set(expected)
        for output, values in expected.items():
            whole = np.concatenate([answer[output] for answer in answers])
            np.testing.assert_allclose(whole, values, rtol=1e-5, atol=1e-5, err_msg=f"{name} {output}")
