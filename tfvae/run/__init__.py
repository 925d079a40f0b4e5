"""One training run from settings to a run folder: the main job behind `tfvae train`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfvae import datasets, training
from tfvae.distribution.team import Team, lost_workers_named
from tfvae.files import unfinished_of, write_json, writing, written_whole
from tfvae.hardware import versions
from tfvae.interruption import Interruption
from tfvae.models import GuardedModel
from tfvae.run import build, execution
from tfvae.run.checkpoints import Checkpoints
from tfvae.run.lock import locked
from tfvae.run.pictures import pictures, with_averages
from tfvae.run.reading import CHECKPOINTS, MODEL, REPORT, model_of
from tfvae.run.recorder import Recorder
from tfvae.run.report import BATCH, summary, test
from tfvae.run.start import start
from tfvae.settings import CONFIG, Settings

__all__ = ["CHECKPOINTS", "MODEL", "Checkpoints", "load_data", "model_of", "parts", "summary", "train"]

_MOST_VALIDATION = 5000  # images, if nothing is said
# What may change when a run goes on, or is said by what is saved beside it: which records were skipped by the data's
# fingerprint, the learning rate by the optimiser.
_NOT_IDENTITY = ("strategy", "bad_records", "learning_rate_batch")


def train(
    settings: Settings,
    folder: Path,
    interruption: Interruption | None = None,
    resume: bool = False,
    verbose: int = 1,
) -> dict[str, Any]:
    """Trains a model, measures it once on the test images and fills a run folder.

    The folder gets config.yaml, history.csv, checkpoints/, samples/, reconstructions/, latent_map/, manifold/ and
    latent_rates/ with a picture an epoch, model.keras and report.json.

    Where several processes train together all call this; the first one writes the folder, which the others have to be
    able to read. They have to agree in settings, versions, data and the checkpoint to go on from.

    Args:
        settings: what to train.
        folder: made here; must not hold anything yet, unless `resume`.
        interruption: entered by the caller, who is told of a stop by `Interrupted`.
        resume: go on from the newest checkpoint in the folder that is whole (from the start if there is none). The
            result is that of a run that was never interrupted, bit for bit. Where there are checkpoints and all are
            damaged, nothing is done: it would start over silently.
        verbose: as for `fit`.

    Returns:
        The report: the test figures by name, with their convention and the digest of the array they are about.

    Raises:
        FileExistsError: the folder exists and is not empty.
        ValueError: the settings do not fit the data, all checkpoints are damaged, the run began with other settings or
            data, or the workers were not started alike.
        OSError: the folder cannot be written, another process is training in it, another worker is gone, or a file or
            record is no image.
    """
    team = Team(settings.strategy)
    lost = "What was done since the last checkpoint is lost; start all again with --resume."
    with lost_workers_named(team, lost), contextlib.ExitStack() as held:
        team.agree({f"`{name}`": value for name, value in vars(settings).items()} | versions() | {"--resume": resume})
        interruption = interruption or Interruption()
        team.by_chief(lambda: held.enter_context(_held(folder, resume)))
        own = held.enter_context(team.own(folder))
        report = _train(settings, folder, own, interruption, resume, verbose, team)
        team.part()
        return report


@contextlib.contextmanager
def _held(folder: Path, resume: bool) -> Iterator[None]:
    """The run folder, made if missing; no other process may train in it meanwhile."""
    if not resume:
        _require_empty(folder)
    is_new = not folder.exists()
    with writing(f"The run folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder):
            if not resume:
                _require_empty(folder)  # another run may have been quicker
            yield
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):  # not empty: then something was saved
                folder.rmdir()
        raise


def _train(
    settings: Settings, folder: Path, own: Path, interruption: Interruption, resume: bool, verbose: int, team: Team
) -> dict[str, Any]:
    data = team.everyone(lambda: load_data(settings))
    if data.skipped and team.is_chief:
        print(datasets.listed(data.skipped), flush=True)
    with datasets.naming_bad_records(data.train, data.test):
        return _train_on(data, settings, folder, own, interruption, resume, verbose, team)


def _train_on(
    data: datasets.Dataset,
    settings: Settings,
    folder: Path,
    own: Path,
    interruption: Interruption,
    resume: bool,
    verbose: int,
    team: Team,
) -> dict[str, Any]:
    """Reads from the run folder and writes into this worker's `own`."""
    verbose = verbose if team.is_chief else 0
    images, validation = parts(data, settings)
    per_epoch = settings.passes * training.steps_per_epoch(len(images), settings.batch_size)
    checkpoints = Checkpoints(folder / CHECKPOINTS)
    if resume:
        team.by_chief(lambda: _set_damaged_aside(checkpoints))
    newest = checkpoints.newest()[0] if resume else None
    fingerprint = datasets.fingerprint(images)
    facts = {"the training images": fingerprint, "the test images": datasets.fingerprint(data.test)}
    team.agree(facts | {"the checkpoint": newest.path.name if newest else None})
    with team.scope():
        if newest:
            model, state = newest.load()
        else:
            model, state = _new_model(settings, images, per_epoch, verbose), None
    settings = execution.resolved(settings, model)
    if state is None:
        _write_settings(own, settings)
    # What must be the same when the run goes on.
    identity = {"settings": settings.as_yaml(without=_NOT_IDENTITY), "data": fingerprint}
    if state is not None:
        _require_same(identity, state["identity"])
        _say_other_replicas(team, state["identity"].get("replicas", "1"))
    recorder = Recorder(
        own, Checkpoints(own / CHECKPOINTS), per_epoch, interruption, identity | {"replicas": str(team.replicas)},
        settings.patience, state, team,
    )  # fmt: skip
    if not recorder.has_ended:
        drawing = pictures(own, model, settings, validation, data.class_names) if team.is_chief else []
        model.fit(
            images.batches(settings.batch_size, settings.seed, start=model.steps),
            initial_epoch=recorder.epoch,
            epochs=settings.epochs,
            steps_per_epoch=per_epoch,
            validation_data=validation.in_order(BATCH),
            shuffle=False,
            callbacks=[*with_averages(settings, drawing), recorder],
            verbose=verbose,
        )
    seconds = dict(zip(("training_seconds", "training_processor_seconds"), recorder.seconds, strict=True))
    if settings.patience is not None:
        team.wait()  # the chief may still be writing it
        with team.scope():
            model = _best(checkpoints, recorder)
    with written_whole(own / MODEL) as path:
        model.save(path)
    report = test(model, data) | seconds
    write_json(own / REPORT, report)
    return report


def _new_model(settings: Settings, images: Any, per_epoch: int, verbose: int) -> GuardedModel:
    """The model that training begins with, compiled."""
    model = build.model(settings, images.image_shape, per_epoch)
    start(model, settings, images)
    optimizer = build.optimizer(settings, per_epoch)
    choice = execution.choose(settings, model, optimizer, images, per_epoch)
    if verbose and settings.learning_rate_batch:
        print(
            f"Learning rate: {settings.learning_rate:g} for batches of {settings.learning_rate_batch}, so "
            f"{settings.scaled_learning_rate:.3g} for {settings.batch_size}",
            flush=True,
        )
    if verbose:
        print(f"Training steps: {choice}", flush=True)
    model.compile(optimizer, **choice.arguments)
    return model


def load_data(settings: Settings) -> datasets.Dataset:
    """The data that the settings name."""
    return datasets.load(
        settings.data, settings.image_size, settings.test_size, settings.seed, settings.data_dir, settings.bad_records
    )


def _require_empty(folder: Path) -> None:
    """Half a file of settings, the first that a run writes, is left by a kill, and of no worth."""
    if folder.exists() and (not folder.is_dir() or set(folder.iterdir()) - {unfinished_of(folder / CONFIG)}):
        raise FileExistsError(
            f"{folder} exists already and is not an empty folder; choose another with --out, or go on with --resume."
        )


def parts(data: datasets.Dataset, settings: Settings) -> tuple[Any, Any]:
    """The images to train on and those to validate on."""
    size = settings.validation_size or min(_MOST_VALIDATION, max(1, len(data.train) // 10))
    if size >= len(data.train):
        raise ValueError(f"`validation_size` must leave training images: below {len(data.train)}; received {size}.")
    images, validation = data.split_validation(size, settings.seed)
    return (images if settings.train_size is None else images.take_first(settings.train_size)), validation


def _write_settings(folder: Path, settings: Settings) -> None:
    with written_whole(folder / CONFIG) as path:
        path.write_text(settings.as_yaml(), encoding="utf-8")


def _require_same(identity: dict[str, str], before: dict[str, str]) -> None:
    for what, value in identity.items():
        if before[what] != value:
            raise ValueError(f"The {what} of this run have changed since its checkpoint was written; start a new run.")


def _say_other_replicas(team: Team, before: str) -> None:
    if team.is_chief and before != str(team.replicas):
        print(
            f"The checkpoint was written on {before} replicas; this run goes on with {team.replicas}: the same steps "
            "to rounding, but not bit for bit.",
            file=sys.stderr,
        )


def _set_damaged_aside(checkpoints: Checkpoints) -> None:
    """Renames damaged checkpoints.

    Raises:
        ValueError: all checkpoints are damaged.
    """
    newest, damaged = checkpoints.newest()
    if damaged and newest is None:
        names = ", ".join(each.path.name for each in damaged)
        raise ValueError(
            f"All checkpoints in {checkpoints.folder} are damaged: {names}; delete them to start this run anew."
        )
    for each in damaged:
        print(f"{each.path} is damaged and not used.")
        each.path.rename(each.path.with_suffix(".damaged"))  # lest it be taken for the one that is written again


def _best(checkpoints: Checkpoints, recorder: Recorder) -> GuardedModel:
    """The model of the best epoch, with its averaged weights if it has some."""
    assert recorder.best is not None
    best = checkpoints.at(recorder.best["step"])
    if best is None or not best.is_whole():
        raise OSError(f"The checkpoint of the best epoch, step {recorder.best['step']}, is damaged or missing.")
    model, _ = best.load()
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return model
