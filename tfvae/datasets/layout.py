"""Folders that are parts of the data, training, validation and test, and not classes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from tfvae._support.printing import printable

_PARTS = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_NEVER_CLASSES = ("test", "testing", "val", "validation")  # `train` is one in many data sets, beside `car` and `bus`
_LIKE_PART = re.compile(
    rf"(?:[a-z0-9]+[_\-. ])?({'|'.join(_PARTS)})(?:[_\-. ]?(?:set|images?|imgs?|data|split|[ab]|\d+))?"
)  # seg_train, test_set, val2017, trainA
UNDERSTOOD = (
    "parts are folders `train` and beside it `validation` or `test` or both, each with images or one sub-folder a "
    "class, and no other folders of images beside them"
)


def parts(folder: Path, files: Collection[Path]) -> dict[str, Path]:
    """Return the folders of the parts "train", "validation" and "test" that there are; none where folders are classes.

    A folder has parts if it has `train` and beside it `validation` or `test`, or `train` alone. `training`, `val`,
    `valid`, `dev` and `testing` are other names; upper case is the same. Folders without images do not count.

    Args:
        folder: the folder of the data.
        files: the image files below it.

    Raises:
        ValueError: folders look like parts but are not these, there are others beside them, they lie deeper, or one of
            them holds no images.
    """
    below = _sub_folders(folder, files)
    for deeper, names in below.items():
        if deeper != folder and _look_like_parts(names):
            raise ValueError(
                f"{printable(deeper)} holds {_listed(names)}, but {UNDERSTOOD}, directly in the folder that is given, "
                f"{printable(folder)}; give the folder that holds the parts."
            )
    names, loose = below[folder], any(path.parent == folder for path in files)
    found = defaultdict(list)
    for name in sorted(names):
        found[_PARTS.get(name.lower(), "")].append(name)
    is_alone = len(names) == 1 and not loose
    is_twice = any(len(same) > 1 for part, same in found.items() if part)  # `train` and `training`
    if "train" in found and (is_alone or is_twice or len(found.keys() - {""}) > 1):
        empty = [path.name for path in sorted(folder.iterdir()) if path.name.lower() in _PARTS and path.is_dir()]
        for name in set(empty) - names:
            raise ValueError(f"{printable(folder / name)} holds no images.")
        if found.keys() <= set(_PARTS.values()) and max(map(len, found.values())) == 1:
            return {part: folder / name for part, (name,) in found.items()}
    elif not _look_like_parts(names) and not any(name.lower() in _NEVER_CLASSES for name in names):
        return {}
    raise ValueError(f"{printable(folder)} holds {_listed(names)}, but {UNDERSTOOD}; rename or move folders.")


def require_no_parts_of_links(folder: Path, links: Iterable[Path]) -> None:
    """ValueError if folders look like parts, but hold links to what is read elsewhere in the folder.

    Args:
        folder: the folder of the data, which has no parts.
        links: files and folders below it that are read under other names.
    """
    names = {path.relative_to(folder).parts[0] for path in links}
    if _look_like_parts(names):
        raise ValueError(
            f"{printable(folder)} holds {_listed(names)} with links to images elsewhere in it, and each file is read "
            "once; give a folder that holds the parts only."
        )


def _sub_folders(folder: Path, files: Iterable[Path]) -> dict[Path, set[str]]:
    """The names of the folders, by the folder that they are in, which have images in or below them."""
    found = defaultdict[Path, set[str]](set)
    for parent in {path.parent for path in files}:
        while parent != folder:
            found[parent.parent].add(parent.name)
            parent = parent.parent
    found[folder] |= set()
    return found


def _look_like_parts(names: Collection[str]) -> bool:
    """Whether one name is like `train` and another like `validation` or `test`."""
    found = {_PARTS[match[1]] for name in names if (match := _LIKE_PART.fullmatch(name.lower()))}
    return "train" in found and len(found) > 1


def _listed(names: Collection[str]) -> str:
    few = sorted(names)[:6]
    return ", ".join(f"`{printable(name)}`" for name in few) + (", ..." if len(names) > len(few) else "")
