"""Files that hold no arrays, or claim or unpack to more than they may: one sentence at once, little memory."""

import os
import struct
import threading
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
import scipy.io

from faults import fault
from tfvae.datasets import array_files, load

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), np.uint8)
ZEROS = bytes(2**20)


def header(shape, descr="|u1", version=(1, 0)):
    """The beginning of a .npy file."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text


def bomb_in_archive(path):
    """Black images, a thousand times smaller in the file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("images.npy", "w") as member:
        member.write(header((200 * 2**10, 32, 32)))
        for _ in range(200):
            member.write(ZEROS)


def huge_header(path):
    path.write_bytes(header((10**6, 10**6, 3)) + bytes(1000))


def huge_header_in_archive(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header((10**6, 10**6, 3)) + bytes(1000))


def long_header(path):
    path.write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31))
    os.truncate(path, 3 * 2**30)


def sparse(path):
    """More than any machine has, in a file without blocks."""
    path.write_bytes(header((2**20, 2**11, 2**11)))
    os.truncate(path, 2**42 + 128)


def matlab(path, announced, parts):
    """A compressed variable that says `announced` bytes of itself."""
    deflate = zlib.compressobj(9)
    # Flags of uint8, two axes, the name `images`, and then the values.
    inside = struct.pack("<IIII", 6, 8, 9, 0) + struct.pack("<IIii", 5, 8, 8, 8) + struct.pack("<II", 1, 6)
    inside += b"images\0\0" + struct.pack("<II", 2, len(ZEROS) * parts)
    packed = deflate.compress(struct.pack("<II", 14, announced) + inside)
    packed += b"".join(deflate.compress(ZEROS) for _ in range(parts)) + deflate.flush()
    start = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    path.write_bytes(start + struct.pack("<II", 15, len(packed)) + packed)


HUGE = {
    "an archive of zeros": (
        ".npz",
        bomb_in_archive,
        r"`images` in bad.npz unpacks to 0.21 GB from 0.2\d MB, more than 200",
    ),
    "a header": (
        ".npy",
        huge_header,
        r"bad.npy is damaged or no .npy file: its header announces 3,000.00 GB, of which 0.",
    ),
    "a header in an archive": (
        ".npz",
        huge_header_in_archive,
        "bad.npz is damaged or no .npz file: its header announces 3",
    ),
    "a header without end": (".npy", long_header, "bad.npy is damaged or no .npy file: its header is too long"),
    "a sparse file": (
        ".npy",
        sparse,
        r"bad.npy takes 4,398.05 GB, more than the [\d.]+ GB of memory that this machine",
    ),
    "a variable of MATLAB": (
        ".mat",
        lambda path: matlab(path, 3 * 2**30, 300),
        r"A variable in bad.mat unpacks to 3.22 GB from 0.3\d MB, more than 200 times as much",
    ),
    "more than a variable of MATLAB announces": (
        ".mat",
        lambda path: matlab(path, 1000, 300),
        r"bad.mat is damaged or no .mat file: a variable announces 0.00 MB and unpacks to more",
    ),
}


@fault("huge")
@pytest.mark.parametrize("case", HUGE)
def test_what_is_too_large_is_refused_at_once(case, tmp_path):
    suffix, make, sentence = HUGE[case]
    path = tmp_path / f"bad{suffix}"
    make(path)
    np.savez(tmp_path / "good.npz", images=IMAGES)
    load(tmp_path / "good.npz")  # imports what reading takes
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, OSError), match=sentence) as caught:
            load(path)
        assert time.process_time() - start < 1
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


@fault("huge")
@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat"])
def test_pipes_and_devices_are_refused(suffix, tmp_path):
    pipe, device = tmp_path / f"pipe{suffix}", tmp_path / f"device{suffix}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for path in (pipe, device):
        refused = []
        thread = threading.Thread(target=lambda path=path, refused=refused: refused.append(reason(path)), daemon=True)
        thread.start()
        thread.join(timeout=5)
        assert refused == [f"{path} must be a regular file; received a pipe, a device or a socket."]


def reason(path):
    try:
        load(path)
    except OSError as error:
        return str(error)


@fault("huge")
def test_the_memory_that_is_left_is_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "memory_left", lambda: 1000)
    for suffix, save in ((".npy", np.save), (".npz", lambda path, images: np.savez(path, images=images))):
        save(tmp_path / f"data{suffix}", IMAGES)
        with pytest.raises(
            ValueError, match=r"takes 0.00 MB, more than the 0.00 MB of memory that this machine has left"
        ):
            load(tmp_path / f"data{suffix}")


def test_black_images_may_be_compressed(tmp_path):
    black = np.zeros((400, 100, 100), np.uint8)
    black[:, 0, 0] = 255
    for name, save in (("data.npz", np.savez_compressed), ("plain.npz", np.savez)):
        save(tmp_path / name, images=black)
    scipy.io.savemat(tmp_path / "data.mat", {"images": black}, do_compression=True)
    for name in ("data.npz", "plain.npz", "data.mat"):
        assert len(load(tmp_path / name).train) == 360


NO_ARRAYS = {
    "a pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "is a pointer of Git LFS.*`git lfs pull`",
    ),
    "a page": (b"<!DOCTYPE html><title>404</title>", "is a web page and not the data; download the file itself"),
    "a page after a line": (b"\n<html><body>Sign in</body></html>", "is a web page"),
    "an answer in XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is a web page"),
    "text": (b"1,2,3\n4,5,6\n", r"is damaged or no \.\w+ file"),
    "nothing": (b"", r"is damaged or no \.\w+ file"),
}


@fault("data-forms")
@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat"])
@pytest.mark.parametrize("case", NO_ARRAYS)
def test_files_that_are_no_arrays_are_called_what_they_are(case, suffix, tmp_path):
    content, sentence = NO_ARRAYS[case]
    (tmp_path / f"bad{suffix}").write_bytes(content)
    with pytest.raises(OSError, match=rf"bad{suffix} {sentence}") as caught:
        load(tmp_path / f"bad{suffix}")
    assert "Python objects" not in str(caught.value)
    assert "\n" not in str(caught.value)


@fault("huge")
def test_damaged_files_of_matlab_raise_nothing_else(tmp_path):
    """A hundred cuts and flipped bytes: whatever they hit, it is an array or a sentence."""
    path, generator = tmp_path / "data.mat", np.random.default_rng(0)
    scipy.io.savemat(path, {"images": IMAGES[..., 0], "labels": np.arange(30)}, do_compression=True)
    whole = path.read_bytes()
    for number in range(100):
        content = bytearray(whole[: generator.integers(1, len(whole))] if number % 2 else whole)
        content[generator.integers(len(content))] ^= 1 << generator.integers(8)
        path.write_bytes(content)
        try:
            load(path)
        except (ValueError, OSError) as error:
            assert "\n" not in str(error) or "damaged" in str(error)
