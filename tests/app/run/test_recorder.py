"""The best epoch and the share of skipped steps, where some figures are NaN."""

import csv
import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
import tiny
from faults import fault
from interruptions import After
from tfvae.app import run
from tfvae.app.interruption import Interrupted, Interruption
from tfvae.app.run import build
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.recorder import HISTORY, Recorder
from tfvae.app.settings import Settings
from tfvae.datasets import batches as training
from tfvae.training.guard import SkippedSteps

STEPS = 6


@keras.saving.register_keras_serializable("tests")
@dataclasses.dataclass(frozen=True)
class Broken(tfvae.ELBO):
    """An ELBO that is not finite in training steps 1, 2, 7, 8, 13, 14, ..."""

    def __call__(self, trace, step=None):
        scores = super().__call__(trace, step)
        if step is None:
            return scores
        bad = (step % STEPS == 1) | (step % STEPS == 2)
        return scores._replace(loss=scores.loss + tf.where(bad, np.nan, 0.0))


def recorder(folder, interruption, state=None, **more):
    return Recorder(folder, Checkpoints(folder / "checkpoints"), STEPS, interruption, {}, state=state, **more)


@fault("empty-average")
@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([math.nan, 3.0, 2.0, 2.5], 3),
        ([3.0, math.nan, 2.0, math.nan], 3),
        ([3.0, math.nan], 1),
        ([math.nan, math.nan], 1),
        ([math.nan, math.inf, 4.0], 3),
    ],
)
def test_an_epoch_without_figures_is_the_best_only_if_all_are(losses, best, tmp_path):
    kept = recorder(tmp_path, Interruption(), patience=2)
    kept.set_model(tiny.compiled(tiny.vae(kind="linear"), run_eagerly=True))
    for epoch, loss in enumerate(losses):
        kept.on_epoch_end(epoch, {"val_loss": loss})
    assert kept.best["epoch"] == best
    assert kept.has_ended == (len(losses) - best >= 2)


def trained(folder, interruption):
    """Trains two epochs from where the folder's newest checkpoint is."""
    folder.mkdir(exist_ok=True)
    newest, _ = Checkpoints(folder / "checkpoints").newest()
    if newest:
        model, state = newest.load()
    else:
        model, state = tiny.compiled(tiny.vae(kind="linear", objective=Broken()), run_eagerly=True), None
    own = recorder(folder, interruption, state)
    images = tiny.images(8 * STEPS)
    model.fit(
        training.batches(images, 8, seed=0, start=model.steps), initial_epoch=own.epoch, epochs=2, verbose=0,
        steps_per_epoch=STEPS, validation_data=(images[:8], None), shuffle=False, callbacks=[own],
    )  # fmt: skip


@fault("empty-average")
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::tfvae.training.guard.SkippedSteps")
@pytest.mark.parametrize("looks", [1, 3, 5, 6])
def test_the_share_of_skipped_steps_goes_on_in_the_middle_of_an_epoch(looks, tmp_path):
    """Before, among and behind the bad steps, and in the validation."""
    trained(tmp_path / "whole", Interruption())
    with pytest.raises(Interrupted):
        trained(tmp_path / "run", After(looks))
    trained(tmp_path / "run", Interruption())
    histories = [(tmp_path / name / HISTORY).read_bytes() for name in ("run", "whole")]
    assert histories[0] == histories[1]
    rows = list(csv.DictReader(histories[0].decode().splitlines()))
    assert [float(row["skipped"]) for row in rows] == [2 / STEPS] * 2


@fault("empty-average")
def test_a_run_says_how_many_steps_it_skipped(eagerly, tmp_path, monkeypatch, capfd, recwarn):
    model = build.model

    def broken(*args):
        made = model(*args)
        made.objective = Broken()
        return made

    monkeypatch.setattr(build, "model", broken)
    np.save(tmp_path / "images.npy", tiny.images(64))  # 40 to train on
    settings = Settings(
        data=str(tmp_path / "images.npy"), validation_size=16, test_size=8, batch_size=8, epochs=2, xla=False,
        model="vae(latent_size=1, network=mlp(2))",
    )  # fmt: skip
    report = run.train(settings, tmp_path / "run", verbose=0)
    assert (report["skipped_steps"], report["steps"]) == (4, 10)
    assert "4 of 10 training steps were skipped, because" in capfd.readouterr().out
    assert not [each for each in recwarn if each.category is SkippedSteps]  # said once
