"""Folders are claimed by one process at a time, and removed only by who made them."""

import errno
import fcntl
import os
import sys

import pytest

from command_lines import SMALL, command
from faults import fault
from tfvae._support import files, folders
from tfvae._support.folders import below, claimed, made_folders, remove_made


@fault("refused-command")
def test_a_refused_claim_leaves_the_folder_of_the_first_one(tmp_path):
    with claimed(tmp_path / "run") as claim:
        with pytest.raises(OSError, match=r"Another process is training in .*run; wait for it"), claimed(claim.folder):
            pass
        assert claim.is_there()
    with claimed(tmp_path / "run"):  # it was let go
        pass


@fault("refused-command")
@pytest.mark.parametrize("options", [("--out", "run"), ("--out", "run", "--seeds", "0")], ids=["one", "seeds"])
def test_a_refused_training_leaves_the_folder_of_the_first_one(tmp_path, monkeypatch, capfd, options):
    """Which has claimed it and written nothing yet, as while it imports and compiles."""
    monkeypatch.chdir(tmp_path)
    with claimed(tmp_path / ("run/seed-0" if "--seeds" in options else "run")) as claim:
        assert command("train", *SMALL, *options) == 1
        assert "Another process is training in run" in capfd.readouterr().err
        assert claim.is_there()


@fault("refused-command")
def test_a_refused_training_leaves_a_folder_that_was_there(tmp_path, capfd):
    (tmp_path / "mine").mkdir()
    assert command("train", *SMALL, "--data", tmp_path / "none.npy", "--out", tmp_path / "mine") == 1
    assert (tmp_path / "mine").is_dir()
    assert command("train", *SMALL, "--data", tmp_path / "none.npy", "--out", tmp_path / "new/runs/1") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@fault("refused-command")
def test_one_who_made_the_folder_but_came_second_leaves_it(tmp_path):
    made = made_folders(tmp_path / "runs/001")
    with claimed(tmp_path / "runs/001") as claim:
        remove_made(made)
        assert claim.is_there()
    remove_made(made)
    assert not list(tmp_path.iterdir())


def test_what_was_written_is_never_removed(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "a/b/run") as claim:
        (claim.folder.parent / "notes").write_text("mine")
        raise ZeroDivisionError
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["notes"]


@fault("refused-command")
def test_a_folder_that_goes_while_it_is_claimed_is_made_again(tmp_path, monkeypatch):
    """Its maker was refused, and removes it between our opening and our locking it."""
    flock, calls = fcntl.flock, []

    def after_it_is_gone(handle, how):
        calls.append(handle)
        if len(calls) == 1:
            os.rmdir(tmp_path / "run")
        return flock(handle, how)

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(fcntl, "flock", after_it_is_gone)
    with claimed(tmp_path / "run") as claim:
        assert claim.is_there() and len(calls) == 2


@fault("file-systems")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_without_locks_a_run_is_not_protected_and_says_so(tmp_path, monkeypatch, capfd, number):
    """Lustre without -o flock, NFS without lockd, FUSE. What was made may be another's by now, and stays."""
    files.say_once.cache_clear()

    def flock(handle, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with claimed(tmp_path / "run"), claimed(tmp_path / "run"):
        pass
    reason = os.strerror(number)
    said = f"{tmp_path}/run cannot be locked ({reason}): see to it that no other process trains in it.\n"
    assert capfd.readouterr().err == said
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "another"):
        raise ZeroDivisionError
    assert (tmp_path / "another").is_dir()


@fault("file-systems")
@pytest.mark.skipif(sys.platform == "win32", reason="emulated elsewhere")
def test_neither_are_they_on_windows(tmp_path, monkeypatch, capfd):
    files.say_once.cache_clear()
    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.setattr(folders, "_opened", lambda path: None)
    with claimed(tmp_path / "run") as claim, folders.unfinished_folder(claim.folder) as new:
        assert claim.is_there() and new.is_dir()
    assert "cannot be locked (no flock on this system)" in capfd.readouterr().err


@fault("links")
def test_no_link_leads_out_of_a_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "user").symlink_to(tmp_path / "run")  # what the user names may be a link
    (tmp_path / "run/samples").symlink_to(tmp_path / "elsewhere")
    assert below(tmp_path / "user", "tensorboard", "epochs") == tmp_path / "user/tensorboard/epochs"
    for names in (("samples",), ("samples", "a")):
        with pytest.raises(OSError, match="run/samples is a link, and nothing is written through links"):
            below(tmp_path / "run", *names)
