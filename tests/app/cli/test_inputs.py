"""Files that are endless, huge once unpacked, or no files: one sentence, in little memory and without waiting."""

import contextlib
import io
import os
import resource
import signal
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import tfvae
import tiny
from faults import fault
from places import ROOT
from reproduction import tables
from small_runs import written
from tfvae._support.files import read_json
from tfvae.app.run import sample_grids
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.evaluation import read as read_evaluation
from tfvae.app.run.folder import model_digest
from tfvae.app.settings import read_yaml, settings_of
from tfvae.serving import card
from tfvae.training import memory

MOST = 100e6  # bytes more than before
HUGE = 300 << 20


class Waited(BaseException):
    """It waited for the other end of a pipe; nobody takes this for a damaged file."""


@contextlib.contextmanager
def bounded():
    """What is done in here neither waits for a pipe nor fills the memory, whatever the package does."""

    def ended(*_):
        raise Waited

    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, 30, 1)  # again and again, since it may wait again
    statm = Path("/proc/self/statm")
    if statm.exists():
        now = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + (1 << 30), before[1]))
    try:
        yield
    except (Waited, MemoryError) as error:
        ended_by = type(error).__name__
    else:
        ended_by = None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGALRM, handler)
    assert ended_by is None


def refused(action, *arguments):
    """The sentence in which it ends, for which little memory is taken."""
    tracemalloc.start()
    try:
        with bounded(), pytest.raises((ValueError, OSError)) as caught:
            action(*arguments)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def pipe(path):
    os.mkfifo(path)


def zeros(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def huge(path):
    with path.open("wb") as file:
        file.truncate(HUGE)


def compare_samples(path):
    return sample_grids.side_by_side([path.parent])


def curve(path):
    return tables._curve(path.parent, 1)


def checkpoint(path):
    return Checkpoints(path.parent).newest()


def keras_settings(path):
    """As a new process finds them, which has imported no Keras."""
    code = "from tfvae import environment; environment.check()"
    environment = {**os.environ, "KERAS_HOME": str(path.parent), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    if done.returncode:
        raise OSError(done.stderr.strip().splitlines()[-1])


def load_weights(path):
    tiny.vae().load_weights(path)


STEP = f"step-000000001-{'0' * 16}.keras"
READERS = {
    "settings": ("settings.yaml", read_yaml),
    "settings of a run": ("config.yaml", lambda path: settings_of(path.parent)),
    "results": ("report.json", read_json),
    "a card": ("m/1/card.json", lambda path: card.read(path.parents[1])),
    "an evaluation": ("run/evaluation/report.json", lambda path: read_evaluation(path.parents[1])),
    "samples": ("run/evaluation/samples.npz", compare_samples),
    "a history": ("history.csv", curve),
    "Keras' settings": ("keras.json", keras_settings),
    "a model": ("model.keras", tfvae.load),
    "a model's digest": ("model.keras", lambda path: model_digest(path.parent)),
    "a checkpoint": (STEP, checkpoint),
    "weights": ("model.weights.h5", load_weights),
    "weights of a model": ("model.keras", load_weights),
}
ANY_SIZE = ("a model's digest", "a checkpoint")  # which are read in parts


@fault("huge")
@pytest.mark.parametrize(
    ("reader", "kind"),
    [
        (reader, kind)
        for reader in READERS
        for kind in (pipe, zeros, folder, huge)
        if not (kind is huge and reader in ANY_SIZE)
    ],
)
def test_what_is_no_file_of_that_kind_is_refused(reader, kind, tmp_path):
    name, read = READERS[reader]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    kind(path)
    sentence = refused(read, path)
    assert path.name in sentence or str(path.parent) in sentence


@fault("huge")
@pytest.mark.parametrize("kind", [pipe, zeros, folder, huge])
def test_the_cache_of_measured_times_is_passed_over(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "tfvae/execution").mkdir(parents=True)
    kind(tmp_path / "tfvae/execution/key.json")
    with bounded():
        assert memory.read("key") == {}


@fault("huge")
def test_an_evaluation_whose_arrays_are_a_pipe_is_refused(tmp_path):
    run = written(tmp_path / "run")
    (run / "evaluation/examples.npz").unlink()
    pipe(run / "evaluation/examples.npz")
    assert "examples.npz cannot be read: it is a pipe" in refused(read_evaluation, run)


# Nine lists of nine lists of nine ..., in 400 bytes.
ALIASES = "\n".join(["model: &a0 [1]", *(f"x{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 10))])


@fault("huge")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ALIASES, "line 2: aliases such as *name are refused; write plain values."),
        ("model: " + "[" * 5000, "line 1: lists in so many others are refused"),
        ("model: " + "[" * 5000 + "]" * 5000, "line 1: lists in so many others are refused"),
        ("{" * 5000, "line 1: lists in so many others are refused"),
        ("- " * 5000, "line 1: lists in so many others are refused"),
        ("epochs: 0x" + "f" * 5000, "line 1: `epochs` must be below 2^63"),
        ("model: [" + "1, " * 20_000 + "1]", "more than the 32,768 that such a file may have."),
    ],
    ids=["aliases", "brackets", "closed", "braces", "dashes", "a number", "a list"],
)
def test_yaml_that_stands_for_more_than_its_text_is_refused(text, sentence, tmp_path):
    (tmp_path / "settings.yaml").write_text(text)
    assert sentence in refused(read_yaml, tmp_path / "settings.yaml")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    tiny.compiled(tiny.vae()).save(path)
    return path


def blanks(name, megabytes=110):
    """Makes a member, or another one of that name, that is blanks only."""

    def change(archive):
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w") as member:
            for _ in range(megabytes):
                member.write(b" " * (1 << 20))

    return change


def named(*names):
    def change(archive):
        with warnings.catch_warnings():  # of names that are there
            warnings.simplefilter("ignore")
            for name in names:
                archive.writestr(name, b"{}")

    return change


def encrypted(archive):
    archive.infolist()[1].flag_bits |= 1


DANGEROUS = {
    "a version": (blanks("tfvae.json"), "would unpack to "),
    "another member": (blanks("assets/a.txt"), "would unpack to "),
    "a small version": (blanks("tfvae.json", 1), "its member 'tfvae.json' has 1,048,576 bytes, more than the 1,024"),
    "twice": (named("config.json"), "its member 'config.json' is there twice."),
    "outside": (named("../a.txt"), "its member '../a.txt' leads out of it."),
    "absolute": (named("/etc/a.txt"), "its member '/etc/a.txt' leads out of it."),
    "a drive": (named("C:\\a.txt"), "leads out of it."),
    "encrypted": (encrypted, "its member 'config.json' is encrypted."),
    "a long directory": (named(*(f"{number:02}" * 30_000 for number in range(20))), "is damaged or no .keras file."),
}


@fault("huge")
@pytest.mark.parametrize("danger", DANGEROUS)
def test_archives_are_refused_by_their_directory(danger, saved, tmp_path):
    change, sentence = DANGEROUS[danger]
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as changed:
        for name in archive.namelist():
            if name != "tfvae.json" or not danger.endswith("version"):
                changed.writestr(name, archive.read(name))
        change(changed)
    assert sentence in refused(tfvae.load, path)
    if danger != "a small version":  # which weights have not
        refused(tiny.vae().load_weights, path)


def weights(**options):
    """The weights' file of a model with one more array."""
    file = io.BytesIO()
    with h5py.File(file, "w") as made:
        made.create_dataset("more", **options)
    return file.getvalue()


@fault("huge")
@pytest.mark.parametrize(
    "options",
    [
        {"shape": (1 << 29,), "dtype": "f4"},
        {"shape": (1 << 29,), "dtype": "f4", "chunks": (1 << 20,), "compression": "gzip"},
        {"shape": (1 << 29,), "dtype": "f4", "external": [("/dev/zero", 0, h5py.h5f.UNLIMITED)]},
    ],
    ids=["never written", "compressed", "elsewhere"],
)
def test_arrays_that_are_larger_than_their_file_are_refused(options, saved, tmp_path):
    """HDF5 keeps a shape without values, which Keras would ask for as a whole."""
    inner = weights(**options)
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(tmp_path / "model.keras", "w") as changed:
        for name in archive.namelist():
            changed.writestr(name, inner if name.endswith(".h5") else archive.read(name))
    assert "would unpack to 2,147,483,648; at most" in refused(tfvae.load, tmp_path / "model.keras")
    (tmp_path / "m.weights.h5").write_bytes(inner)
    assert "would unpack to 2,147,483,648; at most" in refused(tiny.vae().load_weights, tmp_path / "m.weights.h5")


def test_published_and_compressed_models_load(saved, tmp_path):
    """The bound is far from what models are."""
    found = list((ROOT / "saved_models").glob("*/model.keras"))
    assert found
    for path in found:
        with zipfile.ZipFile(path) as archive:
            assert sum(each.file_size for each in archive.infolist()) < 1.2 * path.stat().st_size
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as small:
        for name in archive.namelist():
            small.writestr(name, archive.read(name))
    loaded, model = tfvae.load(tmp_path / "m.keras"), keras.saving.load_model(saved)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
