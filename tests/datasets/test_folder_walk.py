"""A walk through folders: each file once, wherever links lead, and what is left out is counted and said."""

import os
import socket

import pytest

from faults import fault
from pictures import Painter, levels
from tfvae.datasets import load


def classes(folder, count=10):
    painter = Painter()
    painter.paint(*(folder / name / f"{number}.png" for name in ("a", "b") for number in range(count)))
    return painter


def labelled(data):
    """{level: name of the class}; each level once."""
    rows = [row for split in (data.train, data.test) for row in zip(levels(split), split.labels, strict=True)]
    assert len({level for level, _ in rows}) == len(rows)
    return {level: data.class_names[label] for level, label in rows}


def right(painter):
    return {level: path.parent.name for path, level in painter.level.items()}


@fault("counted-twice")
@pytest.mark.parametrize("target", ["..", ".", "../a", "../../{name}/a"])
def test_a_link_to_a_folder_that_is_read_already_adds_nothing(tmp_path, target):
    """To the root, to its own folder, to the other class."""
    painter = classes(tmp_path)
    os.symlink(target.format(name=tmp_path.name), tmp_path / "b" / "up")
    data = load(tmp_path)
    assert labelled(data) == right(painter)
    assert data.notes == (f"Left out of {tmp_path}: 1 folder that is read under another name (b/up).",)


@fault("counted-twice")
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_second_name_of_a_file_adds_nothing(tmp_path, link):
    """Also if it comes first: the file belongs to the class in whose folder it lies."""
    painter = classes(tmp_path)
    for number in range(5):
        link(tmp_path / "a" / f"{number}.png", tmp_path / "b" / f"again-{number}.png")
    data = load(tmp_path)
    assert labelled(data) == right(painter)
    assert "5 files that are read under other names (b/again-0.png, b/again-1.png, b/again-2.png, ...)" in data.notes[0]


@fault("counted-twice")
def test_a_file_belongs_where_it_lies_and_not_where_a_link_to_it_is(tmp_path):
    painter = Painter()
    painter.paint(tmp_path / "a" / "0.png", tmp_path / "b" / "1.png", tmp_path / "b" / "2.png")
    os.symlink(tmp_path / "b" / "2.png", tmp_path / "a" / "2.png")
    assert labelled(load(tmp_path)) == right(painter)


@fault("folder-walk")
def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path):
    """Once each, and folders that link to each other."""
    painter = Painter()
    store, data = tmp_path / "store", tmp_path / "data"
    painter.paint(*(store / f"{number}.png" for number in range(4)), *(store / "more" / f"{n}.png" for n in range(4)))
    data.mkdir()
    os.symlink(store / "more", data / "more")
    os.symlink(data, store / "more" / "round")
    (data / "few").mkdir()
    for number in range(4):
        os.symlink(store / f"{number}.png", data / "few" / f"{number}.png")
    found = load(data)
    assert found.class_names == ("few", "more")
    assert set(levels(found.train, found.test)) == set(painter.level.values())
    assert found.notes == (f"Left out of {data}: 1 folder that is read under another name (more/round).",)


@fault("folder-walk")
@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPG", "apng", "pbm", "pnm", "dib"])
def test_less_usual_suffixes_are_read(tmp_path, suffix):
    form = {"apng": "PNG", "pbm": "PPM", "pnm": "PPM", "dib": "DIB"}.get(suffix, "JPEG")
    import numpy as np
    from PIL import Image

    for number in range(3):
        Image.fromarray(np.full((8, 8), 255 * (number % 2), np.uint8)).save(tmp_path / f"{number}.{suffix}", form)
    data = load(tmp_path)
    assert len(data.train) + len(data.test) == 3 and not data.notes


@fault("folder-walk")
def test_what_is_left_out_is_counted_and_said(tmp_path, monkeypatch):
    painter = Painter()
    painter.paint(*(tmp_path / f"{number}.png" for number in range(5)))
    for number in range(5, 10):
        os.symlink(f"/gone/{number}.png", tmp_path / f"{number}.png")
    os.symlink("round.png", tmp_path / "round.png")
    for name in ("notes.txt", "photograph.heic", ".DS_Store"):
        (tmp_path / name).write_text("no image")
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink("/dev/zero", tmp_path / "zero.png")
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.png")
        data = load(tmp_path)
    assert sorted(levels(data.train, data.test)) == [0, 1, 2, 3, 4]
    assert data.notes == (
        f"Left out of {tmp_path}: 1 hidden name (.DS_Store), 2 files that do not end like images (notes.txt, "
        "photograph.heic), 3 pipes, sockets or devices (pipe.png, socket.png, zero.png), 6 broken links (5.png, 6.png, "
        "7.png, ...).",
    )


@fault("folder-walk")
def test_a_folder_of_broken_links_says_so(tmp_path):
    os.symlink("/gone.png", tmp_path / "0.png")
    with pytest.raises(ValueError, match=r"holds no images: .*1 broken link \(0\.png\)\."):
        load(tmp_path)


def test_files_come_before_sub_folders_and_both_by_name(tmp_path):
    """The order of the images, which splits depend on."""
    painter = Painter()
    painter.paint(
        *(tmp_path / "a" / name for name in ("b.png", "z.png", "a/c.png", "a/d/e.png", "b/a.png", "b.x/1.png"))
    )
    data = load(tmp_path, test_size=1)
    order = [
        painter.level[tmp_path / "a" / name]
        for name in ("b.png", "z.png", "a/c.png", "a/d/e.png", "b/a.png", "b.x/1.png")
    ]
    assert levels(data.train) == [each for each in order if each not in levels(data.test)]
