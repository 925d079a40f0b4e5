"""One training run from settings to a run folder: the main job behind `tfvae train`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from tfvae import datasets
from tfvae._support.files import is_leftover, write_json, written_whole
from tfvae._support.folders import Claim, below, claimed, remove_leftovers
from tfvae._support.hardware import versions
from tfvae._support.printing import say
from tfvae._support.seals import file_digest, seal
from tfvae._support.serialization import NewerVersionError
from tfvae.app.interruption import Interruption
from tfvae.app.run import build, identity
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.data import fingerprints, load_data, naming_data, parts
from tfvae.app.run.folder import CHECKPOINTS, MODEL, REPORT, model_of
from tfvae.app.run.pictures import curves, draw_missing, pictures, with_averages
from tfvae.app.run.place import Place
from tfvae.app.run.recorder import HISTORY, Recorder
from tfvae.app.run.report import BATCH, summary, test
from tfvae.app.settings import CONFIG, Settings, as_yaml
from tfvae.datasets import batches as training
from tfvae.models import GuardedModel
from tfvae.parallel.team import Team, lost_workers_named
from tfvae.training.guard import SkippedSteps

__all__ = ["CHECKPOINTS", "MODEL", "Checkpoints", "load_data", "model_of", "parts", "summary", "train"]


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
    if not resume:
        _require_outside(settings.data, folder)
    team = Team(settings.strategy)
    lost = "What was done since the last checkpoint is lost; start all again with --resume."
    with lost_workers_named(team, lost), contextlib.ExitStack() as held:
        team.agree({f"`{name}`": value for name, value in settings.flat().items()} | versions() | {"--resume": resume})
        interruption = interruption or Interruption()
        claim = team.by_chief(lambda: held.enter_context(_held(folder, resume)))
        claim = claim or held.enter_context(claimed(held.enter_context(team.own(folder))))
        report = _train(settings, folder, claim, interruption, resume, verbose, team)
        team.part()
        return report


@contextlib.contextmanager
def _held(folder: Path, resume: bool) -> Iterator[Claim]:
    """The run folder, made if missing; no other process may train in it meanwhile."""
    if not resume:
        _require_empty(folder)
    with claimed(folder) as claim:
        if not resume:
            _require_empty(folder)  # another run may have been quicker
        for each in (folder, *(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())):
            remove_leftovers(each)
        yield claim


def _train(
    settings: Settings, folder: Path, claim: Claim, interruption: Interruption, resume: bool, verbose: int, team: Team
) -> dict[str, Any]:
    data = team.everyone(lambda: _load(settings, folder if resume else None))
    if team.is_chief:
        say(*data.said)
    with datasets.naming_bad_records(data.train, data.test):
        return _train_on(data, settings, folder, claim, interruption, resume, verbose, team)


def _load(settings: Settings, resumed: Path | None) -> datasets.Dataset:
    with contextlib.nullcontext() if resumed is None else naming_data(settings, resumed):
        return load_data(settings)


def _train_on(
    data: datasets.Dataset,
    settings: Settings,
    folder: Path,
    claim: Claim,
    interruption: Interruption,
    resume: bool,
    verbose: int,
    team: Team,
) -> dict[str, Any]:
    """Reads from the run folder and writes into the one that this worker has claimed."""
    own = claim.folder
    verbose = verbose if team.is_chief else 0
    images, validation = parts(data, settings)
    copies = datasets.count_copies(images, validation, data.test)
    per_epoch = settings.passes * training.steps_per_epoch(len(images), settings.batch_size)
    checkpoints = Checkpoints(below(folder, CHECKPOINTS))
    if resume:
        team.by_chief(lambda: _set_damaged_aside(checkpoints))
    newest = checkpoints.newest()[0] if resume else None
    named = fingerprints(images, validation, data.test)
    team.agree(
        {**{f"the {name}": named[name] for name in named}, "the checkpoint": newest.path.name if newest else None}
    )
    with team.scope():
        if newest:
            model, state = newest.load()
        else:
            model, state = _new_model(settings, images, per_epoch, verbose), None
    settings = build.resolved(settings, model)
    if state is None and str(copies) and team.is_chief:
        say(str(copies))
    now = identity.identity_of(settings, named)
    if state is not None:
        _require_same_run(state["identity"], settings, named, folder)
        _say_other_replicas(team, state["identity"].get("replicas", "1"))
    if resume:
        _require_own_model(folder / MODEL, now, state is not None)
    _write_settings(own, settings)  # also when the run goes on: its images may have been moved
    recorder = Recorder(
        own, Checkpoints(own / CHECKPOINTS), per_epoch, interruption, now._asdict() | {"replicas": str(team.replicas)},
        settings.patience, state, team, Place(claim, CONFIG) if team.is_chief else None,
    )  # fmt: skip
    chief = team.is_chief
    drawing = pictures(own, model, settings, validation, data.class_names) if chief else []
    drawn = with_averages(settings, drawing)
    if recorder.epoch_is_whole:
        draw_missing(drawing, drawn, model, recorder.epoch)
    if not recorder.has_ended:
        before_saving = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: recorder.mend())
        guard = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: recorder.require_place())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SkippedSteps)  # the whole run's are said below
            model.fit(
                images.batches(settings.batch_size, settings.seed, start=model.steps),
                initial_epoch=recorder.epoch,
                epochs=settings.epochs,
                steps_per_epoch=per_epoch,
                validation_data=validation.in_order(BATCH),
                shuffle=False,
                # The checkpoint comes before the pictures; a run that goes on draws those that a kill has left out.
                callbacks=[
                    before_saving, *(curves(own, settings) if chief else []), recorder,
                    *(each for picture in drawn for each in (guard, picture)), recorder.after_pictures,
                ],
                verbose=verbose,
            )  # fmt: skip
    recorder.mend()
    figures: dict[str, Any] = {"copies": copies._asdict()}
    figures |= zip(("training_seconds", "training_processor_seconds"), recorder.seconds, strict=True)
    if model.skipped_steps:
        figures["skipped_steps"] = model.skipped_steps
        if chief:
            say(str(SkippedSteps(model.skipped_steps, model.steps)))
    if settings.patience is not None:
        team.wait()  # the chief may still be writing it
        with team.scope():
            model = _best(checkpoints, recorder)
    return _finish(model, data, own, now, figures, recorder)


def _finish(
    model: GuardedModel,
    data: datasets.Dataset,
    own: Path,
    run: identity.Identity,
    figures: dict[str, Any],
    recorder: Recorder,
) -> dict[str, Any]:
    """Writes the model with its identity, and the report, which is about this model and the history beside it."""
    recorder.require_place()  # making the best model took its time
    with written_whole(own / MODEL) as path:
        model.save(path)
        identity.write(path, run)
    report = test(model, data) | figures
    recorder.require_place()
    history = own / HISTORY  # which a worker that resumes an ended run does not have
    report |= {"run_digest": run.digest, "history_digest": file_digest(history) if history.exists() else None}
    report = seal(report)
    write_json(own / REPORT, report)
    return report


def _new_model(settings: Settings, images: Any, per_epoch: int, verbose: int) -> GuardedModel:
    """The model that training begins with, compiled."""
    model = build.model(settings, images.image_shape, per_epoch)
    build.start(model, settings, images)
    optimizer = build.optimizer(settings, per_epoch, model.adam)
    choice = build.choose(settings, model, optimizer, images, per_epoch)
    if verbose and settings.learning_rate_batch:
        say(
            f"Learning rate: {settings.learning_rate:g} for batches of {settings.learning_rate_batch}, so "
            f"{settings.scaled_learning_rate:.3g} for {settings.batch_size}"
        )
    if verbose:
        say(f"Training steps: {choice}")
    model.compile(optimizer, **choice.arguments)
    return model


def _require_empty(folder: Path) -> None:
    """A file that a killed process left unfinished is of no worth."""
    if folder.exists() and not (folder.is_dir() and all(is_leftover(each) for each in folder.iterdir())):
        raise FileExistsError(
            f"{folder} exists already and is not an empty folder; choose another with --out, or go on with --resume."
        )


def _require_outside(data: str, folder: Path) -> None:
    """A run's pictures would be images of the data from then on."""
    if data not in ("", "mnist") and Path(data).is_dir() and folder.resolve().is_relative_to(Path(data).resolve()):
        raise ValueError(
            f"The run folder must not lie in the folder of the images, {data}, where its pictures would be taken for "
            f"images; received {folder}. Choose another --out."
        )


def _write_settings(folder: Path, settings: Settings) -> None:
    with written_whole(folder / CONFIG) as path:
        path.write_text(as_yaml(settings), encoding="utf-8")


def _require_same_run(kept: dict[str, Any], settings: Settings, images: dict[str, str | None], folder: Path) -> None:
    before = identity.from_json(kept)
    before.require_settings(settings, folder)
    before.require_images(images, folder, settings.data)


def _require_own_model(file: Path, run: identity.Identity, goes_on: bool) -> None:
    """The end of a run replaces this file, which may be all that is left of a run that has ended, or of another run."""
    if not file.exists():
        return
    if not goes_on:
        raise ValueError(
            f"{file} is there and no checkpoint: nothing is left to go on from, and training anew would replace it. "
            "Move it away, or choose another --out."
        )
    try:
        kept = identity.read(file)
    except NewerVersionError:
        raise
    except ValueError:  # a damaged one is written again
        return
    if kept and (run.settings | kept.compared, run.images | kept.images) != (run.settings, run.images):
        raise ValueError(f"{file} is of another run than the checkpoints beside it and would be replaced; move it.")


def _say_other_replicas(team: Team, before: str) -> None:
    if team.is_chief and before != str(team.replicas):
        say(
            f"The checkpoint was written on {before} replicas; this run goes on with {team.replicas}: the same steps "
            "to rounding, but not bit for bit.",
            err=True,
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
        say(f"{each.path} is damaged and not used.")
        each.path.rename(each.path.with_suffix(".damaged"))  # lest it be taken for the one that is written again


def _best(checkpoints: Checkpoints, recorder: Recorder) -> GuardedModel:
    """The model of the best epoch, with its averaged weights if it has some."""
    if recorder.best is None:
        raise OSError("The checkpoint of the best epoch was deleted with the run folder; train the run again.")
    best = checkpoints.at(recorder.best["step"])
    if best is None or not best.is_whole():
        raise OSError(f"The checkpoint of the best epoch, step {recorder.best['step']}, is damaged or missing.")
    model, _ = best.load()
    model.optimizer.finalize_variable_values(model.trainable_weights)
    return model
