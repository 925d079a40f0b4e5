"""Settings from a YAML file, whose mistakes are named by line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from tfvae._support.inputs import MOST_SETTINGS, content
from tfvae.app.settings.option import checked
from tfvae.app.settings.settings import Settings
from tfvae.app.settings.words import near

CONFIG = "config.yaml"
"""The settings' file in a run folder."""
# Settings that 0.1.0 did not have: its runs may lack them.
_ADDED: tuple[str, ...] = ("frames", "axes")
_DEEPEST = 4  # lists and mappings in others; settings have two


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
    missing = [f"`{each.name}`" for each in dataclasses.fields(Settings) if each.name not in {*found, *_ADDED}]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise ValueError(f"{config} is damaged: it lacks {shown}, and a run's own file has every setting. Restore it.")
    return Settings(**found)


def read_yaml(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, by name: those that it gives, checked each by itself.

    Raises:
        ValueError: the file is no YAML, has a key that is no setting, one twice, or a value of the wrong kind or out of
            range; the sentence names the line.
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
    names = tuple(field.name for field in dataclasses.fields(Settings))
    constructor, found = yaml.constructor.SafeConstructor(), {}
    for key, node in root.value:
        name, line = key.value, key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"{path}, line {line}: expected the name of a setting before the colon.")
        if name not in names:
            raise ValueError(f"{path}, line {line}: there is no setting {name!r}.{near(name, names)}")
        if name in found:
            raise ValueError(f"{path}, line {line}: `{name}` stands here a second time.")
        try:
            value = constructor.construct_object(node, deep=True)
        except Exception:  # a tag that nobody knows, or one that does not fit its text: KeyError, IndexError and others
            raise ValueError(f"{path}, line {line}: `{name}` must be a plain value.") from None
        try:
            found[name] = checked(Settings, name, value)
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
