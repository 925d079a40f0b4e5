"""A run that was interrupted anywhere and taken up again equals one that was not, bit for bit."""

import csv
import dataclasses
import errno
import os
import shutil
import zipfile

import numpy as np
import pytest
from tensorflow_datasets.core.features import Image

import prepared
import tfvae
import tiny
from faults import fault
from interruptions import After
from resumed import SMALL, assert_same_run
from tfvae._support.folders import claimed
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.place import require_empty
from tfvae.callbacks import LatentRates
from tfvae.datasets import tfds
from tiers import first, slow


@pytest.fixture(scope="module")
def dense(small):
    """Two steps an XLA program, and 8 programs an epoch."""
    return dataclasses.replace(
        small, epochs=2, train_size=160, averaging=None, clip=100.0, xla=True, steps_per_execution=2
    )


@pytest.fixture(scope="module")
def convolutions(small):
    return dataclasses.replace(small.with_options(network="conv(2, 2)"), epochs=2)


@pytest.fixture(scope="module")
def cut(small, tmp_path_factory):
    """A run that was stopped in the validation of its first epoch; a test may go on with a copy."""
    folder = tmp_path_factory.mktemp("cut") / "run"
    stopped_at(folder, small, 14)
    return folder


def stopped_at(folder, settings, looks):
    with pytest.raises(Interrupted):
        run.train(settings, folder, After(looks), verbose=0)


@pytest.mark.parametrize("looks", [14, *map(slow, (0, 13, 15, 20))])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(small, whole, cut, tmp_path, looks):
    """Looks 0 to 13 fall between executions of the first epoch, 14 into its validation, 15 behind its pictures."""
    folder = tmp_path / "run"
    if looks == 14:
        shutil.copytree(cut, folder)
    else:
        stopped_at(folder, small, looks)
    run.train(small, folder, resume=True, verbose=0)
    assert_same_run(folder, whole)


@pytest.mark.slow
@pytest.mark.parametrize("looks", first(1, [5, 0, 8, 9]))
def test_an_interrupted_dense_run_goes_on_too(dense, tmp_path, looks):
    run.train(dense, tmp_path / "whole", verbose=0)
    stopped_at(tmp_path / "run", dense, looks)
    run.train(dense, tmp_path / "run", resume=True, verbose=0)
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("network", first(1, ["conv", "mlp"]))
def test_an_interrupted_run_in_half_precision_goes_on_too(dense, convolutions, tmp_path, network, precision):
    """In float16 the scale of the loss goes on from where it was; it falls in the first steps."""
    settings = convolutions if network == "conv" else dense.with_options(objective="iwae(samples=3)")
    settings = dataclasses.replace(settings, precision=precision)
    run.train(settings, tmp_path / "whole", verbose=0)
    stopped_at(tmp_path / "run", settings, 20 if network == "conv" else 12)
    run.train(settings, tmp_path / "run", resume=True, verbose=0)
    assert_same_run(tmp_path / "run", tmp_path / "whole")
    if precision == "float16":
        optimizer = tfvae.load(tmp_path / "run" / run.MODEL).optimizer
        assert 2.0**-10 < float(optimizer.dynamic_scale.value) < optimizer.initial_scale


@pytest.mark.slow
@pytest.mark.parametrize("limit", first(1, [0, 2**30]))
def test_an_interrupted_run_on_a_tensorflow_dataset_goes_on_too(tmp_path, monkeypatch, limit):
    """Streamed from the disk and in memory, with interruptions in the middle of an epoch."""
    examples = [{"image": image} for image in tiny.images(290)]
    parts = {"train": examples[:260], "test": examples[260:]}
    prepared.dataset(tmp_path, "discs", {"image": Image(shape=(8, 8, 1))}, parts, shards=4)
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", limit)
    settings = dataclasses.replace(SMALL, data="tfds:discs", data_dir=str(tmp_path))
    run.train(settings, tmp_path / "whole", verbose=0)
    for times in range(2):
        with pytest.raises(Interrupted):
            run.train(settings, tmp_path / "run", After(20), resume=times > 0, verbose=0)
    run.train(settings, tmp_path / "run", resume=True, verbose=0)
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
def test_a_run_interrupted_again_and_again(small, whole, tmp_path):
    """At its first step, behind the pictures of its first epoch, and then in the middle of an epoch."""
    folder = tmp_path / "run"
    for times, looks in enumerate((0, 14, 12)):
        with pytest.raises(Interrupted):
            run.train(small, folder, After(looks), resume=times > 0, verbose=0)
    run.train(small, folder, resume=True, verbose=0)
    assert_same_run(folder, whole)


@fault("pictures")
@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 3])
def test_an_end_amid_the_pictures_loses_no_step(small, whole, tmp_path, monkeypatch, epoch):
    """The checkpoint comes before them, and they are drawn when the run goes on; also those of the last epoch."""
    folder, draw, drawn = tmp_path / "run", LatentRates.draw, []

    def ended(self):
        drawn.append(self.model.steps)
        if len(drawn) == epoch:
            raise KeyboardInterrupt
        return draw(self)

    monkeypatch.setattr(LatentRates, "draw", ended)
    with pytest.raises(KeyboardInterrupt):
        run.train(small, folder, verbose=0)
    newest, _ = Checkpoints(folder / run.CHECKPOINTS).newest()
    assert newest.step == 15 * epoch == drawn[-1]
    assert not (folder / f"latent_rates/latent_rates-epoch-00{epoch}.png").exists()
    monkeypatch.undo()
    run.train(small, folder, resume=True, verbose=0)
    assert_same_run(folder, whole)


@fault("pictures")
@pytest.mark.slow
def test_a_picture_that_cannot_be_drawn_leaves_the_rest_of_the_run_as_it_is(
    small, whole, tmp_path, monkeypatch, capsys
):
    def fail(self):
        raise RuntimeError("latex was not found")

    monkeypatch.setattr(LatentRates, "draw", fail)
    run.train(small, tmp_path / "run", verbose=0)
    assert capsys.readouterr().err.splitlines() == [
        "Warning: the picture latent_rates of epoch 1 could not be drawn (RuntimeError: latex was not found); training "
        "goes on."
    ]
    monkeypatch.undo()
    assert not list((tmp_path / "run/latent_rates").iterdir())
    shutil.copytree(whole / "latent_rates", tmp_path / "run/latent_rates", dirs_exist_ok=True)
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(small, whole, tmp_path, capsys):
    folder = tmp_path / "run"
    stopped_at(folder, small, 2 * 15 + 5)
    newest = Checkpoints(folder / run.CHECKPOINTS).all()[-1]
    content = bytearray(newest.path.read_bytes())
    content[len(content) // 2] ^= 1
    newest.path.write_bytes(content)
    run.train(small, folder, resume=True, verbose=0)
    assert f"{newest.path} is damaged and not used." in capsys.readouterr().out
    newest.path.with_suffix(".damaged").unlink()
    assert_same_run(folder, whole)


@pytest.mark.slow
def test_a_damaged_checkpoint_of_the_best_epoch_is_written_again(small, tmp_path):
    """Its namesake of the same step must not be taken for it."""
    settings = dataclasses.replace(small, patience=3)
    run.train(settings, tmp_path / "whole", verbose=0)
    shutil.copytree(tmp_path / "whole", tmp_path / "run")
    newest = Checkpoints(tmp_path / "run" / run.CHECKPOINTS).all()[-1]
    newest.path.write_bytes(newest.path.read_bytes()[:-1])
    run.train(settings, tmp_path / "run", resume=True, verbose=0)
    assert not newest.path.exists()
    newest.path.with_suffix(".damaged").unlink()
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_other_data_or_an_edited_configuration_are_refused(small, cut, tmp_path):
    settings = dataclasses.replace(small, data=str(shutil.copy(small.data, tmp_path / "data.npy")))
    shutil.copytree(cut, tmp_path / "run")
    with pytest.raises(ValueError, match="are not those that its model was trained with: `latent_size` is 3, not 1"):
        run.train(settings.with_options(latent_size=3), tmp_path / "run", resume=True, verbose=0)
    np.save(tmp_path / "data.npy", np.zeros((250, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="holds other training images, validation images, test images than"):
        run.train(settings, tmp_path / "run", resume=True, verbose=0)


def test_half_a_file_is_nothing_and_anything_else_is_something(tmp_path):
    (tmp_path / ".tfvae-0123456789abcdef.unfinished.yaml").write_text("epo")
    require_empty(tmp_path)
    (tmp_path / "history.csv").write_text("")
    with pytest.raises(FileExistsError, match="is not an empty folder"):
        require_empty(tmp_path)


def test_two_processes_cannot_train_in_one_folder(small, cut, tmp_path):
    shutil.copytree(cut, tmp_path / "run")
    with claimed(tmp_path / "run"), pytest.raises(OSError, match="Another process is training in"):
        run.train(small, tmp_path / "run", resume=True, verbose=0)
    with claimed(tmp_path / "run"):  # it was let go
        pass


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_the_last_checkpoint_survives(small, whole, tmp_path, monkeypatch):
    folder, write, written = tmp_path / "run", zipfile.ZipFile.writestr, []

    def full(self, name, content, *arguments, **options):
        if name == "training.json":
            written.append(name)
            if len(written) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, name, content, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match=r"A checkpoint in .* cannot be written: No space left on device\."):
        run.train(small, folder, verbose=0)
    (only,) = (folder / run.CHECKPOINTS).iterdir()
    assert only.name.startswith("step-000000015-")
    monkeypatch.undo()
    run.train(small, folder, resume=True, verbose=0)
    assert_same_run(folder, whole)


@pytest.mark.slow
def test_patience_stops_the_run_and_keeps_the_best_weights(small, tmp_path):
    """A huge step size makes the loss worse after some time."""
    settings = dataclasses.replace(
        small.with_options(objective="elbo"), epochs=12, learning_rate=0.3, schedule="constant", patience=2
    )
    run.train(settings, tmp_path / "run", verbose=0)
    rows = list(csv.DictReader((tmp_path / "run/history.csv").open()))
    losses = [float(row["val_loss"]) for row in rows]
    best = min(range(len(losses)), key=losses.__getitem__)
    assert len(losses) == best + 1 + settings.patience < settings.epochs
    data = run.load_data(settings)
    _, validation = data.split_validation(settings.validation_size, settings.seed)
    loss = tfvae.load(tmp_path / "run" / run.MODEL).evaluate(validation.images, batch_size=500, return_dict=True)[
        "loss"
    ]
    assert loss == pytest.approx(losses[best], rel=1e-5)


def test_the_last_and_the_best_checkpoints_are_kept(whole):
    steps = [checkpoint.step for checkpoint in Checkpoints(whole / run.CHECKPOINTS).all()]
    assert steps[-2:] == [30, 45]
    assert len(steps) <= 3
