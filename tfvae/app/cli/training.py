"""The command `train`, which has an option for each of the settings."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import shlex
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tfvae._support.folders import below, made_folders, remove_made
from tfvae._support.printing import say
from tfvae.app.cli.common import is_chief, quiet_import
from tfvae.app.interruption import EXIT_CODE, Interrupted, Interruption
from tfvae.app.settings import CONFIG, Settings, read_yaml, settings_of
from tfvae.parallel import cluster

_RUNS = Path("runs")


def train(context: typer.Context, **options: Any) -> None:
    """Train a VAE and measure it once on the test images.

    Encoder q(z|x) and decoder p(x|z) are distributions made by networks, the prior is N(0, I), and training maximises
    the ELBO, E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x).

    The run folder gets the settings, the history, checkpoints, pictures of samples, reconstructions and the latent
    space for each epoch, and the model as a .keras file. Ctrl-C saves; `tfvae train --out RUN --resume` goes on.
    """
    sources = {name: context.get_parameter_source(name) for name in options}
    given = {name: value for name, value in options.items() if (source := sources[name]) and source.name != "DEFAULT"}
    out, config, resume, seeds = (given.pop(name, None) for name in ("out", "config", "resume", "seeds"))
    wanted = read_yaml(config) if config else {}
    if given.get("xla") is False:
        wanted.pop("steps_per_execution", None)  # what a run with XLA has kept
    wanted |= given
    if out is None and cluster.is_joined(wanted.get("strategy", "auto")):
        raise ValueError("`--out` must be given where several processes train together: a folder that all of them see.")
    if seeds is None and context.args:
        raise ValueError(f"`tfvae train` takes options only; received {' '.join(context.args)}.")
    if seeds is not None and "seed" in wanted:
        raise ValueError("`--seed` and `--seeds` cannot be given both.")
    with contextlib.ExitStack() as stack:
        folder = out or (_newest(_RUNS) if resume else None)
        if seeds is None:
            settings = _unchanged_settings(folder, wanted) if resume and folder else Settings(**wanted)
            folder = folder or stack.enter_context(_next_free(_RUNS))
            _train(settings, folder, bool(resume), shlex.join(["tfvae", "train", "--out", str(folder), "--resume"]))
        else:
            numbers = _numbers([seeds, *context.args])
            _train_seeds(numbers, folder or stack.enter_context(_next_free(_RUNS)), wanted, bool(resume))


def _train_seeds(numbers: list[int], folder: Path, wanted: dict[str, Any], resume: bool) -> None:
    """Trains one run for each seed, or goes on with those that are there."""
    again = shlex.join(["tfvae", "train", "--out", str(folder), "--resume", "--seeds", *map(str, numbers)])
    for seed in numbers:  # what is wrong with the last one is said before the first one is trained
        Settings(seed=seed)
        if not resume and (there := below(folder, f"seed-{seed}") / CONFIG).exists():
            raise FileExistsError(f"{there.parent} has a run already; choose another --out, or go on with --resume.")
    for seed in numbers:
        run_folder = below(folder, f"seed-{seed}")
        has_begun = resume and (run_folder / CONFIG).exists()
        if has_begun:
            settings = _unchanged_settings(run_folder, wanted)
        else:
            settings = Settings(**{**(_of_siblings(folder) if resume else {}), **wanted, "seed": seed})
        _train(settings, run_folder, has_begun, again)
    say(f"Measure each with tfvae evaluate, then: tfvae compare {folder}/seed-*")


def _train(settings: Settings, folder: Path, resume: bool, again: str) -> None:
    """Trains one run, or goes on with it; `again` is the command that goes on after an interruption."""
    with Interruption() as interruption:
        with quiet_import():
            from tfvae._support import devices
            from tfvae.app import run

            devices.grow_memory()
        try:
            report = run.train(settings, folder, interruption, resume, verbose=1 if sys.stdout.isatty() else 2)
        except Interrupted:
            say("", f"Interrupted; everything is saved. Go on: {again}", err=True)
            raise typer.Exit(EXIT_CODE) from None
    if is_chief(settings.strategy):
        say(f"Run folder: {folder}")
        say(*run.summary(report).split("\n"))


def _numbers(texts: list[str]) -> list[int]:
    """The seeds of `--seeds 0 1 2`, or of `--seeds 0,1,2`."""
    try:
        numbers = [int(each) for text in texts for each in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"`--seeds` must be different integers, such as 0 1 2; received {' '.join(texts)}.")
    return numbers


def _of_siblings(folder: Path) -> dict[str, Any]:
    """The settings of a run of another seed, for one that has not begun."""
    for config in sorted(folder.glob(f"seed-*/{CONFIG}")):
        settings_of(config.parent)  # what is wrong with them is said before TensorFlow is imported
        with quiet_import():
            from tfvae.app.run.folder import run_of
        return vars(run_of(config.parent).settings)
    return {}


def _train_signature() -> inspect.Signature:
    """The parameters of `train`: its own, then one for each setting."""

    def option(name: str, kind: Any, default: Any, text: str, **more: Any) -> inspect.Parameter:
        shown = typer.Option(help=text, **more)
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, shown]
        )

    parameters = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        option("out", Path | None, None, "Folder for the run; made new. [default: runs/001 or the next free number]"),
        option(
            "resume",
            bool,
            False,
            "Go on with the run in --out (the newest one if not given); settings may be left out.",
        ),
        option(
            "seeds",
            str | None,
            None,
            "Train one run for each of these seeds, such as 0 1 2, in sub-folders seed-0, seed-1, ... of --out.",
            metavar="SEED ...",
        ),
        option("config", Path | None, None, "YAML file with any of the settings below; options given here win."),
    ]
    types = typing.get_type_hints(Settings)
    for field in dataclasses.fields(Settings):
        # What has a form of its own comes as text, and Settings reads it.
        kind = types[field.name] if field.metadata["read"] is None else str
        plain = isinstance(field.default, (int, float, str))
        default = field.default if plain else None if kind is not str else ""
        parameters.append(
            option(field.name, kind, default, field.metadata["help"], show_default=plain and default is not False)
        )
    return inspect.Signature(parameters)


train.__signature__ = _train_signature()  # type: ignore[attr-defined]


def _unchanged_settings(folder: Path, wanted: dict[str, Any]) -> Settings:
    """The settings of a run that is to go on, which those that are given now must not change."""
    settings = settings_of(folder)
    # On which devices a run goes on is not what it is.
    settings = dataclasses.replace(settings, strategy=wanted.get("strategy", settings.strategy))
    # Nor where its data are: `train` knows them by their fingerprints.
    settings = settings.with_data_at(wanted.get("data"), wanted.get("data_dir"))
    changed = dataclasses.replace(settings, **wanted).differences(settings)
    if changed:
        changes = ", ".join(f"{name} {old} (now {new})" for name, (new, old) in changed.items())
        raise ValueError(f"The run in {folder} has other settings: {changes}. Start a new run to change them.")
    return settings


def _newest(folder: Path) -> Path:
    numbered = _numbered(folder)
    if not numbered:
        raise FileNotFoundError(f"There is no run in {folder} to resume; name one with --out.")
    return max(numbered, key=lambda each: int(each.name))


def _numbered(folder: Path) -> list[Path]:
    return [each for each in folder.glob("*") if each.name.isdecimal()] if folder.is_dir() else []


@contextlib.contextmanager
def _next_free(folder: Path) -> Iterator[Path]:
    """A new folder with the next free number, made at once, so that two runs that start together get two.

    If the block fails before anything was written, what was made is removed.
    """
    made: list[Path] = []
    free = folder
    while free not in made:  # another process may be quicker
        free = folder / f"{max((int(each.name) for each in _numbered(folder)), default=0) + 1:03d}"
        made += made_folders(free)
    try:
        yield free
    except BaseException:
        remove_made(made)
        raise
