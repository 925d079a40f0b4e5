"""A model that is loaded where Keras cannot write the copy that it makes: the sentence says so."""

import errno
import os
import tempfile

import pytest

import tfvae
import tiny
from faults import fault


@fault("messages")
@pytest.mark.parametrize("code", [errno.EFBIG, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_temporary_copy_that_cannot_be_written_is_named(code, tmp_path, monkeypatch):
    tiny.vae().save(tmp_path / "model.keras")

    def full(*arguments, **options):
        raise OSError(code, os.strerror(code))

    for name in ("mkdtemp", "TemporaryDirectory"):
        monkeypatch.setattr(tempfile, name, full)
    sentence = f"cannot be loaded: a temporary copy of it cannot be written: {os.strerror(code)}. Make room, or set "
    with pytest.raises(ValueError, match=sentence):
        tfvae.load(tmp_path / "model.keras")
