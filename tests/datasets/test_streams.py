"""Streamed images: an order that is a function of (seed, step), entered anywhere, and the same methods as in memory."""

import dataclasses
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from faults import fault
from places import ROOT
from streamed import SHAPE, stream
from tfvae.datasets import Split, fingerprint, hold_out
from tfvae.datasets.streams import Part


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return stream(tmp_path_factory.mktemp("files"), (20, 1, 33, 7))


def numbers(batches):
    """The images' numbers, batch by batch."""
    return [(batch[:, 0, 0, :2].astype(int) @ [1, 256]).tolist() for batch in batches.as_numpy_iterator()]


def flat(batches):
    return list(itertools.chain.from_iterable(batches))


@pytest.fixture(scope="module", params=["streamed", "in memory"])
def either(request, split):
    """A split of each kind, with the same images."""
    return split if request.param == "streamed" else split.first(len(split))


@fault("moved-data")
def test_a_stream_is_known_by_its_files_wherever_they_are(tmp_path):
    """By their names, sizes and records, unread: not by what a file holds."""
    made = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        made.append(stream(tmp_path / name, (20, 7)))
    here, there = made
    assert fingerprint(here) == fingerprint(there)
    shorter, other_records = here.take_first(26), here.without([3])
    (tmp_path / "renamed.tfrecord").write_bytes(Path(here.parts[0].path).read_bytes())
    renamed = dataclasses.replace(here, parts=(Part(str(tmp_path / "renamed.tfrecord"), 0, 20), here.parts[1]))
    other_shape = dataclasses.replace(here, image_shape=(1, 6, 1))
    names = [fingerprint(each) for each in (here, shorter, here.drop_first(1), other_records, renamed, other_shape)]
    assert len(set(names)) == len(names)
    with tf.io.TFRecordWriter(there.parts[1].path) as writer:
        writer.write(b"another")
    assert fingerprint(there) not in names
    Path(there.parts[1].path).unlink()
    with pytest.raises(OSError, match="is damaged: "):
        fingerprint(there)


def test_first_is_in_memory_with_its_labels(split):
    first = split.first(23)
    assert isinstance(first, Split)
    assert (first.images[:, 0, 0, 0] == np.arange(23)).all()
    assert (first.images[0].ravel() == [0, 0, 1, 2, 3, 4]).all()
    assert first.labels.tolist() == [number % 5 for number in range(23)]
    assert len(split.first(1000)) == 61
    assert dataclasses.replace(split, label=None).first(3).labels is None


def test_in_order_gives_all_images_from_first_to_last(either):
    found = numbers(either.in_order(8))
    assert [len(batch) for batch in found] == [8] * 7 + [5]
    assert flat(found) == list(range(61))
    assert either.in_order(8).cardinality() == 8


def test_sizes(either):
    assert len(either) == 61
    assert either.image_shape == SHAPE


def test_parts_of_a_split(either):
    first, rest = either.take_first(21), either.drop_first(21)
    assert (len(first), len(rest)) == (21, 40)
    assert flat(numbers(first.in_order(100)) + numbers(rest.in_order(100))) == list(range(61))
    assert flat(numbers(rest.drop_first(5).take_first(3).in_order(9))) == [26, 27, 28]
    assert rest.first(2).labels.tolist() == [1, 2]
    assert len(either.take_first(62)) == 61


def test_only_the_first_images_on_disk_can_be_held_out(split):
    rest, held_out = hold_out(split, 7, seed=None)
    assert flat(numbers(held_out.in_order(9))) == list(range(7))
    assert flat(numbers(rest.in_order(100))) == list(range(7, 61))
    with pytest.raises(ValueError, match=r"`seed` must be None for images on disk, .*; received 0"):
        hold_out(split, 7)


def test_no_images_are_no_part(either):
    for method in (either.take_first, either.first):
        with pytest.raises(ValueError, match="`n` must be at least 1; received 0"):
            method(0)


def test_batches_have_one_static_shape_and_no_end(either):
    batches = either.batches(7, seed=0)
    assert batches.element_spec == tf.TensorSpec((7, *SHAPE), tf.uint8)
    assert len(numbers(batches.take(50))) == 50


def test_an_epoch_is_a_new_order_of_all_images_but_the_remainder(either):
    found = numbers(either.batches(7, seed=1).take(24))
    epochs = [flat(found[start : start + 8]) for start in (0, 8, 16)]
    for epoch in epochs:
        assert len(set(epoch)) == 56
        assert set(epoch) < set(range(61))
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len({tuple(sorted(epoch)) for epoch in epochs}) > 1  # other images are left out


def test_whatever_the_start_the_batches_are_the_same_byte_for_byte(either):
    batches = either.batches(7, seed=3)
    whole = np.stack(list(batches.take(30).as_numpy_iterator()))
    for start in (0, 1, 7, 8, 17):
        some = np.stack(list(either.batches(7, seed=3, start=start).take(3).as_numpy_iterator()))
        np.testing.assert_array_equal(some, whole[start : start + 3])


def test_the_order_is_that_of_the_seed_and_of_no_global_state(either):
    orders = []
    for seed, global_seed in ((0, 1), (0, 2), (1, 1)):
        tf.random.set_seed(global_seed)
        orders.append(numbers(either.batches(7, seed).take(20)))
    assert orders[0] == orders[1] != orders[2]


def test_a_batch_larger_than_the_data_is_refused(either):
    with pytest.raises(ValueError, match="`batch_size` must be at most the number of examples, 61"):
        either.batches(62, seed=0)


@pytest.mark.parametrize("sizes", [(1,), (16,), (1, 40, 1)])
@pytest.mark.parametrize("block", [1, 4, 100])
def test_every_epoch_is_complete_for_any_files_and_blocks(tmp_path, sizes, block):
    split = stream(tmp_path, sizes, block)
    found = np.reshape(numbers(split.batches(1, seed=2).take(3 * len(split))), (3, len(split)))
    for epoch in found:
        assert sorted(epoch) == list(range(len(split)))


def test_files_and_the_images_in_a_block_are_shuffled(tmp_path):
    split = stream(tmp_path, [32] * 8, block=32)
    order = np.array(flat(numbers(split.batches(32, seed=0).take(8)))).reshape(8, 32)
    files = order // 32
    assert (files == files[:, :1]).all()  # a block is as long as a file here, and so is a batch
    assert files[:, 0].tolist() != sorted(files[:, 0])
    assert sorted(files[:, 0]) == list(range(8))
    ranks = order - files * 32
    assert all(rank.tolist() != sorted(rank) for rank in ranks)
    assert len({tuple(rank) for rank in ranks}) == 8  # each block has an order of its own


def test_one_block_for_all_is_a_uniform_order(tmp_path):
    """Chi-squared over 16 positions x 16 images in 400 epochs: 225 degrees of freedom, +-4 standard deviations."""
    split = stream(tmp_path, [16], block=16)
    epochs = np.array(numbers(split.batches(16, seed=0).take(400)))
    counts = np.array([np.bincount(column, minlength=16) for column in epochs.T])
    statistic = ((counts - 25) ** 2 / 25).sum()
    assert len({tuple(epoch) for epoch in epochs}) == 400
    assert abs(statistic - 225) < 4 * np.sqrt(2 * 225)


def test_tuning_is_off_and_workers_share_every_batch(split):
    for data in (split.batches(7, seed=0), split.in_order(7)):
        options = data.options()
        assert options.autotune.enabled is False
        assert options.deterministic is True
        assert options.experimental_distribute.auto_shard_policy == tf.data.experimental.AutoShardPolicy.DATA


def test_replicas_see_the_batches_of_one_device(split):
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())
    alone = split.batches(6, seed=0, start=8).take(4).as_numpy_iterator()
    shared = iter(two.experimental_distribute_dataset(split.batches(6, seed=0, start=8)))
    for expected in alone:
        found = two.experimental_local_results(next(shared))
        assert [len(each) for each in found] == [3, 3]
        np.testing.assert_array_equal(np.concatenate(found), expected)


def damage(path, kind):
    content = bytearray(path.read_bytes())
    if kind == "a byte changed":
        content[50] ^= 1
    elif kind == "cut between records":
        content = content[: len(content) * 3 // 4]  # four records
    elif kind == "cut in a record":
        content = content[:-3]
    path.write_bytes(content)
    if kind == "missing":
        path.unlink()


@pytest.mark.parametrize("kind", ["a byte changed", "cut between records", "cut in a record", "missing"])
def test_damaged_files_are_noticed(tmp_path, kind):
    split = stream(tmp_path, [4, 4])
    damage(tmp_path / "1.tfrecord", kind)
    with pytest.raises(OSError, match=f"{tmp_path} is damaged: .+"):
        split.first(8)
    for data in (split.in_order(4), split.batches(4, seed=0).take(2)):
        with pytest.raises(tf.errors.OpError):
            list(data)


PEAK = """
import resource, sys
import tensorflow as tf
from tfvae.datasets.streams import Part, StreamedSplit

size = 64 * 64 * 3
path, count = sys.argv[1], int(sys.argv[2])
with tf.io.TFRecordWriter(path) as writer:
    for number in range(count):
        writer.write(bytes([number % 256]) * size)
image = lambda record: tf.reshape(tf.io.decode_raw(record, tf.uint8), (64, 64, 3))
split = StreamedSplit((Part(path, 0, count),), image, None, (64, 64, 3), block=256)
seen = 0
for batch in split.batches(100, seed=0).take(count // 100):
    seen += int(tf.reduce_max(batch)) >= 0
for batch in split.in_order(100):
    seen += 1
assert seen == 2 * count // 100
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_data(tmp_path):
    """Reading 37 MB and 369 MB of images takes the same memory but for 20 MB, 6 % of the difference."""
    root = ROOT
    peaks = []
    for count in (3000, 30_000):
        command = [sys.executable, "-c", PEAK, str(tmp_path / f"{count}.tfrecord"), str(count)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 20, peaks
