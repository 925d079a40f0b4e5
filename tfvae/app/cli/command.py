"""Commands from functions: arguments and options are those of the signature, help is the docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import click

from tfvae.recipes.options import Option, literals, notes, options


class Command(click.Command):
    """A command whose options are shown in groups.

    Args:
        groups: names of options by the title of their group, in the order of the help.
        texts: help for arguments by name, which click does not show.
        elsewhere: tells where else an option of some name is, or nothing.
    """

    def __init__(
        self,
        *args: Any,
        groups: Mapping[str, tuple[str, ...]] | None = None,
        texts: Mapping[str, str] | None = None,
        elsewhere: Callable[[str], str] = lambda name: "",
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.groups, self.texts, self.elsewhere = groups or {}, texts or {}, elsewhere

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if hint := self.elsewhere(error.option_name.lstrip("-").replace("-", "_")):
                raise click.UsageError(f"No such option '{error.option_name}'. {hint}", ctx) from None
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        params = self.get_params(ctx)
        records = {_key(each): record for each in params if (record := each.get_help_record(ctx))}
        arguments = [(each.make_metavar(ctx), self.texts[str(each.name)]) for each in params if each.name in self.texts]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        records = {name: record for name, record in records.items() if name not in self.texts}
        for title, names in self.groups.items():
            with formatter.section(title):
                formatter.write_dl([records.pop(name) for name in names if name in records])
        if records:
            with formatter.section("Options"):
                formatter.write_dl(list(records.values()))


def command(function: Callable[..., None], name: str | None = None) -> click.Command:
    """The command that calls a function: positional arguments are arguments, keyword-only ones are options."""
    known, parameters = options(function, without=()), inspect.signature(function).parameters
    params: list[click.Parameter] = []
    texts: dict[str, str] = {}
    for each in known.values():
        kind = parameters[each.name].kind
        if kind is inspect.Parameter.KEYWORD_ONLY:
            params.append(option(each))
        else:
            many = kind is inspect.Parameter.VAR_POSITIONAL
            words = literals(each.annotation)
            metavar = "|".join(words) if words else each.name.upper().removesuffix("S") + ("..." if many else "")
            texts[each.name] = _help(each)
            params.append(
                click.Argument(
                    [each.name],
                    metavar=metavar,
                    nargs=-1 if many else 1,
                    required=many or each.default is inspect.Parameter.empty,
                )
            )

    def run(**given: Any) -> None:
        values = {key: each.checked(given[key]) for key, each in known.items() if given.get(key) is not None}
        rest = values.pop(next((key for key, each in known.items() if each.many), ""), ())
        function(*(values.pop(key, known[key].default) for key in _positional(parameters)), *rest, **values)

    title = name or function.__name__.replace("_", "-")
    text = help_of(function)
    return Command(title, callback=run, params=params, help=text, short_help=text.split("\n")[0], texts=texts)


def option(each: Option, hidden: bool = False) -> click.Option:
    """The option of the command line for an option of a function; its value comes as text, or None if not given."""
    flag, text = "--" + each.name.replace("_", "-"), _help(each)
    if each.default is False:
        return click.Option([flag, each.name], is_flag=True, default=None, help=text, hidden=hidden)
    if "bool" in str(each.annotation):
        return click.Option([f"{flag}/--no-{flag[2:]}", each.name], default=None, help=text, hidden=hidden)
    flags = [flag, f"-{each.name}"] if len(each.name) == 1 else [flag]
    return click.Option([*flags, each.name], help=text, metavar=_metavar(each), hidden=hidden)


def help_of(function: Callable[..., Any]) -> str:
    """The docstring as far as its `Args:`."""
    return re.split(r"^(?:Args|Raises|Returns|Source):", inspect.getdoc(function) or "", flags=re.M)[0].strip()


def _key(param: click.Parameter) -> str:
    """The name by which groups know a parameter; click hides that of `--help`."""
    return "help" if "--help" in param.opts else str(param.name)


def _positional(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    return [key for key, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]


def _help(each: Option) -> str:
    text, mark, stated = each.help.partition(" [default")
    text = text[:1].upper() + text[1:]
    if each.forms:
        text = f"{text.rstrip('.')}: {each.forms}."
    if mark or any(each.default is none for none in (None, False, (), inspect.Parameter.empty)):
        return text + mark + stated
    shown = ",".join(map(str, each.default)) if isinstance(each.default, tuple) else each.default
    return f"{text} [default: {shown}]"


def _metavar(each: Option) -> str:
    """What stands for the option's value in help: a text among the annotation's notes, or words for its type."""
    if each.forms:
        return "NAME(...)"
    for note in notes(each.annotation):
        if isinstance(note, str):
            return note
    words, others = literals(each.annotation), re.sub(r"Literal\[[^\]]*\]", "", str(each.annotation))
    kinds = (("tuple", "NUMBERS"), ("int", "INTEGER"), ("float", "NUMBER"), ("Path", "FILE"))
    shown = [next((text for kind, text in kinds if kind in others), "" if words else "TEXT")]
    return "|".join(filter(None, words + shown))
