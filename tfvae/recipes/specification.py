"""Parts named in text or YAML with options of their own: `flow(depth=4)`, `{flow: {depth: 4}}`, `my_module:Part(3)`.

Nothing is evaluated: words need no quotes, and values are numbers, words, tuples and further parts.
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import dataclasses
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfvae._support.checks import check_choice
from tfvae.recipes.options import CONTEXT, Option, call, complete, options

TRUST = "TFVAE_TRUST_CODE"
"""Environment variable: modules whose functions settings files may name, separated by commas."""
_TRUSTED: set[str] = set()  # modules that were named on the command line or in Python
_FROM_FILE = contextvars.ContextVar("from_file", default=False)
_COLON, _FORM = "._colon_.", "a name, with options in brackets if it has some, such as flow(depth=4)"


@dataclasses.dataclass(frozen=True)
class Specification:
    """Attributes: name, of a known part or `package.module:name`; options, the values of all its options by name."""

    name: str
    options: Mapping[str, Any]

    def plain(self) -> Any:
        """The form that YAML and JSON keep: a name, or `{name: options}`."""
        found = {name: plain(value) for name, value in self.options.items()}
        return {self.name: found} if found else self.name

    def __str__(self) -> str:
        options = ", ".join(f"{name}={_text(value)}" for name, value in self.options.items())
        return f"{self.name}({options})" if options else self.name


class Kind:
    """Parts of one kind that can be named, such as priors: the public functions of a module.

    Args:
        word: the kind's name in errors.
        module: whose functions the parts are; imported when a part is asked for.
        names: of the parts, where not all public functions are some.
        event: argument of the parts' context that is the shape of their event; a class may call it `event_shape`.
    """

    def __init__(self, word: str, module: str, names: tuple[str, ...] = (), event: str = "image_shape"):
        self.word, self.module, self._names, self._event = word, module, names, event

    def names(self) -> tuple[str, ...]:
        """The names of the parts that come with the package."""
        if self._names:
            return self._names
        module = importlib.import_module(self.module)
        return tuple(
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__.startswith(self.module) and not name.startswith("_")
        )

    def forms(self) -> str:
        """All names with their options, such as `normal, flow(depth=4, hidden=(128,128))`."""
        return ", ".join(map(self.form, self.names()))

    def form(self, name: str) -> str:
        """A name with its options and their defaults, such as `flow(depth=4, hidden=(128,128))`."""
        return _form(name, options(self.function(name)))

    def function(self, name: str) -> Callable[..., Any]:
        """The function or class of that name.

        Raises:
            ValueError: there is none.
        """
        if ":" in name:
            return imported(name)
        check_choice(self.word, name, self.names())
        return getattr(importlib.import_module(self.module), name)

    def read(self, value: Any) -> Any:
        """A specification with all its options, checked; an object that is not a plain value is returned as it is.

        Raises:
            ValueError: it names no part, or its options are wrong.
        """
        name, positional, given = parsed(self.word, value)
        if name is None:
            return value
        function = self.function(name)
        return Specification(name, complete(function, f"`{name}`", _by_name(function, name, positional, given)))

    def make(self, value: Any, **context: Any) -> Any:
        """The part that a specification, text or mapping names; any other object is returned as it is.

        Args:
            value: what names the part, or the part itself.
            context: values for those arguments in `CONTEXT` that the part's function has.

        Raises:
            ValueError: it names no part, or an option is wrong.
        """
        found = None if value is None else self.read(value)  # a recipe may do without a part
        if self._event in context:
            context = {"event_shape": context[self._event], **context}
        return call(self.function(found.name), found.options, context) if isinstance(found, Specification) else found


def parsed(word: str, value: Any) -> tuple[str | None, tuple[Any, ...], dict[str, Any]]:
    """Name, positional values and named values in a text, mapping or specification; the name is None of other objects.

    Raises:
        ValueError: it has none of the forms.
    """
    if isinstance(value, Specification):
        return value.name, (), dict(value.options)
    if isinstance(value, Mapping):
        if len(value) != 1:
            raise ValueError(
                f"`{word}` must be one name with its options, such as {{flow: {{depth: 4}}}}; received {value!r}."
            )
        ((name, given),) = value.items()
        if isinstance(given, (list, tuple)):
            return str(name), tuple(given), {}
        if not isinstance(given, Mapping | None):
            raise ValueError(f"`{word}`: the options of {name!r} must be names with values; received {given!r}.")
        return _name(str(name)), (), {str(key): each for key, each in (given or {}).items()}
    if value is None or isinstance(value, (bool, int, float, list, tuple)):
        raise ValueError(f"`{word}` must be {_FORM}; received {value!r}.")
    if not isinstance(value, str):
        return None, (), {}
    try:
        tree = ast.parse(re.sub(r"(?<=[a-z])-(?=[a-z])", "_", value.strip()).replace(":", _COLON), mode="eval").body
        return _node_parts(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"`{word}` must be {_FORM}; received {value!r}.") from None


def imported(name: str) -> Callable[..., Any]:
    """The object that `package.module:name` names. The current folder is looked in as well, after all others.

    Raises:
        ValueError: there is no such module or object, or a settings file names it and its module is not trusted.
    """
    module, _, attribute = name.partition(":")
    _require_trust(name, module)
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name!r} cannot be imported: {error}.") from None
    if not callable(found):
        raise ValueError(f"{name!r} must be a function or a class; it is a {type(found).__name__}.")
    return found


@contextlib.contextmanager
def named_by_a_file() -> Iterator[None]:
    """Parts that are read inside are named by a settings file, which may be a stranger's."""
    token = _FROM_FILE.set(True)
    try:
        yield
    finally:
        _FROM_FILE.reset(token)


def _require_trust(name: str, module: str) -> None:
    """ValueError if a file names a module that neither the caller nor the environment has named."""
    if not _FROM_FILE.get():
        _TRUSTED.add(module)
    elif module not in _TRUSTED and module not in os.environ.get(TRUST, "").replace(",", " ").split():
        raise ValueError(
            f"{name!r} would run code of the module {module}, and a settings file may be a stranger's. If you trust "
            f"that module, set the environment variable {TRUST}={module}."
        )


def _by_name(
    function: Callable[..., Any], name: str, positional: tuple[Any, ...], given: dict[str, Any]
) -> dict[str, Any]:
    """Values by name; the positional ones are those of the first options."""
    if not positional:
        return given
    parameters = [each for key, each in inspect.signature(function).parameters.items() if key not in CONTEXT]
    try:
        bound = inspect.Signature([p.replace(annotation=p.empty) for p in parameters]).bind_partial(
            *positional, **given
        )
    except TypeError as error:
        raise ValueError(f"`{name}`: {error}.") from None
    return dict(bound.arguments)


def _node_parts(node: ast.expr) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    if not isinstance(node, ast.Call):
        return _node_name(node), (), {}
    if any(each.arg is None for each in node.keywords):
        raise ValueError
    return (
        _node_name(node.func),
        tuple(_value(each) for each in node.args),
        {str(each.arg): _value(each.value) for each in node.keywords},
    )


def _node_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_node_name(node.value)}.{node.attr}".replace(_COLON, ":")
    if not isinstance(node, ast.Name):
        raise ValueError
    return node.id


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        name, positional, given = _node_parts(node)
        return (
            {name: list(positional) if positional and not given else given}
            if not (positional and given)
            else (ast.unparse(node).replace(_COLON, ":"))
        )
    if isinstance(node, ast.Name | ast.Attribute):
        name = _node_name(node)
        return {"true": True, "false": False, "none": None}.get(name.lower(), name)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(map(_value, node.elts))
    return ast.literal_eval(node)


def _form(name: str, known: Mapping[str, Option]) -> str:
    shown = [f"{each.name}, ..." if each.many else f"{each.name}={_text(each.default)}" for each in known.values()]
    return f"{name}({', '.join(shown)})" if shown else name


def _name(text: str) -> str:
    return text if ":" in text else text.replace("-", "_")


def plain(value: Any) -> Any:
    """A value as YAML and JSON keep it: specifications as names with options, tuples as lists."""
    if isinstance(value, Specification):
        return value.plain()
    return [plain(each) for each in value] if isinstance(value, (tuple, list)) else value


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "(" + ",".join(map(_text, value)) + ("," if len(value) == 1 else "") + ")"
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
