"""`tfvae encode`: the codes of a data set as a file."""

import numpy as np
import pytest

import tfvae
import tiny
from command_lines import command
from small_runs import data, few_draws, make, save  # noqa: F401
from tfvae import evaluation

pytestmark = pytest.mark.usefixtures("eagerly")
MODEL = "vae(latent_size=3, network=mlp(8), likelihood=bernoulli)"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return data(tmp_path_factory.mktemp("data") / "discs.npz")


@pytest.fixture(scope="module")
def run(tmp_path_factory, source):
    return make(tmp_path_factory.mktemp("runs") / "run", source, model=MODEL)


def codes(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_it_writes_the_codes_of_the_fixed_arrays_in_order(run, source, tmp_path, capsys):
    assert command("encode", run, source, "--out", tmp_path / "codes.npz") == 0
    assert capsys.readouterr().out == f"Wrote {tmp_path}/codes.npz: 200 train images, 60 test images\n"
    found, model, images = codes(tmp_path / "codes.npz"), tfvae.load(run / "model.keras"), np.load(source)
    names = ("mean", "stddev", "labels", "digest")
    assert set(found) == {f"{part}_{name}" for part in ("train", "test") for name in names}
    for part, prefix in (("train", ""), ("test", "test_")):
        x = evaluation.fix(images[f"{prefix}images"], model.preprocess)
        expected = evaluation.encode(model, x.x)
        np.testing.assert_array_equal(found[f"{part}_mean"], expected.mean)
        np.testing.assert_array_equal(found[f"{part}_stddev"], expected.stddev)
        np.testing.assert_array_equal(found[f"{part}_labels"], images[f"{prefix}labels"])
        assert found[f"{part}_digest"] == x.digest
        assert found[f"{part}_mean"].shape == (len(x.x), 3)
        assert found[f"{part}_mean"].dtype == np.float32


def test_data_without_labels_or_a_test_part_are_divided_as_the_run_divides_them(run, tmp_path):
    np.save(tmp_path / "others.npy", tiny.images(50, seed=9))
    assert command("encode", run, tmp_path / "others.npy", "--out", tmp_path / "codes.npz") == 0
    found, model = codes(tmp_path / "codes.npz"), tfvae.load(run / "model.keras")
    parts = tfvae.datasets.load(tmp_path / "others.npy", seed=0)
    assert set(found) == {f"{part}_{name}" for part in ("train", "test") for name in ("mean", "stddev", "digest")}
    for part in ("train", "test"):
        x = evaluation.fix(getattr(parts, part).images, model.preprocess)
        np.testing.assert_array_equal(found[f"{part}_mean"], evaluation.encode(model, x.x).mean)


def test_how_the_run_found_its_own_data_is_not_asked_of_others(source, tmp_path):
    """A run that held out images, or had a `data_dir`, encodes data that have a test part, and images of another size
    where it resized its own."""
    np.save(tmp_path / "own.npy", tiny.images(50))
    own = make(tmp_path / "run", tmp_path / "own.npy", test_size=7, image_size=6)
    assert command("encode", own, source, "--out", tmp_path / "codes.npz") == 0
    assert len(codes(tmp_path / "codes.npz")["test_mean"]) == 60
    again = ["--out", tmp_path / "codes.npz", "--overwrite"]
    assert command("encode", own, tmp_path / "own.npy", *again) == 0
    assert len(codes(tmp_path / "codes.npz")["test_mean"]) == 7
    assert command("encode", own, tmp_path / "run/../own.npy", *again) == 0
    assert len(codes(tmp_path / "codes.npz")["test_mean"]) == 7


def spoilt(folder):
    model = tfvae.load(folder / "model.keras")
    bias = model.encoder.trainable_variables[-1]
    bias.assign(np.full(bias.shape, np.nan))
    save(model, folder)
    return folder


def test_mistakes_end_in_one_sentence_and_leave_what_was_there(run, source, tmp_path, capfd):
    np.save(tmp_path / "wide.npy", np.zeros((9, 8, 9), np.uint8))
    np.savez(tmp_path / "codes.npz", train_mean=1)  # codes of another day
    old = (tmp_path / "codes.npz").read_bytes()
    nan = spoilt(make(tmp_path / "nan", source))
    for arguments, sentence in [
        (
            [run, tmp_path / "wide.npy", "--out", tmp_path / "codes.npz"],
            "examples of shape (8, 8, 1); received (8, 9, 1)",
        ),
        ([run, tmp_path / "none.npy", "--out", tmp_path / "codes.npz"], "there is no file or folder"),
        ([run, source, "--out", tmp_path / "codes.csv"], "`--out` must be a file that ends in .npz; received"),
        (
            [run, source, "--out", tmp_path / "none/codes.npz"],
            "`--out` must be a file in a folder that exists; ",
        ),
        ([tmp_path, source, "--out", tmp_path / "codes.npz"], "is no run folder: it has no config.yaml."),
        ([nan, source, "--out", tmp_path / "codes.npz"], "The codes are not finite: "),
    ]:
        before = sorted(tmp_path.iterdir())
        capfd.readouterr()
        assert command("encode", *arguments, "--overwrite") == 1
        message = capfd.readouterr().err.strip()
        assert message.startswith("Error: ")
        assert sentence in message
        assert "\n" not in message
        assert sorted(tmp_path.iterdir()) == before
        assert (tmp_path / "codes.npz").read_bytes() == old
