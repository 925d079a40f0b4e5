"""Files and records that are no images: named with their place, or left out, the same ones at every pass."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bad_pictures import SETTINGS, SIZE, png, prepare
from interruptions import After
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.datasets import listed, load, naming_bad_records, tfds

BAD = {7: "undecodable", 8: "another size", 23: "no example"}


def images_of(records, left_out):
    kept = [tf.train.Example.FromString(each) for number, each in enumerate(records) if number not in left_out]
    return [tf.io.decode_png(each.features.feature["image"].bytes_list.value[0]).numpy() for each in kept]


@pytest.fixture(params=[0, 2**30], ids=["streamed", "in memory"])
def limit(request, monkeypatch):
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", request.param)
    return request.param


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("undecodable", "Unknown image file format"),
        ("another size", r"Tensor.s shape \(9, 8, 1\) is not compatible with supplied shape \(8, 8, 1\)"),
        ("no example", "it cannot be parsed"),
    ],
)
def test_a_record_that_is_no_image_is_named_with_its_file_and_number(tmp_path, limit, how, reason):
    path, _ = prepare(tmp_path, {7: how})
    sentence = rf"Record 7 of {path} is no image of shape \(8, 8, 1\): {reason}.*; prepare the data again, or leave"
    with pytest.raises(OSError, match=sentence) as caught:
        data = load("tfds:pictures", data_dir=tmp_path)
        with naming_bad_records(data.train, data.test):
            list(data.train.batches(4, seed=0).take(10))
    assert "\n" not in str(caught.value) and "{{" not in str(caught.value)


def test_bad_records_are_skipped_and_counted(tmp_path, limit):
    path, records = prepare(tmp_path, BAD)
    data = load("tfds:pictures", data_dir=tmp_path, bad_records="skip")
    assert (len(data.train), len(data.test)) == (SIZE - len(BAD), 6)
    np.testing.assert_array_equal(np.concatenate(list(data.train.in_order(5))), images_of(records, BAD))
    assert [each.where for each in data.skipped] == [
        f"Record {n} of {path} is no image of shape (8, 8, 1)" for n in BAD
    ]
    assert listed(data.skipped).startswith(f"3 bad records are skipped: Record 7 of {path} is no image of shape")


@pytest.mark.slow
def test_the_same_records_are_skipped_at_every_pass_and_wherever_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", 0)
    prepare(tmp_path, BAD)
    first, again = (load("tfds:pictures", data_dir=tmp_path, bad_records="skip").train for _ in range(2))
    whole = np.stack(list(first.batches(5, seed=1).take(21)))
    np.testing.assert_array_equal(np.stack(list(again.batches(5, seed=1, start=9).take(12))), whole[9:])
    for epoch in whole.reshape(3, 35, -1):
        assert len(np.unique(epoch, axis=0)) == 35


def test_the_parts_between_bad_records_are_whole(tmp_path, monkeypatch):
    """At the ends, side by side, and none."""
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", 0)
    prepare(tmp_path, {})
    split = load("tfds:pictures", data_dir=tmp_path).train
    images = np.concatenate(list(split.in_order(50)))
    assert not list(split.bad_records())
    for numbers in ([], [0], [SIZE - 1], [0, 1, 5, 6, SIZE - 1]):
        found = np.concatenate(list(split.without(numbers).in_order(50)))
        np.testing.assert_array_equal(found, np.delete(images, numbers, axis=0))
    with pytest.raises(ValueError, match=f"None of the {SIZE} records of .* decodes to an image"):
        split.without(range(SIZE))


@pytest.mark.slow
def test_damaged_files_are_not_taken_for_bad_records(tmp_path, limit):
    """What comes behind the damage is lost, so that cannot be skipped."""
    path, _ = prepare(tmp_path, {})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=f"{path.parent} is damaged: corrupted record at"):
        load("tfds:pictures", data_dir=tmp_path, bad_records="skip")


def test_other_failures_stay_what_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", 0)
    prepare(tmp_path, {})
    train = load("tfds:pictures", data_dir=tmp_path).train
    with pytest.raises(tf.errors.InvalidArgumentError), naming_bad_records(train, None):
        tf.reshape(tf.zeros(3), [2])


@pytest.mark.slow
def test_a_run_stops_with_the_name_of_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", 0)
    path, _ = prepare(tmp_path, {17: "undecodable"})
    with pytest.raises(OSError, match=f"Record 17 of {path} is no image"):
        run.train(dataclasses.replace(SETTINGS, data_dir=str(tmp_path)), tmp_path / "run", verbose=0)


@pytest.mark.slow
def test_a_run_that_skips_says_so_and_goes_on_exactly(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", 0)
    prepare(tmp_path, BAD)
    settings = dataclasses.replace(SETTINGS, data_dir=str(tmp_path), bad_records="skip")
    whole = run.train(settings, tmp_path / "whole", verbose=0)
    assert "\n3 bad records are skipped: Record 7 of " in capsys.readouterr().out
    with pytest.raises(Interrupted):
        run.train(settings, tmp_path / "run", After(8), verbose=0)
    run.train(settings, tmp_path / "run", resume=True, verbose=0)
    assert len(whole["skipped_records"]) == 3
    histories = [(tmp_path / name / "history.csv").read_bytes() for name in ("whole", "run")]
    assert histories[0] == histories[1]
    reports = [json.loads((tmp_path / name / run.REPORT).read_text()) for name in ("whole", "run")]
    varying = ("seconds", "content_digest")
    assert all(reports[0][name] == reports[1][name] for name in reports[0] if not name.endswith(varying))


def folder_of(path, shapes):
    """An image file for each shape; where it is None, a file that is no image."""
    path.mkdir(parents=True, exist_ok=True)
    for number, shape in enumerate(shapes):
        (path / f"{number:02}.png").write_bytes(b"no image" if shape is None else png(*shape))


def test_bad_files_of_a_folder_are_skipped_and_counted(tmp_path):
    """The first file is no yardstick: the shape of most is."""
    folder_of(tmp_path, [(9, 8), None, (8, 8), (8, 8), (8, 8, 3), (8, 8)])
    data = load(tmp_path, bad_records="skip")
    assert len(data.train) + len(data.test) == 3
    assert data.train.image_shape == (8, 8, 1)
    assert [Path(each.where).name for each in data.skipped] == ["00.png", "01.png", "04.png"]
    assert data.skipped[0].reason == "is (9, 8, 1) where others are (8, 8, 1)"
    assert data.skipped[1].reason.startswith("is damaged or no image")


def test_labels_stay_with_their_images(tmp_path):
    for name, shapes in (("ape", [(8, 8), None]), ("cat", [None]), ("dog", [(8, 8), (8, 8)])):
        folder_of(tmp_path / name, shapes)
    data = load(tmp_path, test_size=1, bad_records="skip")
    labels = itertools.chain(data.train.labels, data.test.labels)
    assert sorted(data.class_names[label] for label in labels) == ["ape", "dog", "dog"]


def test_the_test_images_have_to_be_of_the_shape_of_the_training_images(tmp_path):
    folder_of(tmp_path / "train", [(8, 8), None, (8, 8)])
    folder_of(tmp_path / "test", [(9, 8), (9, 8), (8, 8)])
    data = load(tmp_path, bad_records="skip")
    assert (len(data.train), len(data.test), len(data.skipped)) == (2, 1, 3)


def test_a_folder_without_any_image_is_refused(tmp_path):
    folder_of(tmp_path, [None, None])
    with pytest.raises(ValueError, match=r"None of the 2 files is an image .*: .*00\.png: is damaged or no image"):
        load(tmp_path, bad_records="skip")


def test_there_are_two_things_to_do_with_bad_records(tmp_path):
    with pytest.raises(ValueError, match="`bad_records` must be 'refuse' or 'skip'; received 'ignore'"):
        load("mnist", bad_records="ignore")
