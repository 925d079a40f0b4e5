"""Files appear whole, under nobody else's name, and on the disk: with links in the way, kills and poor file systems."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from faults import fault
from tfvae._support import files
from tfvae._support.files import is_leftover, write_json, written_whole
from tfvae._support.folders import remove_leftovers
from tfvae.app.run.checkpoints import Checkpoints


def write(path, text="new"):
    with written_whole(path) as unfinished:
        unfinished.write_text(text)


@fault("outputs")
def test_a_file_of_the_users_that_begins_with_a_dot_is_no_temporary_one(tmp_path):
    """What compares runs may write to `bashrc` in a home folder."""
    (tmp_path / ".bashrc").write_text("precious")
    write(tmp_path / "bashrc")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {".bashrc": "precious", "bashrc": "new"}
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "bashrc"):
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {".bashrc": "precious", "bashrc": "new"}


@fault("links")
@pytest.mark.parametrize("name", ["history.csv", ".history.csv"])
def test_nothing_is_written_through_a_link_under_a_name_that_can_be_foreseen(tmp_path, name):
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "elsewhere")
    try:
        write(tmp_path / "run/history.csv")
    except files.CannotWrite as error:
        assert str(error).endswith("history.csv cannot be written: it is a link, and nothing is written through links.")
    else:
        assert (tmp_path / "run/history.csv").read_text() == "new"
    assert (tmp_path / "elsewhere").read_text() == "precious"
    assert (tmp_path / "run" / name).is_symlink()
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {name, "history.csv"}


@fault("links")
def test_neither_is_a_checkpoint(tmp_path):
    class Model:
        def save(self, path):
            path.write_bytes(b"PK\x05\x06" + bytes(18))  # a zip file of nothing

    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/.unfinished.keras").symlink_to(tmp_path / "elsewhere")
    Checkpoints(tmp_path / "checkpoints").write(Model(), 5, {}, None)
    assert not (tmp_path / "elsewhere").exists()
    (checkpoint,) = Checkpoints(tmp_path / "checkpoints").all()
    assert checkpoint.step == 5 and checkpoint.is_whole()


@fault("links")
def test_a_link_that_appears_meanwhile_is_not_replaced_either(tmp_path):
    with pytest.raises(files.CannotWrite, match="it is a link"), written_whole(tmp_path / "a") as unfinished:
        unfinished.write_text("new")
        (tmp_path / "a").symlink_to(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@fault("outputs")
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_folders_and_devices_are_not_replaced(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(files.CannotWrite, match=r"a cannot be written: a folder or a device of that name is there\.$"):
        write(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and not (tmp_path / "a").is_file()


@fault("bound-run")
def test_a_file_and_then_its_folder_are_flushed_to_the_disk(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append(os.fstat(handle).st_ino), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("renamed"), replace(*paths)))
    write_json(tmp_path / "a.json", {"a": 1})
    assert done == [(tmp_path / "a.json").stat().st_ino, "renamed", tmp_path.stat().st_ino]


@fault("file-systems")
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_a_file_system_that_cannot_flush_is_said_once(tmp_path, monkeypatch, capfd, number):
    files.say_once.cache_clear()
    monkeypatch.setattr(os, "fsync", failing(number))
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
    said = capfd.readouterr().err.splitlines()
    assert [line.split(" to the disk")[0] for line in said] == [
        f"This file system cannot flush {what}" for what in ("files", "folders")
    ]


def test_a_disk_that_fails_to_flush_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(files.CannotWrite, match="a cannot be written: Input/output error"):
        write(tmp_path / "a")
    assert not list(tmp_path.iterdir())


@fault("file-systems")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, None], ids=str)
def test_files_are_written_without_locks_and_flags_too(tmp_path, monkeypatch, number):
    """None: as on Windows."""
    if number is None:
        monkeypatch.setattr(files, "fcntl", None)
        monkeypatch.delattr(os, "O_NOFOLLOW")
    else:
        monkeypatch.setattr(files.fcntl, "flock", failing(number))
    write(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "new"


def failing(number):
    def fail(*arguments):
        raise OSError(number, os.strerror(number))

    return fail


WRITER = """
import os, sys
from pathlib import Path
from tfvae._support.files import written_whole
with written_whole(Path("a.csv")) as unfinished:
    unfinished.write_text("half")
    print("written", flush=True)
    sys.stdin.read()
"""


@fault("outputs")
def test_what_a_killed_process_leaves_is_removed_and_nothing_else(tmp_path):
    """While the process lives its file is held. Nor does it matter what else has such a name or nearly."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdout.readline() == b"written\n"
    (left,) = tmp_path.iterdir()
    assert is_leftover(left) and left.suffix == ".csv"
    (tmp_path / ".tfvae-0.unfinished").symlink_to(tmp_path / "mine")
    others = {".tfvae-0.unfinished", ".tfvae-0", "tfvae-0.unfinished", "mine", ".config.yaml"}
    for name in others:
        if name != ".tfvae-0.unfinished":
            (tmp_path / name).write_text("precious")
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == others | {left.name}
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == others
