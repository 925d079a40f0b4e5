"""Random YAML, JSON, histories and command lines: a sentence of one line or an exit code, never another exception.

The number of examples is fixed and they are the same in every run.
"""

import contextlib
import copy
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from faults import fault
from reproduction import cli as reproduction
from reproduction import tables
from small_runs import written
from tfvae._support.files import read_json
from tfvae.app import cli
from tfvae.app.cli.command import command
from tfvae.app.run import checkpoints, comparison
from tfvae.app.run.comparison import compare
from tfvae.app.settings import Settings, read_yaml
from tfvae.app.settings.settings import fields
from tfvae.parallel import cluster
from tfvae.recipes import RECIPES, vae
from tfvae.recipes.options import options
from tfvae.recipes.parts import NETWORKS, OBJECTIVES, PRIORS
from tfvae.serving import card
from tfvae.training import memory

FIELDS = list(fields())
OWN = list(options(vae))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@contextlib.contextmanager
def only_sentences():
    """Lets errors pass that the command line shows as one line."""
    try:
        yield
    except (ValueError, OSError) as error:
        assert str(error) and "\n" not in str(error), error


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


TAGS = st.sampled_from(
    ["", "!!int ", "!!float ", "!!bool ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!!null ", "!x ", "&a "]
)
SCALARS = st.sampled_from(
    ['""', "x", "1e400", ".nan", "-.inf", "0x" + "f" * 400, "9" * 5000, "1:2:3", "~", "*a", '"\\UFFFFFFFF"',
     '"\\ud800"', "[" * 50, "[1, [2]]", "{a: 1}", "2001-01-01", "2001-99-99", "|\n", "'",
     "1", "0.5", "500,x", "28x", "mnist", "vae", "vae(", "{vae: }", "{vae: {prior: [1]}}", "{vae: {prior: {flow: 3}}}",
     "{glow: {depth: 0x" + "f" * 400 + "}}", "{vae: {network: {mlp: [1, x]}}}", "math:pi", "{1: 2}", "{vae: {1: 2}}"]
)  # fmt: skip
LINES = st.builds("{}: {}{}".format, st.sampled_from([*FIELDS, "x", "<<", "? a", "- b"]), TAGS, SCALARS)
PIECES = st.sampled_from([*"[]{}:,-?&*!|>%@`'\"# \n\t", *FIELDS, "!!int", "---", "...", "%YAML 1.1", "\x00", "\ufeff"])
YAML = st.lists(LINES, max_size=3).map("\n".join) | st.lists(PIECES, max_size=20).map("".join)


@fault("tracebacks")
@settings(max_examples=300)
@given(text=YAML)
def test_settings(text):
    with scratch() as folder, only_sentences():
        (folder / "settings.yaml").write_text(text, encoding="utf-8")
        Settings(**read_yaml(folder / "settings.yaml"))


def changed(whole):
    """One value anywhere in a result of JSON, replaced or left out."""
    paths: list[tuple] = []

    def collect(value, path):
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            paths.append((*path, key))
            collect(inner, (*path, key))

    collect(whole, ())

    def change(path, value, left_out):
        made = copy.deepcopy(whole)
        *outer, last = path
        inner = made
        for key in outer:
            inner = inner[key]
        if left_out:
            del inner[last]
        else:
            inner[last] = value
        return json.dumps(made)

    broken = st.sampled_from(["", "[", "[" * 5000, "{}", "[]", "null", "\x00", "1" * 5000, '"\\ud800"', "[[1, 2]]"])
    return broken | st.builds(change, st.sampled_from(paths), VALUES, st.booleans()) | VALUES.map(json.dumps)


REPORT = {
    "data": {"examples": 3, "digest": "aa", "convention": "nats: C"},
    "settings": {"seed": 0, "model": {"vae": {"latent_size": 2, "network": {"mlp": {"units": [8]}}}}},
    "missing": {"samples": "none"},
    "steps": 10,
    "model": {"parameters": 4},
    "training": {"minutes": 1.0, "test_loss": 2.0},
    "likelihood": {"sample_size": 10, "bound": 2.0, "exact": False},
    "latents": {"rate": 1.0, "active_units": 2},
}


@fault("tracebacks")
@settings(max_examples=150)
@given(text=changed(REPORT))
def test_reports(text):
    with scratch() as folder:
        runs = [written(folder / name) for name in "ab"]
        (runs[1] / "evaluation/report.json").write_text(text, encoding="utf-8")
        with only_sentences():
            read_json(runs[1] / "evaluation/report.json")
        with only_sentences():
            found = compare(runs)
            for form in (comparison.as_text, comparison.as_csv, comparison.as_latex):
                form(found)


FIELD = {"dtype": "float32", "shape": [None, 2], "meaning": "z"}
CARD = {
    "name": "m", "model": "VAE", "parameters": 3, "data_shape": [8, 8, 1], "latent_shape": [2],
    "preprocessing": "Levels", "convention": "nats", "sample_size": 5, "reference_images": 4,
    "reference_score": 1.5, "command": "tfvae export",
    "signatures": {"encode": {"inputs": {"x": FIELD}, "outputs": {"mean": FIELD}}}, "missing": {"sample": "none"},
    "warm_up_requests": False, "versions": {"tfvae": "1"},
}  # fmt: skip


@fault("tracebacks")
@settings(max_examples=150)
@given(text=changed(CARD))
def test_cards(text):
    with scratch() as folder, only_sentences():
        (folder / "m/1").mkdir(parents=True)
        (folder / "m/1/card.json").write_text(text, encoding="utf-8")
        card.as_text(card.read(folder / "m"))


STATE = {
    "identity": {"settings": "a", "data": "b", "replicas": "1"}, "epoch": 1, "step": 2, "metrics": {"loss": [1.0, 2.0]},
    "history": [{"epoch": 1, "loss": 0.5, "val_loss": 0.5}], "best": {"epoch": 1, "step": 3, "val_loss": 0.5},
    "seconds": [1.0, 2.0],
}  # fmt: skip


@fault("tracebacks")
@settings(max_examples=150)
@given(text=changed(STATE))
def test_states_of_training(text):
    """What is accepted has the form that going on takes for granted."""
    with only_sentences():
        try:
            state = json.loads(text)
        except (ValueError, RecursionError):
            return  # which `Checkpoint.load` turns into a sentence, as everything in there
        checkpoints._check_state(state)
        float(sum(state["seconds"]))
        dict(state["identity"]), list(state["metrics"].items()), [dict(row) for row in state["history"]]


@fault("tracebacks")
@settings(max_examples=100)
@given(text=changed({"xla": 0.1, "plain": 0.2}))
def test_measured_times(text):
    with scratch() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        path = memory._path("key")
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        assert all(isinstance(each, float) for each in memory.read("key").values())


CONFIG = {"cluster": {"worker": ["host0:1", "host1:1"]}, "task": {"type": "worker", "index": 0}}


@fault("tracebacks")
@settings(max_examples=100)
@given(text=changed(CONFIG).filter(lambda text: "\x00" not in text))
def test_clusters(text):
    with pytest.MonkeyPatch.context() as patch, only_sentences():
        patch.setenv("TF_CONFIG", text)
        cluster.workers()


CELLS = st.sampled_from(
    ["epoch", "val_loss", "1", "0.5", "nan", "x", "", '"', '"a\nb"', "1e400", "\x00", "9" * 200_000]
)
CSV = st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=4).map("\n".join)


@fault("tracebacks")
@settings(max_examples=150)
@given(text=CSV, raw=st.binary(max_size=30), is_raw=st.booleans())
def test_histories(text, raw, is_raw):
    with scratch() as folder, only_sentences():
        (folder / "history.csv").write_bytes(raw if is_raw else f"epoch,val_loss\n{text}".encode())
        tables._curve(folder, 2)


@fault("tracebacks")
@settings(max_examples=60)
@given(content=st.binary(max_size=200), cut=st.integers(0, 400))
def test_arrays_of_an_evaluation(content, cut):
    with scratch() as folder:
        runs = [written(folder / name) for name in "ab"]
        path = runs[1] / "evaluation/examples.npz"
        whole = path.read_bytes()
        path.write_bytes(whole[:cut] + content + whole[cut + len(content) :])
        with only_sentences():
            comparison.as_text(compare(runs))


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=8)
TEXTS = WORDS | st.sampled_from(["", "-1", "0", "1e400", "nan", "9" * 30, "9" * 5000, "1,2", "28x28", "mnist", "--"])
OPTIONS = [f"--{name.replace('_', '-')}" for name in FIELDS + OWN if name not in ("data", "model")]
PARTS = st.sampled_from([name for kind in (RECIPES, NETWORKS, OBJECTIVES, PRIORS) for name in kind.names()])
ENDS = ["", "(", "()", "(1, 2)", "(depth=2", "(x=1)", "(**x)", "(1e400)", "(True)", "(depth=flow(depth=1))", ":x", "-1"]
SPECIFICATIONS = st.builds("{}{}".format, PARTS, st.sampled_from(ENDS))
FREE = st.lists(
    st.tuples(st.sampled_from([*OPTIONS, "--out", "--config", "--seeds", "--nothing"]), TEXTS | SPECIFICATIONS),
    max_size=3,
)
TRAIN = st.builds(
    lambda recipe, pairs: ["train", *recipe, *(each for pair in pairs for each in pair), "--data", "nowhere.npy"],
    st.just([]) | st.lists(SPECIFICATIONS | PARTS, min_size=1, max_size=1),
    FREE,
)
MISSING = WORDS.map(lambda word: f"missing-{word.replace('/', '_')}")
COMMANDS = ("evaluate", "sample", "reconstruct", "traverse", "interpolate", "card", "compare", "export", "encode")
ON_A_RUN = st.builds(
    lambda name, run, options: [name, run, *options],
    st.sampled_from(COMMANDS),
    MISSING,
    st.lists(TEXTS | st.sampled_from(["--n", "--seed", "--out", "--sample-size", "--version", "--csv"]), max_size=4),
)  # fmt: skip
REPRODUCE = st.lists(TEXTS, max_size=3).map(lambda more: ["reproduce", *more, "--rows", "?"])  # no row has that name


@fault("tracebacks")
@settings(max_examples=150)
@given(arguments=TRAIN | ON_A_RUN | REPRODUCE | st.lists(WORDS, max_size=3))
def test_command_lines(arguments):
    """Commands that fail before anything is trained."""
    program, words = cli.app, arguments
    if arguments[:1] == ["reproduce"]:  # `python -m reproduction`
        program, words = command(reproduction.reproduce), arguments[1:]
    with scratch() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        error = CliRunner().invoke(program, words).exception
        assert error is None or isinstance(error, (SystemExit, ValueError, OSError)), (arguments, error)
        if isinstance(error, (ValueError, OSError)):
            assert "\n" not in str(error), (arguments, error)


def test_what_is_not_changed_is_read():
    """Otherwise the tests above would see refusals only."""
    with scratch() as folder:
        (folder / "m/1").mkdir(parents=True)
        (folder / "m/1/card.json").write_text(json.dumps(CARD))
        assert card.as_text(card.read(folder / "m")).startswith("m, version 1: VAE")
        checkpoints._check_state(STATE)
        (folder / "history.csv").write_text("epoch,val_loss\n1,0.5\n")
        assert tables._curve(folder, 2) == {"passes": [2.0], "held_out_loss": [0.5]}
        runs = [written(folder / name) for name in "ab"]
        (runs[1] / "evaluation/report.json").write_text(json.dumps(REPORT))
        assert np.isfinite(compare(runs).differences[0].mean)
