"""Settings from and to YAML files; a mistake is named with its line."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import yaml

from tfvae._support.inputs import MOST_SETTINGS, content
from tfvae._support.words import near
from tfvae.app.settings.settings import Settings, fields, recipe_of
from tfvae.recipes.options import Option, options
from tfvae.recipes.specification import named_by_a_file, parsed

CONFIG = "config.yaml"
"""The settings' file in a run folder."""
FLAT = frozenset(
    (
        "likelihood", "preprocess", "scale", "network", "hidden", "activation", "latent_size", "levels", "inference",
        "corruption", "corruption_strength", "mask_share", "patch_size", "components", "rank", "prior", "pseudo_inputs",
        "posterior", "flow_depth", "flow_hidden", "flow_levels", "alpha", "draws", "penalty", "objective",
        "sample_size", "gradient", "beta", "warm_up", "free_bits",
    )
)  # fmt: skip
"""The settings of models in version 0.1, which stood beside those of every run."""
_DEEPEST = 8  # lists and mappings in others; a part of a recipe has six


def settings_of(folder: Path) -> Settings:
    """The settings of a run.

    Raises:
        FileNotFoundError: the folder is none of a run.
        ValueError: its settings cannot be read, for instance because another version wrote them, or some are missing.
    """
    config = folder / CONFIG
    if not config.is_file():
        raise FileNotFoundError(f"{folder} is no run folder: it has no {CONFIG}.")
    found = read_yaml(config)
    missing = [f"`{name}`" for name in fields() if name not in found]
    if "model" in found:
        _, _, stated = parsed("model", yaml.safe_load(content(config, MOST_SETTINGS))["model"])
        missing += [f"`{name}`" for name in found["model"].options if name not in stated]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise ValueError(f"{config} is damaged: it lacks {shown}, and a run's own file has every setting. Restore it.")
    return Settings(**found)


def as_yaml(settings: Settings, without: tuple[str, ...] = ()) -> str:
    """The settings as a YAML file that `read_yaml` reads back: a line each, with its help as a comment."""
    values, lines = settings.plain(without), []
    for name, option in fields().items():
        if name == "model" and name in values:
            lines += ["model:", *_model_lines(settings)]
        elif name in values:
            lines.append(_line(name, values[name], option))
    return "\n".join(lines) + "\n"


def _model_lines(settings: Settings) -> list[str]:
    plain = settings.model.plain()
    if isinstance(plain, str):
        return [f"  {plain}: {{}}"]
    known = options(recipe_of(settings))
    (values,) = plain.values()
    return [f"  {settings.model.name}:", *(f"    {_line(name, value, known[name])}" for name, value in values.items())]


def _line(name: str, value: Any, option: Option) -> str:
    shown = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).removesuffix("...\n").strip()
    first = option.help.partition(". ")[0].partition(" [default")[0].rstrip(".")
    return f"{name}: {shown}  # {textwrap.shorten(first, 90, placeholder=' ...')}" if first else f"{name}: {shown}"


def read_yaml(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, by name: those that it gives, checked each by itself.

    Raises:
        ValueError: the file is no YAML or of version 0.1, has a key that is no setting, one twice, or a value of the
            wrong kind or out of range; the sentence names the line.
        OSError: the file cannot be read.
    """
    try:
        text = content(path, MOST_SETTINGS)
    except OSError as error:
        error.args = (f"The settings file {error}",)
        raise
    root = _root(text, path)
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path}, line 1: expected lines of the form `name: value`.")
    if any(key.value in FLAT for key, _ in root.value if isinstance(key, yaml.ScalarNode)):
        raise ValueError(
            f"{path} is a flat list of settings, as version 0.1 wrote it; `python tools/rewrite_settings.py {path}` "
            "rewrites it."
        )
    known, constructor, found = fields(), yaml.constructor.SafeConstructor(), {}
    for key, node in root.value:
        name, line = key.value, key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"{path}, line {line}: expected the name of a setting before the colon.")
        if name not in known:
            raise ValueError(f"{path}, line {line}: there is no setting {name!r}.{near(name, known)}")
        if name in found:
            raise ValueError(f"{path}, line {line}: `{name}` stands here a second time.")
        try:
            value = constructor.construct_object(node, deep=True)
        except Exception:  # a tag that nobody knows, or one that does not fit its text: KeyError, IndexError and others
            raise ValueError(f"{path}, line {line}: `{name}` must be a plain value.") from None
        try:
            with named_by_a_file():
                found[name] = known[name].checked(value)
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from None
    return found


def _root(text: bytes, path: Path) -> yaml.Node | None:
    """The syntax tree, which is small: nothing in it stands for more than its text.

    Raises:
        ValueError: it is no YAML, has an alias, or brackets in too many others.
    """
    depth = 0
    try:
        for event in yaml.parse(text.decode(), Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
                break
        else:
            return yaml.compose(text.decode(), Loader=yaml.SafeLoader)
    except Exception as error:  # not YAMLError alone: characters and numbers out of range are ValueError and others
        where, problem = _where(getattr(error, "problem_mark", None)), getattr(error, "problem", None) or "not text"
        raise ValueError(f"{path}{where}: this is not YAML ({problem}).") from None
    refused = "lists in so many others" if depth > _DEEPEST else "aliases such as *name"
    raise ValueError(f"{path}{_where(event.start_mark)}: {refused} are refused; write plain values.")


def _where(mark: Any) -> str:
    return f", line {mark.line + 1}" if mark else ""
