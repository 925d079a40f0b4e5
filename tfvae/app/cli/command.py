"""Commands from functions: arguments and options are those of the signature, help is the docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import click

from tfvae.recipes.options import Option, options


class Command(click.Command):
    """A command whose options are shown in groups.

    Args:
        groups: names of options by the title of their group, in the order of the help.
        texts: help for arguments by name, which click does not show.
    """

    def __init__(
        self,
        *args: Any,
        groups: Mapping[str, tuple[str, ...]] | None = None,
        texts: Mapping[str, str] | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.groups, self.texts = groups or {}, texts or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        params = self.get_params(ctx)
        records = {each.name: record for each in params if (record := each.get_help_record(ctx))}
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
            words = _words(each)
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
        function(*(values.pop(key) for key in _positional(parameters)), *rest, **values)

    title = name or function.__name__.replace("_", "-")
    text = help_of(function)
    return Command(title, callback=run, params=params, help=text, short_help=text.split("\n")[0], texts=texts)


def option(each: Option, name: str | None = None) -> click.Option:
    """The option of the command line for an option of a function; its value comes as text, or None if not given."""
    flag = "--" + (name or each.name).replace("_", "-")
    if each.default is False:
        return click.Option([flag, each.name], is_flag=True, default=None, help=_help(each))
    if "bool" in str(each.annotation):
        return click.Option([f"{flag}/--no-{flag[2:]}", each.name], default=None, help=_help(each))
    flags = [flag, f"-{each.name}"] if len(each.name) == 1 else [flag]
    return click.Option([*flags, each.name], help=_help(each), metavar=_metavar(each))


def help_of(function: Callable[..., Any]) -> str:
    """The docstring as far as its `Args:`."""
    return re.split(r"^(?:Args|Raises|Returns|Source):", inspect.getdoc(function) or "", flags=re.M)[0].strip()


def _positional(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    return [key for key, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]


def _help(each: Option) -> str:
    text, mark, stated = each.help.partition(" [default")
    text = text[:1].upper() + text[1:]
    if each.forms:
        text = f"{text.rstrip('.')}: {each.forms}."
    if mark or each.default in (None, False, (), inspect.Parameter.empty):
        return text + mark + stated
    shown = ",".join(map(str, each.default)) if isinstance(each.default, tuple) else each.default
    return f"{text} [default: {shown}]"


def _words(each: Option) -> list[str]:
    """The words that an option may be, if it is one of some."""
    found = re.findall(r"Literal\[([^\]]*)\]", str(each.annotation))
    return [word.strip(" '\"") for word in found[0].split(",")] if found else []


def _metavar(each: Option) -> str:
    words = _words(each)
    if words and "float" not in str(each.annotation):
        return "|".join(words)
    for kind, shown in (("tuple", "NUMBERS"), ("int", "INTEGER"), ("float", "NUMBER")):
        if kind in str(each.annotation):
            return shown
    return "FILE" if "Path" in str(each.annotation) else "TEXT"
