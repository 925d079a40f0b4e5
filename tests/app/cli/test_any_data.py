"""From data of any kind to a run, its samples and its reconstructions, from the command line."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_lines import command
from tiers import first

SHORT = [*("--epochs", 4, "--learning-rate", 0.02, "--validation-size", 20, "--batch-size", 20, "--latent-size", 2)]
FREY_FACE = os.environ.get("TFVAE_FREY_FACE")


def discs(count, size, seed=0):
    """uint8 `[count, size, size]`: bright discs at random places."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(size / 4, size * 3 / 4, (count, 2, 1, 1))
    row, column = np.mgrid[:size, :size]
    distance = (row - centre[:, 0]) ** 2 + (column - centre[:, 1]) ** 2
    return np.round(255 * np.exp(-distance / (size / 4) ** 2)).astype(np.uint8)


def frey_face(folder):
    if not FREY_FACE:
        pytest.skip("TFVAE_FREY_FACE names no file")
    return Path(FREY_FACE).resolve()


def colours_in_classes(folder):
    """Red and blue discs, 32x32x3, in two sub-folders."""
    for channel, name in ((0, "red"), (2, "blue")):
        (folder / "data" / name).mkdir(parents=True)
        for index, disc in enumerate(discs(100, 32, seed=channel)):
            image = np.zeros((32, 32, 3), np.uint8)
            image[..., channel] = disc
            Image.fromarray(image).save(folder / "data" / name / f"{index:03d}.png")
    return folder / "data"


def small_array(folder):
    np.save(folder / "data.npy", discs(200, 8))
    return folder / "data.npy"


def larger_archive(folder):
    np.savez(folder / "data.npz", images=discs(120, 64), labels=np.arange(120) % 3)
    return folder / "data.npz"


CASES = {
    "Frey Face": (frey_face, ["--network", "mlp(200)"]),
    "a folder with classes": (colours_in_classes, ["--network", "mlp(100)"]),
    "8x8 .npy": (small_array, ["--network", "mlp(32)"]),
    "64x64 .npz, convolutions": (larger_archive, ["--network", "conv(8,16)"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", first(2, CASES))
def test_a_run_and_its_pictures(case, tmp_path):
    make, options = CASES[case]
    data, run = make(tmp_path), tmp_path / "run"
    assert command("train", "--data", data, *SHORT, *options, "--out", run) == 0
    assert command("sample", run, "-n", 16) == 0
    assert command("reconstruct", run, "-n", 8) == 0
    report = json.loads((run / "report.json").read_text())
    assert np.isfinite([report["elbo"], report["bits_per_dim"]]).all()
    for name in ("samples.png", "reconstructions.png"):
        assert np.asarray(Image.open(run / name).convert("L"), float).std() > 5, name
