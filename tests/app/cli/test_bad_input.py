"""Bad input on the command line: one sentence, exit code 1, nothing overwritten and nothing left behind.

What Python's callers get is in `test_bad_arguments.py`.
"""

import pickle
import shutil
import socket
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from PIL import Image
from tensorflow_datasets.core.download import downloader

from bad_inputs import GOOD, IMAGES, SHORT, assert_one_sentence, assert_refused
from command_lines import command
from disks import mounted
from tfvae.app.run import identity

pytestmark = pytest.mark.usefixtures("eagerly")
SMALL = [*SHORT, "--network", "mlp(4)", "--latent-size", 2]
TRAIN = ["train", "--data", GOOD, *SMALL]


def array(suffix, images, **others):
    """Writes bad.npy or bad.npz."""
    return lambda: np.save("bad.npy", images) if suffix == "npy" else np.savez("bad.npz", images=images, **others)


def damaged(name, content=b"\x93NUMPY and no more"):
    return lambda: Path(name).write_bytes(content)


def truncated_archive():
    np.savez("bad.npz", images=IMAGES)
    content = Path("bad.npz").read_bytes()
    Path("bad.npz").write_bytes(content[: len(content) // 2])


def pictures(*sizes):
    """Writes a folder of grey images."""

    def make():
        Path("folder").mkdir()
        for index, size in enumerate(sizes):
            Image.fromarray(np.full(size, index, np.uint8)).save(f"folder/{index}.png")

    return make


def undecodable():
    pictures(*[(8, 8)] * 5)()
    Path("folder/3.png").write_bytes(b"not a picture")


def text(content, name="settings.yaml"):
    return lambda: Path(name).write_text(content)


def from_file(name):
    return ["train", *SMALL, "--data", name]


WITH_YAML = [*TRAIN, "--config", "settings.yaml"]
NPY, NPZ = from_file("bad.npy"), from_file("bad.npz")
FLOATS = IMAGES / np.float32(255)
NAN = np.where(FLOATS < 0.1, np.nan, FLOATS)

DATA = {
    "floats above 1": (array("npy", 255 * FLOATS), NPY, "`images` in bad.npy holds floats, which must be in [0, 1]"),
    "negative floats": (array("npz", FLOATS - 0.5), NPZ, "`images` in bad.npz holds floats, which must be in [0, 1]"),
    "NaN": (array("npy", NAN), NPY, "`images` in bad.npy holds values that are not finite"),
    "NaN in .npz": (array("npz", NAN), NPZ, "`images` in bad.npz holds values that are not finite"),
    "levels above 255": (array("npy", IMAGES.astype(int) + 9), NPY, "which must be levels 0 to 255; received 9 to 264"),
    "integers 0 and 1": (array("npy", IMAGES // 128), NPY, "holds the integers 0 and 1 only"),
    "one axis": (array("npy", IMAGES.ravel()), NPY, "must be [N, height, width] or [N, height, width, channels]"),
    "five axes": (array("npy", IMAGES[..., None, None]), NPY, "must be [N, height, width] or"),
    "four channels": (array("npy", np.stack([IMAGES] * 4, -1)), NPY, "must have 1 (grey) or 3 (RGB) channels"),
    "no images": (array("npy", IMAGES[:0]), NPY, "`images` in bad.npy holds no images: its shape is (0, 8, 8)"),
    "text": (array("npy", IMAGES.astype(str)), NPY, "must hold integers 0 to 255 or floats in [0, 1]"),
    "objects": (array("npy", IMAGES.astype(object)), NPY, "bad.npy holds an array of Python objects"),
    "labels of another length": (
        array("npz", IMAGES, labels=np.zeros(39, int)),
        NPZ,
        "`labels` in bad.npz must be one number for each of the 40 images; received (39,)",
    ),
    "labels that are none": (
        array("npz", IMAGES, labels=np.full(40, -1)),
        NPZ,
        "`labels` in bad.npz must be class numbers, integers from 0",
    ),
    "test images of another size": (
        array("npz", IMAGES, test_images=IMAGES[:, 1:]),
        NPZ,
        "`test_images` in bad.npz must be of the shape of the images, (8, 8, 1); received (7, 8, 1)",
    ),
    "damaged .npy": (damaged("bad.npy"), NPY, "bad.npy is damaged or no .npy file"),
    "truncated .npz": (truncated_archive, NPZ, "bad.npz is damaged or no .npz file"),
    "damaged .mat": (damaged("bad.mat"), from_file("bad.mat"), "bad.mat is damaged or no .mat file"),
    "pickle": (
        damaged("bad.npy", pickle.dumps(IMAGES)),
        NPY,
        "bad.npy holds an array of Python objects, which may run code",
    ),
    "sizes of several kinds": (pictures((8, 8), (8, 8), (9, 8)), from_file("folder"), "give `image_size`"),
    "undecodable": (undecodable, from_file("folder"), "folder/3.png is damaged or no image"),
    "empty folder": (lambda: Path("folder").mkdir(), from_file("folder"), "folder holds no images"),
    "one image": (pictures((8, 8)), from_file("folder"), "`test_size` must leave training and test images"),
    "another suffix": (text("1,2", "a.csv"), from_file("a.csv"), "a file that ends in .npz, .npy, .mat; received the"),
    "no such file": (None, from_file("images.npy"), "there is no file or folder 'images.npy'"),
    "unknown name": (None, from_file("minst"), "received 'minst'. Did you mean 'mnist'?"),
    "a name of TensorFlow Datasets": (None, from_file("cifar10"), "Did you mean 'tfds:cifar10'?"),
    "unknown to TensorFlow Datasets": (None, from_file("tfds:cifar11"), "has no dataset 'cifar11'. Did you mean"),
    "no name": (None, from_file(""), "The data must be 'mnist', 'tfds:NAME', a folder of images"),
    "no name for TensorFlow Datasets": (None, from_file("tfds:"), "TensorFlow Datasets has no dataset ''"),
}

OPTIONS = {
    "--network resnet": "`network` must be 'mlp' or 'conv'; received 'resnet'.",
    "--network con": "`network` must be 'mlp' or 'conv'; received 'con'. Did you mean 'conv'?",
    "--likelihood bernouli": "received 'bernouli'. Did you mean 'bernoulli'?",
    "--objective elbow": "`objective` must be 'elbo' or 'iwae'; received 'elbow'. Did you mean 'elbo'?",
    "--schedule cosin": "`schedule` must be 'cosine' or 'constant'; received 'cosin'. Did you mean 'cosine'?",
    "--precision float23": "`precision` must be 'float32', 'bfloat16' or 'float16'; received 'float23'. Did you mean",
    "--preprocess binarise": "received 'binarise'. Did you mean 'binarize'?",
    "--network mlp(activation=rely)": "received 'rely'. Did you mean 'relu'?",
    "--network mlp(500,many)": "`units` must be an integer; received 'many'.",
    "--network mlp(0)": "`units` must be at least 1; received 0.",
    "--network mlp(4": "`network` must be a name, with options in brackets if it has some, such as flow(depth=4)",
    "--latent-size 0": "`latent_size` must be at least 1; received '0'.",
    "--latent-size 9999999999999999999": "`latent_size` must be at most 2147483647; received",
    "--epochs 0": "`epochs` must be at least 1; received '0'.",
    "--batch-size 0": "`batch_size` must be at least 1; received '0'.",
    "--objective elbo(samples=0)": "`samples` must be at least 1; received 0.",
    "--train-size 0": "`train_size` must be at least 1; received '0'.",
    "--validation-size 0": "`validation_size` must be at least 1; received '0'.",
    "--test-size 0": "`test_size` must be at least 1; received '0'.",
    "--patience 0": "`patience` must be at least 1; received '0'.",
    "--seed -1": "`seed` must be at least 0; received '-1'.",
    "--seed 4294967296": "`seed` must be below 4294967296; received '4294967296'.",
    "--objective elbo(beta=-0.5)": "`beta` must be at least 0; received -0.5.",
    "--objective elbo(beta=nan)": "`beta` must be a finite number; received 'nan'.",
    "--objective elbo(free_bits=-1)": "`free_bits` must be at least 0; received -1.",
    "--objective elbo(warm_up=inf)": "`warm_up` must be a finite number; received 'inf'.",
    "--objective elbo(warm_up=2)": "`warm_up` must not be longer than training, 1 epochs; received 2.",
    "--objective elbo(free_bits=(1,2))": "`free_bits` must be one value; received 2.",
    "--likelihood normal(scale=huge)": "`scale` must be 'shared', 'image' or 'pixel' or a number; received 'huge'.",
    "--likelihood normal(scale=-1)": "`scale` must be 'shared', 'image' or 'pixel' or above 0; received -1.",
    "--likelihood normal(scale=nan)": "'shared', 'image' or 'pixel' or a finite number; received 'nan'.",
    "--likelihood normal(scale=pixels)": "received 'pixels'. Did you mean 'pixel'?",
    "--learning-rate 0": "`learning_rate` must be above 0; received '0'.",
    "--epsilon 0": "`epsilon` must be above 0; received '0'.",
    "--weights runs/001 --start-at-mean": "`start_at_mean` has no effect on a run that starts from `weights`; set one "
    "of them.",
    "--learning-rate nan": "`learning_rate` must be below 1; received 'nan'.",
    "--clip 0": "`clip` must be above 0; received '0'.",
    "--averaging 1": "`averaging` must be below 1; received '1'.",
    "--image-size 0": "`image_size` must be HEIGHTxWIDTH or one number, such as 28x20 or 32; received '0'.",
    "--image-size 3x": "`image_size` must be HEIGHTxWIDTH or one number, such as 28x20 or 32; received '3x'.",
    "--image-size 8x8x1": "`image_size` must be HEIGHTxWIDTH or one number",
    "--objective iwae(beta=2)": "`iwae` has no option `beta`. Its options are samples, gradient.",
    "--objective iwae(free_bits=1)": "`iwae` has no option `free_bits`. Its options are samples, gradient.",
    "--prior vamp --posterior flow": "`prior` needs the density of each posterior everywhere; a ",
    "--batch-size 27": "`batch_size` must be at most the number of examples, 26; received 27.",
    "--train-size 5": "`batch_size` must be at most the number of examples, 5; received 10.",
    "--validation-size 36": "`validation_size` must leave training images: below 36; received 36.",
    "--test-size 40": "`test_size` must leave training and test images: between 1 and 39 of 40; received 40.",
    "--likelihood normal --preprocess binarize": "`Binarize` and the family `Normal` do not fit",
    "--likelihood bernoulli --preprocess dequantize": "`Dequantize` and the family `Bernoulli` do not fit",
    "--likelihood categorical --preprocess rescale": "`Rescale` and the family `Categorical` do not fit",
    f"--out {GOOD}": "good.npy exists already and is not an empty folder",
    f"--out {GOOD}/run": "The run folder good.npy/run cannot be written: Not a directory.",
    "--out /proc/run": "The run folder /proc/run cannot be written: No such file or directory.",
    "--out nowhere --resume": "nowhere is no run folder: it has no config.yaml.",
    "--resume": "There is no run in runs to resume; name one with --out.",
    "--config nothing.yaml": "The settings file nothing.yaml cannot be read: No such file or directory.",
    "--config .": "The settings file . cannot be read: Is a directory.",
    f"--config {GOOD}": "good.npy: this is not YAML (not text).",
}

OTHER_MODELS = {
    "bert": "received 'bert'.",
    "glwo": "received 'glwo'. Did you mean 'glow'?",
    "glow --alpha 0.5": "`alpha` must be below 0.5; received '0.5'.",
    "glow --levels 4": "Glow of 4 levels halves height and width 4 times; 8 x 8 images would get odd sides.",
    "gan --patience 3": "`patience` waits for a better val_loss, which does not judge a GAN.",
    "gan --start-at-mean": "`start_at_mean` is not for this model",
    "masked-autoencoder --mask-share 1.0": "`mask_share` must be below 1; received '1.0'.",
    "masked-autoencoder --patch-size 3": "`patch_size` must divide the image, 8 x 8; received 3.",
    "mixture --components 0": "`components` must be at least 1; received '0'.",
    "denoising-autoencoder --corruption masking(1.0)": "`strength` must be below 1; received 1.0.",
    "stacked-vae --prior vamp": "`prior` needs q of the highest level given x alone, which a stack has not",
    "ladder-vae --objective iwae(gradient=dreg)": '`objective` has the gradient "dreg", which is of one level',
    "ladder-vae --levels 5": "`latent_size` 12 is enough for 4 levels, each with half as many latents as the one below",
    "naive-monte-carlo --prior vamp": "`prior` needs an encoder q(z|x), which naive Monte Carlo has not.",
}

YAML = {
    "epochs: 3\nepocs: 4": "settings.yaml, line 2: there is no setting 'epocs'. Did you mean 'epochs'?",
    "epochs: ten": "settings.yaml, line 1: `epochs` must be an integer; received 'ten'.",
    "clip: 1\nclip: 2": "settings.yaml, line 2: `clip` stands here a second time.",
    "image_size: [1": "settings.yaml, line 1: this is not YAML",
    "just words": "settings.yaml, line 1: expected lines of the form `name: value`.",
    "\nclip: -1": "settings.yaml, line 2: `clip` must be above 0; received -1.",
    "averaging: 1.0": "settings.yaml, line 1: `averaging` must be below 1; received 1.0.",
    "model: {vae: {network: con}}": "settings.yaml, line 1: `network` must be 'mlp' or 'conv'; received 'con'. Did you "
    "mean 'conv'?",
    "model: {vae: {network: {mlp: {units: {a: 1}}}}}": "settings.yaml, line 1: `units` must be",
    "model: {vae: {likelihood: {normal: {scale: true}}}}": "settings.yaml, line 1: `scale` must be a number; received",
    "model: {vae: {objective: {elbo: {beta: -1}}}}": "settings.yaml, line 1: `beta` must be at least 0; received -1.",
    "model: {vae: {}, gan: {}}": "settings.yaml, line 1: `model` must be one name with its options",
    "model: {vae: {beta: 2}}": "settings.yaml, line 1: `vae` has no option `beta`.",
    "image_size: [.inf, 8]": "settings.yaml, line 1: `image_size` must be HEIGHTxWIDTH",
    "[1, 2]: 3": "settings.yaml, line 1: expected the name of a setting before the colon.",
    "epochs: !huge 3": "settings.yaml, line 1: `epochs` must be a plain value.",
    "image_size: &it [*it]": "settings.yaml, line 1: aliases such as *name are refused; write plain values.",
}

ROWS = {
    **DATA,
    **{line: (None, [*TRAIN, *line.split(" ")], sentence) for line, sentence in OPTIONS.items()},
    **{
        line: (None, ["train", *line.split(" "), "--data", GOOD, *SHORT], sentence)
        for line, sentence in OTHER_MODELS.items()
    },
    **{content: (text(content), WITH_YAML, sentence) for content, sentence in YAML.items()},
}


@pytest.mark.parametrize("row", ROWS)
def test_training_is_refused_in_one_sentence(row, tmp_path, monkeypatch, capfd):
    make, arguments, sentence = ROWS[row]
    monkeypatch.chdir(tmp_path)
    np.save(GOOD, IMAGES)
    if make:
        make()
    assert_refused(arguments, sentence, tmp_path, capfd)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a run of one epoch in it, and the images that it is of."""
    folder = tmp_path_factory.mktemp("finished")
    np.save(folder / GOOD, IMAGES)
    assert command("train", "--data", folder / GOOD, *SMALL, "--out", folder / "run") == 0
    return folder


def only_checkpoints():
    Path("run/model.keras").unlink()


def damage_all_checkpoints():
    only_checkpoints()
    for path in Path("run/checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])


def foreign_model():
    """In the place of the run's, and said to be of this run."""
    bound = identity.read(Path("run/model.keras"))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.save("run/model.keras")
    identity.write(Path("run/model.keras"), bound)


def unknown_classes():
    """A plain Keras model of a class that nobody knows here, as Keras describes it in many lines."""
    foreign_model()
    rewrite(lambda name, content: content.replace(b'"Dense"', b'"Sparse"') if name == "config.json" else content)


def newer_version():
    rewrite(lambda name, content: b'{"version": "99.0.0"}' if name == "tfvae.json" else content)


def without_configuration():
    rewrite(lambda name, content: None if name == "config.json" else content)


def rewrite(change):
    """Changes each member of the model's file, or leaves it out."""
    path = Path("run/model.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if (changed := change(name, content)) is not None:
                archive.writestr(name, changed)


def truncate():
    path = Path("run/model.keras")
    path.write_bytes(path.read_bytes()[:-200])


def lose_the_data():
    settings = yaml.safe_load(Path("run/config.yaml").read_text())
    Path("run/config.yaml").write_text(yaml.safe_dump(settings | {"data": "gone.npy"}))


def other_data():
    np.save("other.npy", IMAGES[:, 1:])
    settings = yaml.safe_load(Path("run/config.yaml").read_text())
    Path("run/config.yaml").write_text(yaml.safe_dump(settings | {"data": "other.npy"}))


RESUME = ["train", "--out", "run", "--resume"]
SAMPLE, RECONSTRUCT = ["sample", "run"], ["reconstruct", "run"]
RUNS = {
    "a run is there": (None, [*TRAIN, "--out", "run"], "run exists already and is not an empty folder; choose another"),
    "other settings": (
        None,
        [*RESUME, "--latent-size", 3, "--epochs", 9],
        "The run in run has other settings: epochs 1 (now 9), latent_size 2 (now 3). Start a new run to change them.",
    ),
    "settings out of range": (None, [*RESUME, "--latent-size", 0], "`latent_size` must be at least 1; received '0'."),
    "the run's settings are damaged": (
        text("clip: [", "run/config.yaml"),
        RESUME,
        "run/config.yaml, line 1: this is not YAML",
    ),
    "all checkpoints are damaged": (
        damage_all_checkpoints,
        RESUME,
        "All checkpoints in run/checkpoints are damaged: step-000000002-",
    ),
    "all checkpoints are damaged, and a sample": (
        damage_all_checkpoints,
        SAMPLE,
        "All checkpoints in run/checkpoints are damaged",
    ),
    "no run": (None, ["sample", "nowhere"], "There is no run folder nowhere; `tfvae train` makes one."),
    "a file for a run": (None, ["sample", GOOD], "There is no run folder good.npy"),
    "no model": (None, ["sample", "."], ". holds neither model.keras nor a checkpoint"),
    "newer": (newer_version, SAMPLE, "run/model.keras was saved by tfvae 99.0.0 and this is tfvae"),
    "foreign": (foreign_model, SAMPLE, "run/model.keras holds a `Sequential`, which is no model of tfvae"),
    "unknown classes": (unknown_classes, RECONSTRUCT, "run/model.keras cannot be loaded: "),
    "no configuration": (without_configuration, SAMPLE, "run/model.keras cannot be loaded: "),
    "truncated": (truncate, SAMPLE, "run/model.keras is damaged or no .keras file."),
    "the data are gone": (lose_the_data, RECONSTRUCT, "there is no file or folder 'gone.npy'"),
    "other data": (other_data, RECONSTRUCT, "other.npy holds other training images, validation images, test images"),
    "no settings": (lambda: Path("run/config.yaml").unlink(), RECONSTRUCT, "run is no run folder: it has no config"),
    "another kind of picture": (None, [*SAMPLE, "--out", "a.pdf"], "`--out` must be a file that ends in .png"),
    "unwritable picture": (
        None,
        [*SAMPLE, "-n", 1, "--out", f"{GOOD}/a.png"],
        "good.npy/a.png cannot be written: Not a directory.",
    ),
}


@pytest.mark.parametrize("row", RUNS)
def test_what_a_run_cannot_do_is_said_in_one_sentence(row, finished, tmp_path, monkeypatch, capfd):
    make, arguments, sentence = RUNS[row]
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "copy"))
    if make:
        make()
    assert_refused(arguments, sentence, tmp_path, capfd)


@pytest.mark.slow
def test_a_run_without_a_checkpoint_starts_anew(finished, tmp_path, monkeypatch):
    """Nothing is lost then: it had not come to the end of its first epoch."""
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "copy"))
    whole = Path("run/history.csv").read_bytes()
    for path in Path("run").iterdir():
        if path.name != "config.yaml":
            path.unlink() if path.is_file() else shutil.rmtree(path)
    assert command(*RESUME) == 0
    assert Path("run/history.csv").read_bytes() == whole


def test_without_a_network_the_remedy_is_told(tmp_path, monkeypatch, capfd):
    """TensorFlow Datasets itself leaves folders in its own place; the run leaves none."""

    def blocked(*arguments, **options):
        raise OSError("the network is blocked")

    monkeypatch.setattr(socket, "getaddrinfo", blocked)
    monkeypatch.setattr(socket.socket, "connect", blocked)
    monkeypatch.setattr(downloader, "MAX_RETRIES", 0)  # ten of them take more than three minutes
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert command("train", "--data", "tfds:mnist") == 1
    message = capfd.readouterr().err.strip().splitlines()[-1]  # after the bars that show its progress
    assert message.startswith("Error: tfds:mnist is not prepared in ")
    assert "prepare it where there is a network and copy that folder here" in message
    assert not list(Path.cwd().iterdir())


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 300 kB."""
    with mounted(tmp_path / "disk", "-o", "size=300k") as folder:
        yield folder


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_leaves_whole_files(finished, small_disk, monkeypatch, capfd):
    monkeypatch.chdir(finished)
    assert command(*TRAIN, "--epochs", 50, "--network", "mlp(32,32)", "--out", small_disk / "run") == 1
    assert_one_sentence(capfd, " cannot be written: No space left on device.")
    for path in small_disk.rglob("*"):
        assert not path.name.startswith("."), path
        if path.suffix == ".keras":
            assert zipfile.ZipFile(path).testzip() is None
        if path.suffix == ".png":
            Image.open(path).load()
