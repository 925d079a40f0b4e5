"""Copies among training, validation and test images: counted, said at the start of a run, kept in its report."""

import json
import time

import numpy as np
import pytest

from command_lines import command
from faults import fault
from tfvae.datasets import Copies, Split, StreamedSplit, count_copies, load

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)


@fault("counted-twice")
def test_exact_copies_are_counted():
    training = Split(np.concatenate([IMAGES[:20], IMAGES[:3], IMAGES[:1]]))
    validation, test = Split(IMAGES[18:25]), Split(np.concatenate([IMAGES[30:], IMAGES[:1], IMAGES[:1]]))
    found = count_copies(training, validation, test)
    assert found == Copies(training=4, validation=2, test=2)
    assert str(found) == (
        "2 test images are exact copies of training images, so test figures are too good; 2 validation images are "
        "exact copies of training images; 4 training images repeat others."
    )


@fault("counted-twice")
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_one_bit_makes_another_image(dtype):
    other = IMAGES.astype(dtype)
    other[:, 3, 3, 0] = np.where(other[:, 3, 3, 0] == 7, 8, 7)
    found = count_copies(Split(IMAGES.astype(dtype)), Split(other[:5]), Split(other))
    assert found == Copies(0, 0, 0)
    assert not str(found)


def test_images_on_disk_are_not_compared():
    streamed = StreamedSplit((), len, None, (8, 8, 1), 1)
    found = count_copies(streamed, Split(IMAGES), Split(IMAGES))
    assert found == Copies(None, None, None)
    assert not str(found)


@fault("counted-twice")
def test_mnist_has_none_and_takes_less_than_a_second():
    data = load("mnist")
    images, validation = data.split_validation(5000)
    start = time.process_time()
    assert count_copies(images, validation, data.test) == Copies(0, 0, 0)
    assert time.process_time() - start < 1


@pytest.mark.slow
@fault("counted-twice")
def test_a_run_says_and_keeps_them(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", images=IMAGES, test_images=np.concatenate([IMAGES[:3], 255 - IMAGES[:3]]))
    small = ["--epochs", 1, "--network", "mlp(4)", "--latent-size", 2, "--batch-size", 10, "--validation-size", 10]
    assert command("train", "--data", "data.npz", *small, "--no-xla", "--out", "run") == 0
    copies = json.loads((tmp_path / "run" / "report.json").read_text())["copies"]
    assert copies["training"] == copies["validation"] == 0
    said = capfd.readouterr().out.count(f"{copies['test']} test images are exact copies of training images, so test")
    assert 0 < copies["test"] <= 3
    assert said == 1
