"""Odd image files in folders: several pictures in one, damaged metadata, strange names, and claims to be huge."""

import os
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

import make_zoo
import numpy as np
import pytest
from PIL import Image

import hostile
from faults import fault
from pictures import Painter, levels
from tfvae.app import run
from tfvae.app.settings import Settings
from tfvae.datasets import Split, hold_out, image_files, listed, load

FORMS = {"tif": {}, "gif": {}, "png": {}, "webp": {"lossless": True}}


def albums(folder, suffix, files=5, pictures=8):
    """Files of several pictures, each of a level of its own: the file's number in tens, the picture's in units."""
    folder.mkdir(exist_ok=True)
    for number in range(files):
        few = [Image.fromarray(np.full((8, 8, 3), 10 * number + each, np.uint8)) for each in range(pictures)]
        few[0].save(folder / f"{number}.{suffix}", save_all=True, append_images=few[1:], **FORMS[suffix])


@fault("frames")
@pytest.mark.parametrize("suffix", FORMS)
def test_a_file_of_several_pictures_is_refused_unless_it_is_said_which(tmp_path, suffix):
    albums(tmp_path, suffix)
    reason = "holds 8 pictures; set `frames` (`--frames`) to 'first' or 'all' to read it"
    with pytest.raises(ValueError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path / '0'}.{suffix} {reason}."
    first = load(tmp_path, frames="first")
    assert sorted(levels(first.train, first.test)) == [0, 10, 20, 30, 40]
    assert first.notes == (f"5 files in {tmp_path} hold 40 pictures, of which the first of each file are read.",)
    for path in sorted(tmp_path.iterdir())[2:]:
        Image.open(path).save(tmp_path / f"one-{path.stem}.png", save_all=False)
        path.unlink()
    few = load(tmp_path, bad_records="skip")
    assert len(few.train) + len(few.test) == 3
    assert [each.reason for each in few.skipped] == [reason] * 2


@fault("frames")
@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("skip", ["refuse", "skip"])
def test_all_pictures_of_a_file_stay_on_one_side_of_every_split(tmp_path, suffix, skip):
    albums(tmp_path, suffix)
    data = load(tmp_path, frames="all", bad_records=skip)
    train, validation = data.split_validation(10)
    assert sorted(levels(train, validation, data.test)) == [10 * n + k for n in range(5) for k in range(8)]
    files = [{level // 10 for level in levels(split)} for split in (train, validation, data.test)]
    assert [len(each) for each in files] == [3, 1, 1] and len(set.union(*files)) == 5
    assert data.test_origin == "held out of the data: with seed 0, 8 of 40 images"


@fault("frames")
def test_files_of_one_picture_are_held_out_as_ever_when_all_frames_are_asked_for(tmp_path):
    Painter().paint(*(tmp_path / f"{number}.png" for number in range(20)))
    usual, all_frames = load(tmp_path), load(tmp_path, frames="all")
    assert levels(usual.test) == levels(all_frames.test) and all_frames.train.groups is None


def test_groups_are_held_out_whole():
    split = Split(np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1), groups=np.array([0, 0, 0, 1, 2, 2, 3, 3, 3, 3]))
    for seed in (None, 0, 1, 2):
        for size in range(1, 10):
            rest, held = hold_out(split, size, seed)
            assert not set(rest.groups) & set(held.groups) and sorted(levels(rest, held)) == list(range(10))
            assert len(held) <= size or len(set(held.groups)) == 1
    with pytest.raises(ValueError, match="All 3 images are of one file"):
        hold_out(split.take_first(3), 1)
    with pytest.raises(ValueError, match="`images` and `groups` must have the same length"):
        Split(split.images, groups=np.zeros(3))


@fault("frames")
def test_a_run_keeps_what_it_was_told_about_frames(tmp_path):
    albums(tmp_path, "tif")
    assert len(run.load_data(Settings(data=str(tmp_path), frames="all")).train) == 32
    with pytest.raises(ValueError, match="`frames` must be 'refuse', 'first' or 'all'; received 'last'"):
        load(tmp_path, frames="last")


@fault("metadata")
@pytest.mark.parametrize("bad_records", ["refuse", "skip"])
def test_photographs_with_odd_metadata_load_upright(tmp_path, bad_records):
    """An orientation beside a resolution that is text, a negative rational, a float."""
    names = [animal.name for animal in make_zoo.jpegs() if "-for-a-" in animal.name or "-as-text" in animal.name]
    names.append("negative-rational.jpg")
    for name in names:
        (tmp_path / name).write_bytes((make_zoo.ZOO / name).read_bytes())
    data = load(tmp_path, bad_records=bad_records)
    images = np.concatenate([data.train.images, data.test.images])[..., 0].astype(int)
    assert len(images) == 4 and not data.skipped
    assert np.abs(images - make_zoo.GREY).mean() < 12


@fault("metadata")
def test_whatever_goes_wrong_in_a_file_is_that_file_s(tmp_path, monkeypatch):
    """Also what no reader of images should raise."""
    Painter().paint(*(tmp_path / f"{number}.png" for number in range(4)))
    right = image_files._metadata
    seen = []

    def fails(info):
        seen.append(info)
        if len(seen) == 2:
            raise struct.error("unpack requires a buffer of 4 bytes\nand more")
        return right(info)

    monkeypatch.setattr(image_files, "_metadata", fails)
    data = load(tmp_path, bad_records="skip")
    assert len(data.train) + len(data.test) == 3
    (bad,) = data.skipped
    assert str(bad) == f"{tmp_path / '1.png'}: is damaged or no image: unpack requires a buffer of 4 bytes"


@pytest.fixture
def odd_name(tmp_path):
    """A folder whose name is not UTF-8."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/class-\xff\x1b[31m"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    return folder


@fault("names")
def test_names_that_are_not_utf_8_load_and_are_shown_escaped(tmp_path, odd_name, capsys):
    painter = Painter()
    painter.paint(*(folder / f"{number}.png" for folder in (odd_name, tmp_path / "b") for number in range(4)))
    (odd_name / os.fsdecode(b"bad-\xfe.png")).write_bytes(b"no image")
    os.symlink("/gone", odd_name / os.fsdecode(b"gone-\xfe.png"))
    with pytest.raises(OSError, match="is damaged or no image") as caught:
        load(tmp_path)
    data = load(tmp_path, bad_records="skip")
    assert data.class_names == ("b", odd_name.name)
    assert len(levels(data.train, data.test)) == 8
    for text in (str(caught.value), listed(data.skipped), *data.said):
        assert r"class-\xff\x1b[31m/" in text and text.isprintable()
        print(text.encode("utf-8").decode())
    assert "1 bad record is skipped" in capsys.readouterr().out


@fault("names")
@pytest.mark.parametrize("name", [b"train", b"x-\xff"])
def test_refusals_name_odd_folders_escaped(tmp_path, odd_name, name):
    Painter().paint(odd_name / "0.png", tmp_path / "1.png", odd_name / os.fsdecode(name) / "2.png")
    with pytest.raises(ValueError, match="must hold either images or sub-folders") as caught:
        load(tmp_path)
    assert str(caught.value).isprintable()


MANY = 9000  # to a side: 81 million pixels, which Pillow still decodes
HUGE = {
    "claim.png": lambda: hostile.png(MANY),
    "more.png": lambda: hostile.png(14_000),
    "claim.jpg": lambda: hostile.jpeg(65_000),
    "claim.gif": lambda: hostile.gif(MANY),
    "more.gif": lambda: hostile.gif(65_000),
    "claim.bmp": lambda: hostile.bmp(MANY),
    "claim.pgm": lambda: hostile.ppm(MANY),
    "claim.tif": lambda: hostile.tiff(MANY),
    "claim.webp": lambda: hostile.webp(MANY),
    "comment.png": hostile.text_bomb,
}


@fault("huge")
@pytest.mark.parametrize("name", HUGE)
def test_files_that_claim_to_be_huge_are_refused_before_they_are_decoded(tmp_path, name):
    (tmp_path / name).write_bytes(HUGE[name]())
    before, peak = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((ValueError, OSError), match=r"claims .* and is not decoded|exceeds limit|too large") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - before < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 100_000  # kB


@fault("huge")
@pytest.mark.parametrize("suffix", ["jpg", "gif", "webp", "png"])
def test_a_file_with_gigabytes_of_nothing_behind_it_ends_soon(tmp_path, suffix):
    form = {"jpg": "JPEG"}.get(suffix, suffix)
    for number in range(2):
        with (tmp_path / f"{number}.{suffix}").open("wb") as file:
            file.write(make_zoo.saved(make_zoo.COLOURS, form))
            file.truncate(3 * 2**30)
    before = time.monotonic()
    if suffix == "png":  # whose end is marked
        assert len(load(tmp_path).train) == 1
    else:
        with pytest.raises(ValueError, match="3,221,225,472 bytes"):
            load(tmp_path)
    assert time.monotonic() - before < 1


def test_a_large_photograph_is_no_bomb(tmp_path):
    """24 megapixels of noise, scaled down."""
    noise = np.random.default_rng(0).integers(0, 256, (600, 800), np.uint8)
    for number in range(2):
        Image.fromarray(np.tile(noise, (10, 5))).save(tmp_path / f"{number}.jpg", quality=30)
    assert load(tmp_path, image_size=8).train.image_shape == (8, 8, 1)


@fault("huge")
def test_pipes_and_devices_are_never_opened(tmp_path):
    """In a process of its own, which would wait for ever."""
    Painter().paint(tmp_path / "0.png", tmp_path / "1.png")
    os.mkfifo(tmp_path / "pipe.png")
    for number, device in enumerate(("zero", "random", "stdin", "tty")):
        os.symlink(f"/dev/{device}", tmp_path / f"{number + 2}.png")
    program = f"from tfvae.datasets import load; data = load({str(tmp_path)!r}); print(len(data.train), data.notes)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, input="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 ") and "5 pipes, sockets or devices" in done.stdout
