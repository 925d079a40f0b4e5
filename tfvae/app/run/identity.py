"""The settings and images that a run was trained with, kept inside the files of its model."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from tfvae._support.inputs import MOST_HISTORY, archive, member
from tfvae._support.seals import digest_of
from tfvae._support.versions import NewerVersionError, check_version
from tfvae.app.settings import CONFIG, Settings
from tfvae.recipes.specification import plain

MEMBER = "training.json"
"""The file inside of `model.keras` and of checkpoints; those keep the state of the training in it as well."""
# These may change when a run goes on or is measured. Images are bound by their fingerprints, wherever they are and
# however many records were skipped.
_FREE = ("strategy", "bad_records", "frames", "axes", "data", "data_dir")


class Identity(NamedTuple):
    """What the model of a run is bound to.

    Attributes:
        settings: those that are bound, by name, as JSON reads them back.
        images: fingerprints by name, such as "training images" and "test labels"; None where there are no labels.
    """

    settings: dict[str, Any]
    images: dict[str, str | None]

    @property
    def digest(self) -> str:
        """16 hexadecimal digits, the same for two runs of the same settings on the same images."""
        return digest_of(self)

    @property
    def compared(self) -> dict[str, Any]:
        """The settings that others are compared with: none of version 0.1, whose form was another."""
        return {} if "flow_depth" in self.settings else self.settings

    def require_settings(self, settings: Settings, folder: Path) -> None:
        """Raises ValueError, which names the differences, for other settings than the run's."""
        now = _bound(settings)
        others = {name: then for name, then in self.compared.items() if now.get(name) != then}
        if others:
            changed = ", ".join(f"`{name}` is {now.get(name)!r}, not {then!r}" for name, then in others.items())
            raise ValueError(
                f"The settings of {folder} are not those that its model was trained with: {changed}. "
                f"Restore its {CONFIG}, or start a new run."
            )

    def require_images(self, images: dict[str, str | None], folder: Path, source: str) -> None:
        """Raises ValueError, which names the differences, for other images than the run's."""
        changed = [name for name, then in self.images.items() if images.get(name) != then]
        if changed:
            raise ValueError(
                f"{source} holds other {', '.join(changed)} than those of {folder}, by their fingerprints. If the "
                "run's own data were moved, name their place with `--data`."
            )


def identity_of(settings: Settings, images: dict[str, str | None]) -> Identity:
    """The identity of a run of these settings on images of these fingerprints."""
    return Identity(_bound(settings), images)


def from_json(kept: dict[str, Any]) -> Identity:
    """An identity as files keep it.

    Before model.keras had one, checkpoints kept the settings as YAML in a form of that time, which is not compared, and
    one fingerprint: of images on disk the tuple of their number and shape, which is not compared either.
    """
    if isinstance(kept["settings"], dict):
        return Identity(kept["settings"], kept["images"])
    return Identity({}, {} if kept["data"].startswith("(") else {"training images": kept["data"]})


def read(path: Path) -> Identity | None:
    """The identity in a model's file, or None if it has none.

    Raises:
        ValueError: the file is damaged, or of a newer version.
    """
    try:
        with archive(path) as opened:
            check_version(opened)
            if MEMBER not in opened.namelist():
                return None
            return from_json(json.loads(member(opened, MEMBER, MOST_HISTORY))["identity"])
    except (NewerVersionError, OSError):
        raise
    except Exception as error:  # damaged archives raise all sorts of things
        raise ValueError(f"{path} is damaged or no .keras file.") from error


def write(path: Path, identity: Identity) -> None:
    """Adds an identity to a model's file, which has none."""
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(MEMBER, json.dumps({"identity": identity._asdict()}))


def _bound(settings: Settings) -> dict[str, Any]:
    return json.loads(json.dumps({name: plain(value) for name, value in settings.flat().items() if name not in _FREE}))
