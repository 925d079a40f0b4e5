"""The commands `train` and `models`: a sub-command for each recipe, with its options and those of every run."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from tfvae._support.folders import below, made_folders, remove_made
from tfvae._support.printing import say
from tfvae.app.cli.command import Command, help_of, option
from tfvae.app.cli.common import is_chief, start_tensorflow
from tfvae.app.interruption import EXIT_CODE, Interrupted, Interruption
from tfvae.app.run import Run
from tfvae.app.run import summary as report_words
from tfvae.app.settings import CONFIG, GROUPS, Settings, read_yaml, settings_of
from tfvae.app.settings.settings import fields
from tfvae.parallel import cluster
from tfvae.recipes import RECIPES
from tfvae.recipes.options import options, summary
from tfvae.recipes.parts import KINDS

_RUNS = Path("runs")
_DEFAULT = "vae"
_HELP = """Train a model and measure it once on the test images.

`tfvae train` alone trains the default VAE; `tfvae train RECIPE` another model, whose options are shown by
`tfvae train RECIPE --help`; a recipe of your own is named as package.module:function.

The run folder gets the settings, the history, checkpoints, pictures for each epoch and the model as a .keras file.
Ctrl-C saves; `tfvae train --out RUN --resume` goes on."""


class Train(click.Group):
    """Recipes as sub-commands; without one, the default VAE."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h")):
            ctx.obj, args = "implicit", [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name.replace("_", "-") for name in RECIPES.names()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        return _recipe_command(name if ":" in name else name.replace("-", "_"))


train = Train("train", help=_HELP, short_help="Train a model and measure it once on the test images.")


def models() -> None:
    """List the models that can be trained."""
    width = max(map(len, RECIPES.names()))
    for name in RECIPES.names():
        say(f"{name.replace('_', '-'):{width}}  {summary(RECIPES.function(name))}")
    say("`tfvae train MODEL --help` shows the options of one.")


def _recipe_command(recipe: str) -> click.Command:
    """The command that trains one recipe."""
    function = RECIPES.function(recipe)
    own, of_runs = options(function), fields()
    clash = sorted(own.keys() & of_runs.keys())
    if clash:
        raise ValueError(f"The recipe {recipe!r} has the option `{clash[0]}`, which every run has; rename it.")
    params = [
        click.Option(["--out"], type=click.Path(path_type=Path), metavar="FOLDER", help=_OUT),
        click.Option(["--resume"], is_flag=True, help=_RESUME),
        click.Option(["--seeds"], metavar="SEED ...", help=_SEEDS),
        click.Option(["--config"], type=click.Path(path_type=Path), metavar="FILE", help=_CONFIG),
        *(option(each) for each in own.values()),
        *(option(each, hidden=_is_for_others(name, function)) for name, each in of_runs.items() if name != "model"),
    ]
    groups = {
        "Run": ("out", "resume", "seeds", "config", "help"),
        "Data": tuple(field.name for field in dataclasses.fields(GROUPS[0])),
        "Model": tuple(own),
        "Training": tuple(field.name for field in dataclasses.fields(GROUPS[1])),
        "Machine": tuple(field.name for field in dataclasses.fields(GROUPS[2])),
    }

    @click.pass_context
    def run(
        ctx: click.Context, out: Path | None, resume: bool, seeds: str | None, config: Path | None, **given: Any
    ) -> None:
        given = {name: value for name, value in given.items() if value is not None}
        mine = {name: given.pop(name) for name in own if name in given}
        named = None if ctx.obj == "implicit" else recipe
        _run(ctx, _wanted(named, mine, given, config), out, resume, seeds)

    extra = {"allow_extra_args": True}  # the numbers after --seeds
    return Command(
        recipe, callback=run, params=params, help=help_of(function), short_help=summary(function), groups=groups,
        elsewhere=_elsewhere, context_settings=extra,
    )  # fmt: skip


_NOT_FOR = {"start_at_mean": ("Autoencoder", "Density", "GAN", "MaskedAutoencoder"), "patience": ("GAN",)}


def _is_for_others(setting: str, recipe: Callable[..., Any]) -> bool:
    """Whether a setting is of no use to the models that a recipe returns, so that its help need not be read."""
    return inspect.signature(recipe).return_annotation in _NOT_FOR.get(setting, ())


def _elsewhere(name: str) -> str:
    """Where an option is that the recipe at hand has not: in other recipes, or in parts. Empty if nowhere."""
    recipes = [each.replace("_", "-") for each in RECIPES.names() if name in options(RECIPES.function(each))]
    parts = [
        f'--{kind.word} "{part}({name}=...)"'
        for kind in KINDS
        for part in kind.names()
        if name in options(kind.function(part))
    ]
    of_models = [f"Models with it: {', '.join(recipes)}."] if recipes else []
    of_parts = [f"Parts with it: {', '.join(parts)}."] if parts else []
    return " ".join(of_models + of_parts)


_OUT = "Folder for the run; made new. [default: runs/001 or the next free number]"
_RESUME = "Go on with the run in --out (the newest one if not given); settings may be left out."
_SEEDS = "Train one run for each of these seeds, such as 0 1 2, in sub-folders seed-0, seed-1, ... of --out."
_CONFIG = "YAML file with any of the settings; options given here win."


def _wanted(recipe: str | None, mine: dict[str, Any], given: dict[str, Any], config: Path | None) -> dict[str, Any]:
    """Settings from the file, changed by those of the command line.

    The model is what changes of it: `{"name": a recipe or None, "options": those given}`.
    """
    wanted = read_yaml(config) if config else {}
    if given.get("xla") is False:
        wanted.pop("steps_per_execution", None)  # kept by a run with XLA
    model = wanted.pop("model", None)
    if model is not None and recipe in (None, model.name):
        recipe, mine = model.name, {**model.options, **mine}
    return wanted | given | {"model": (recipe, mine)}


def _settings(wanted: dict[str, Any], before: Settings | None = None) -> Settings:
    """The settings that are wanted; where they say nothing, those of before or the defaults."""
    recipe, mine = wanted["model"]
    others = {name: value for name, value in wanted.items() if name != "model"}
    if before is None:
        return Settings(model={recipe or _DEFAULT: mine}, **others)
    same = recipe in (None, before.model.name)
    model = {before.model.name: {**before.model.options, **mine}} if same else {recipe: mine}
    return dataclasses.replace(before, model=model, **others)


def _run(ctx: click.Context, wanted: dict[str, Any], out: Path | None, resume: bool, seeds: str | None) -> None:
    if out is None and cluster.is_joined(wanted.get("strategy", "auto")):
        raise ValueError("`--out` must be given where several processes train together: a folder that all of them see.")
    if ctx.obj == "implicit" and ctx.args and ctx.args[0].replace("-", "_") in RECIPES.names():
        raise ValueError(f"The model comes first, its options after it: `tfvae train {ctx.args[0]} ...`.")
    if seeds is None and ctx.args:
        raise ValueError(f"`tfvae train` takes options only; received {' '.join(ctx.args)}.")
    if seeds is not None and "seed" in wanted:
        raise ValueError("`--seed` and `--seeds` cannot be given both.")
    with contextlib.ExitStack() as stack:
        folder = out or (_newest(_RUNS) if resume else None)
        if seeds is None:
            settings = _unchanged_settings(folder, wanted) if resume and folder else _settings(wanted)
            folder = folder or stack.enter_context(_next_free(_RUNS))
            _train(settings, folder, resume, _going_on(settings.model.name, folder))
        else:
            numbers = _numbers([seeds, *ctx.args])
            _train_seeds(numbers, folder or stack.enter_context(_next_free(_RUNS)), wanted, resume)


def _train_seeds(numbers: list[int], folder: Path, wanted: dict[str, Any], resume: bool) -> None:
    """Trains one run for each seed, or goes on with those that are there."""
    again = _going_on(wanted["model"][0] or "", folder, "--seeds", *map(str, numbers))
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
            settings = _settings({**wanted, "seed": seed}, _of_siblings(folder) if resume else None)
        _train(settings, run_folder, has_begun, again)
    say(f"Measure each with tfvae evaluate, then: tfvae compare {folder}/seed-*")


def _going_on(recipe: str, folder: Path, *more: str) -> str:
    """The command that goes on with a run. It names a recipe of the user's own, which the run's file alone may not."""
    own = [recipe] if ":" in recipe else []
    return shlex.join(["tfvae", "train", *own, "--out", str(folder), "--resume", *more])


def _train(settings: Settings, folder: Path, resume: bool, again: str) -> None:
    """Trains one run, or goes on with it; `again` is the command that goes on after an interruption."""
    run = Run(folder)
    with Interruption() as interruption:
        run.check_training(settings, resume)
        start_tensorflow()
        try:
            report = run.train(
                settings, interruption=interruption, resume=resume, verbose=1 if sys.stdout.isatty() else 2
            )
        except Interrupted:
            say("", f"Interrupted; everything is saved. Go on: {again}", err=True)
            sys.exit(EXIT_CODE)
    if is_chief(settings.strategy):
        say(f"Run folder: {folder}")
        say(*report_words(report).split("\n"))


def _numbers(texts: list[str]) -> list[int]:
    """The seeds of `--seeds 0 1 2`, or of `--seeds 0,1,2`."""
    try:
        numbers = [int(each) for text in texts for each in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"`--seeds` must be different integers, such as 0 1 2; received {' '.join(texts)}.")
    return numbers


def _of_siblings(folder: Path) -> Settings | None:
    """The settings of a run of another seed, for one that has not begun."""
    for config in sorted(folder.glob(f"seed-*/{CONFIG}")):
        return Run(config.parent).settings
    return None


def _unchanged_settings(folder: Path, wanted: dict[str, Any]) -> Settings:
    """The settings of a run that is to go on, which those that are given now must not change."""
    settings = settings_of(folder)
    # The devices may differ, and the place of the data: `train` knows these by their fingerprints.
    settings = dataclasses.replace(settings, strategy=wanted.get("strategy", settings.strategy))
    settings = settings.with_data_at(wanted.get("data"), wanted.get("data_dir"))
    changed = _settings(wanted, settings).differences(settings)
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
