"""One training run from settings to a run folder: the main job behind `tfvae train`."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from tfvae import datasets
from tfvae._support.files import written_whole
from tfvae._support.folders import Claim, below, claimed, remove_leftovers
from tfvae._support.hardware import versions
from tfvae._support.printing import say
from tfvae._support.seals import file_digest
from tfvae.app.interruption import Interruption
from tfvae.app.run import build, identity, resuming
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.data import fingerprints, load_data, naming_data, parts
from tfvae.app.run.folder import CHECKPOINTS, HISTORY, MODEL
from tfvae.app.run.pictures import curves, draw_missing, pictures, with_averages
from tfvae.app.run.place import Place, require_empty, require_outside
from tfvae.app.run.recorder import Recorder
from tfvae.app.run.testing import BATCH, test
from tfvae.app.run.training_report import CopiesSection, TrainingReport, write_report
from tfvae.app.settings import CONFIG, Settings, as_yaml
from tfvae.datasets import batches
from tfvae.models import GuardedModel
from tfvae.parallel.team import Team, lost_workers_named
from tfvae.training.guard import SkippedSteps


def train(
    settings: Settings, folder: Path, interruption: Interruption | None = None, resume: bool = False, verbose: int = 1
) -> TrainingReport:
    """Trains a model, measures it once on the test images and fills a run folder; see `Run.train`."""
    if not resume:
        require_outside(settings.data, folder)
    team = Team(settings.strategy)
    lost = "What was done since the last checkpoint is lost; start all again with --resume."
    with lost_workers_named(team, lost), contextlib.ExitStack() as held:
        team.agree({f"`{name}`": value for name, value in settings.flat().items()} | versions() | {"--resume": resume})
        interruption = interruption or Interruption()
        claim = team.by_chief(lambda: held.enter_context(_held(folder, resume)))
        claim = claim or held.enter_context(claimed(held.enter_context(team.own(folder))))
        data = team.everyone(lambda: _load(settings, folder if resume else None))
        if team.is_chief:
            say(*data.said)
        with datasets.naming_bad_records(data.train, data.test):
            report = _Work(settings, folder, claim, interruption, resume, verbose, team, data).done()
        team.part()
        return report


@contextlib.contextmanager
def _held(folder: Path, resume: bool) -> Iterator[Claim]:
    """The run folder, made if missing; no other process may train in it meanwhile."""
    if not resume:
        require_empty(folder)
    with claimed(folder) as claim:
        if not resume:
            require_empty(folder)  # another run may have been quicker
        for each in (folder, *(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())):
            remove_leftovers(each)
        yield claim


def _load(settings: Settings, resumed: Path | None) -> datasets.Dataset:
    with contextlib.nullcontext() if resumed is None else naming_data(settings, resumed):
        return load_data(settings)


@dataclasses.dataclass(frozen=True)
class _Work:
    """The training of a run, which reads from the run folder and writes into the one that this worker has claimed.

    Attributes:
        settings, folder, interruption, resume, verbose: see `Run.train`.
        claim: on the folder to write into.
        team: the processes and devices.
        data: the run's.
    """

    settings: Settings
    folder: Path
    claim: Claim
    interruption: Interruption
    resume: bool
    verbose: int
    team: Team
    data: datasets.Dataset

    @property
    def own(self) -> Path:
        """The folder to write into."""
        return self.claim.folder

    @property
    def said(self) -> int:
        """Keras' `verbose` of this worker."""
        return self.verbose if self.team.is_chief else 0

    @cached_property
    def parts(self) -> tuple[Any, Any]:
        """The images to train on and those to validate on."""
        return parts(self.data, self.settings)

    @cached_property
    def per_epoch(self) -> int:
        """Training steps of an epoch."""
        return self.settings.passes * batches.steps_per_epoch(len(self.parts[0]), self.settings.batch_size)

    def done(self) -> TrainingReport:
        """Trains, and returns the report that it wrote."""
        images, validation = self.parts
        copies = datasets.count_copies(images, validation, self.data.test)
        checkpoints = Checkpoints(below(self.folder, CHECKPOINTS))
        named = fingerprints(images, validation, self.data.test)
        newest = resuming.newest(checkpoints, named, self.team, self.resume)
        with self.team.scope():
            model, state = newest.load() if newest else (self._new_model(), None)
        settings = build.resolved(self.settings, model)
        if state is None and str(copies) and self.team.is_chief:
            say(str(copies))
        now = identity.identity_of(settings, named)
        if state is not None:
            resuming.require_same_run(state["identity"], settings, named, self.folder)
            resuming.say_other_replicas(self.team, state["identity"].get("replicas", "1"))
        if self.resume:
            resuming.require_own_model(self.folder / MODEL, now, state is not None)
        _write_settings(self.own, settings)  # also when the run goes on: its images may have been moved
        recorder = Recorder(
            self.own, Checkpoints(self.own / CHECKPOINTS), self.per_epoch, self.interruption,
            now._asdict() | {"replicas": str(self.team.replicas)}, settings.patience, state, self.team,
            Place(self.claim, CONFIG) if self.team.is_chief else None,
        )  # fmt: skip
        self._fit(model, settings, recorder)
        recorder.mend()
        seconds, processor_seconds = recorder.seconds
        if model.skipped_steps and self.team.is_chief:
            say(str(SkippedSteps(model.skipped_steps, model.steps)))
        figures = {
            "copies": CopiesSection.of(copies._asdict()), "training_seconds": seconds,
            "training_processor_seconds": processor_seconds, "skipped_steps": model.skipped_steps or None,
        }  # fmt: skip
        if settings.patience is not None:
            self.team.wait()  # the chief may still be writing it
            with self.team.scope():
                model = resuming.best(checkpoints, recorder.best)
        return self._finish(model, now, figures, recorder)

    def _new_model(self) -> GuardedModel:
        """The model that training begins with, compiled."""
        settings, images = self.settings, self.parts[0]
        model = build.model(settings, images.image_shape, self.per_epoch)
        build.start(model, settings, images)
        optimizer = build.optimizer(settings, self.per_epoch, model.adam)
        choice = build.choose(settings, model, optimizer, images, self.per_epoch)
        if self.said and settings.learning_rate_batch:
            say(
                f"Learning rate: {settings.learning_rate:g} for batches of {settings.learning_rate_batch}, so "
                f"{settings.scaled_learning_rate:.3g} for {settings.batch_size}"
            )
        if self.said:
            say(f"Training steps: {choice}")
        model.compile(optimizer, **choice.arguments)
        return model

    def _fit(self, model: GuardedModel, settings: Settings, recorder: Recorder) -> None:
        """Trains the rest of the epochs, after the pictures that an earlier process has left out."""
        images, validation = self.parts
        chief = self.team.is_chief
        drawing = pictures(self.own, model, settings, validation, self.data.class_names) if chief else []
        drawn = with_averages(settings, drawing)
        if recorder.epoch_is_whole:
            draw_missing(drawing, drawn, model, recorder.epoch)
        if recorder.has_ended:
            return
        before_saving = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: recorder.mend())
        guard = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: recorder.require_place())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SkippedSteps)  # the whole run's are said at its end
            model.fit(
                images.batches(settings.batch_size, settings.seed, start=model.steps),
                initial_epoch=recorder.epoch,
                epochs=settings.epochs,
                steps_per_epoch=self.per_epoch,
                validation_data=validation.in_order(BATCH),
                shuffle=False,
                # The checkpoint comes before the pictures; a run that goes on draws those that a kill has left out.
                callbacks=[
                    before_saving, *(curves(self.own, settings) if chief else []), recorder,
                    *(each for picture in drawn for each in (guard, picture)), recorder.after_pictures,
                ],
                verbose=self.said,
            )  # fmt: skip

    def _finish(
        self, model: GuardedModel, run: identity.Identity, figures: dict[str, Any], recorder: Recorder
    ) -> TrainingReport:
        """Writes the model with its identity, and the report, which is about this model and the history beside it."""
        recorder.require_place()  # making the best model took its time
        with written_whole(self.own / MODEL) as path:
            model.save(path)
            identity.write(path, run)
        report = test(model, self.data)
        recorder.require_place()
        history = self.own / HISTORY  # which a worker that resumes an ended run does not have
        digest = file_digest(history) if history.exists() else None
        report = dataclasses.replace(report, **figures, run_digest=run.digest, history_digest=digest)
        return write_report(report, self.own)


def _write_settings(folder: Path, settings: Settings) -> None:
    with written_whole(folder / CONFIG) as path:
        path.write_text(as_yaml(settings), encoding="utf-8")
