"""Options of recipes and of their parts, read from signatures and docstrings: names, defaults, bounds and help.

Nothing here imports TensorFlow, so that the command line's help is instant.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from tfvae._support.checks import LARGEST_FLOAT, MOST, MOST_DEPTH, MOST_SAMPLES
from tfvae._support.words import listed, near

CONTEXT = (
    "image_shape",
    "latent_shape",
    "event_shape",
    "seed",
    "steps_per_epoch",
    "epochs",
    "closed_form",
    "latent_levels",
)
"""Arguments that a run or a recipe passes to the functions it calls; they are not options."""


def _split(value: Any) -> Any:
    """Numbers of "300,300" or of a single number."""
    if isinstance(value, str):
        return [part for part in value.split(",") if part.strip()]
    return [value] if isinstance(value, (int, float)) else value


Count = Annotated[int, Ge(1), Le(MOST)]
CountOrNone = Annotated[int, Ge(0), Le(MOST)]
Samples = Annotated[int, Ge(1), Le(MOST_SAMPLES)]
Depth = Annotated[int, Ge(1), Le(MOST_DEPTH)]
LOOKED_AT = 10_000
"""Training images that first weights may depend on."""
StartedByExamples = Annotated[int, Ge(1), Le(LOOKED_AT)]
"""A number of parts that start at a training image each."""
Version = Annotated[int, Ge(1)]  # which may be a time in milliseconds
Seed = Annotated[int, Ge(0), Lt(2**32)]  # NumPy's generators take these
Positive = Annotated[float, Gt(0), Le(LARGEST_FLOAT)]
NotNegative = Annotated[float, Ge(0), Le(LARGEST_FLOAT)]
Share = Annotated[float, Gt(0), Lt(1)]
Sizes = Annotated[tuple[Count, ...], BeforeValidator(_split)]
ByLevel = NotNegative | Annotated[tuple[NotNegative, ...], BeforeValidator(_split)]
"""A number for all levels of latents, or one for each."""


class Option(NamedTuple):
    """One option of a function.

    Attributes:
        name: the argument.
        default: its default, or `inspect.Parameter.empty`.
        help: its text in the docstring.
        annotation: its type, with bounds.
        many: it takes any number of values, as `*args`.
    """

    name: str
    default: Any
    help: str
    annotation: Any
    many: bool = False

    @property
    def forms(self) -> str:
        """The parts that the option may name, with their options; empty for other types."""
        kinds: list[Any] = [getattr(getattr(note, "func", None), "__self__", None) for note in notes(self.annotation)]
        return next((kind.forms() for kind in kinds if hasattr(kind, "forms")), "")

    def checked(self, value: Any) -> Any:
        """The value in the option's type.

        Raises:
            ValueError: the option may not have this value.
        """
        if self.many:
            values = value if isinstance(value, (list, tuple)) else _split(value)
            return tuple(self._replace(many=False).checked(each) for each in values)
        if self.default is None and (value is None or value == "none"):
            return None
        self._refuse_huge(value)
        try:
            found = _adapter(self.annotation).validate_python(value)
        except ValidationError as error:
            raise ValueError(self._refusal(error, value)) from None
        self._refuse_huge(found)
        if word := _unlike(value, found):
            raise ValueError(f"`{self.name}` must be {word}; received {value!r}.")
        return found

    def _refuse_huge(self, value: Any) -> None:
        """Python's integers have no end, and some are too large for a float or for a sentence."""
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, int) and abs(each) >= 2**63:
                raise ValueError(f"`{self.name}` must be below 2^63, as integers of 64 bits are.")

    def _refusal(self, error: ValidationError, value: Any) -> str:
        details = error.errors()
        reason = details[0].get("ctx", {}).get("error")
        if isinstance(reason, ValueError):  # a part's own sentence
            return str(reason)
        words = [_expected(each) for each in details]
        hint = near(str(value), literals(self.annotation))
        return f"`{self.name}` must be {' or '.join(dict.fromkeys(words))}; received {value!r}.{hint}"


def notes(annotation: Any) -> list[Any]:
    """The notes of an annotation and of all annotations inside it."""
    own = list(getattr(annotation, "__metadata__", ()))
    return own + [note for inner in typing.get_args(annotation) for note in notes(inner)]


def _unlike(value: Any, found: Any) -> str:
    """The word for an integer made from True or 7.0, True made from 1, and such; text may stand for each of them."""
    if isinstance(found, tuple) and isinstance(value, (list, tuple)):
        return next(filter(None, map(_unlike, value, found)), "")
    if isinstance(value, str) or not isinstance(found, (int, float)):
        return ""
    if isinstance(found, bool):
        fits = isinstance(value, bool)
    else:
        fits = not isinstance(value, bool) and (isinstance(found, float) or hasattr(value, "__index__"))
    return "" if fits else _WORDS[type(found).__name__]


_WORDS = {"int": "an integer", "float": "a number", "bool": "true or false", "string": "text"}


def _expected(detail: Any) -> str:
    """Words for one of Pydantic's errors."""
    kind, context = detail["type"], detail.get("ctx", {})
    bounds = {"greater_than_equal": "at least {}", "greater_than": "above {}", "less_than": "below {}"}
    bounds["less_than_equal"] = "at most {}"
    if kind in bounds:
        (bound,) = context.values()
        if bound == LARGEST_FLOAT:
            return "at most 2^127" if math.isfinite(float(detail["input"])) else "a finite number"
        return bounds[kind].format(bound if bound % 1 else int(bound))
    if kind == "literal_error":
        return str(context["expected"])
    return _WORDS.get(kind.split("_")[0], detail["msg"].removeprefix("Input should be "))


def literals(annotation: Any) -> list[str]:
    """The words that an option may be, if it is one of some."""
    if typing.get_origin(annotation) is typing.Literal:
        return [str(word) for word in typing.get_args(annotation)]
    return [word for inner in typing.get_args(annotation) for word in literals(inner)]


@functools.cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


@functools.cache
def options(function: Callable[..., Any], without: tuple[str, ...] = CONTEXT) -> dict[str, Option]:
    """The options of a function or class by name, in the order of its signature; some arguments are left out.

    An option's help is the argument's text under `Args:` in the docstring. What has no annotation has the type of its
    default.
    """
    classes = inspect.getmro(function) if inspect.isclass(function) else (function,)
    docs = [_texts(inspect.cleandoc(each.__doc__ or "")) for each in classes]
    texts = {name: text for each in docs[::-1] for name, text in each.items()}
    target, found = function.__init__ if inspect.isclass(function) else function, {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in without or parameter.kind is parameter.VAR_KEYWORD:
            continue
        annotation = parameter.annotation
        if isinstance(annotation, str):  # as `from __future__ import annotations` leaves them
            annotation = eval(annotation, getattr(target, "__globals__", {}))
        if annotation is parameter.empty:
            annotation = Any if parameter.default in (None, parameter.empty) else type(parameter.default)
        many = parameter.kind is parameter.VAR_POSITIONAL
        found[name] = Option(name, () if many else parameter.default, texts.get(name, ""), annotation, many)
    return found


def complete(function: Callable[..., Any], title: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all options of a function: those given, checked, and the defaults of the others.

    Args:
        function: a recipe, a part or a class of settings.
        title: its name in errors.
        given: values by name.

    Raises:
        ValueError: a name or a value is wrong, or an option without a default is missing.
    """
    known = options(function)
    for name in given:
        if name not in known:
            has = f"Its options are {', '.join(known)}." if known else "It has no options."
            raise ValueError(f"{title} has no option `{name}`.{near(name, known)} {has}")
    missing = [name for name, each in known.items() if name not in given and each.default is inspect.Parameter.empty]
    if missing:
        raise ValueError(f"{title} needs {listed(missing)}.")
    return {name: each.checked(given.get(name, each.default)) for name, each in known.items()}


def call(function: Callable[..., Any], values: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    """Calls a function with the values of its options and with those of the context that it has arguments for."""
    signature = inspect.signature(function)
    bound = signature.bind_partial()
    for name, parameter in signature.parameters.items():
        if name in values:
            bound.arguments[name] = values[name]
        elif name in CONTEXT and name in context:
            bound.arguments[name] = context[name]
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            raise ValueError(f"`{function.__name__}` needs `{name}`, which is not known here.")
    return function(*bound.args, **bound.kwargs)


def summary(function: Callable[..., Any]) -> str:
    """The first line of a docstring, without its full stop."""
    return (inspect.getdoc(function) or "").split("\n")[0].rstrip(".")


def _texts(doc: str) -> dict[str, str]:
    """The texts under `Args:` in a docstring, by argument."""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", doc, re.M)
    entries = re.split(r"^    (?=\*?\w[\w, *]*:)", section[1], flags=re.M) if section else []
    found: dict[str, str] = {}
    for entry in entries:
        names, _, text = entry.partition(":")
        found |= {name.strip(" *\n"): " ".join(text.split()) for name in names.split(",")}
    return found
