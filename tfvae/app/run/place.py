"""The folder of a run before and while it trains: something may be there, and somebody may delete it."""

from __future__ import annotations

from pathlib import Path

from tfvae._support.files import is_leftover, written_whole
from tfvae._support.folders import Claim
from tfvae._support.printing import say


class Place:
    """A claimed run folder that is made again if it is deleted, moved or emptied while the run trains.

    Args:
        claim: on the folder.
        names: of the files that are written again with it, as they are now, where they are there.
    """

    def __init__(self, claim: Claim, *names: str):
        self.claim = claim
        paths = [claim.folder / name for name in names]
        self._contents = {path.name: path.read_bytes() for path in paths if path.exists()}

    def mended(self) -> bool:
        """Looks after the folder, which is to be written into; whether something was missing, which is said.

        Raises:
            OSError: another folder was put in its place, which is left alone, or it cannot be written.
        """
        folder = self.claim.folder
        self.require_own()
        if not self.claim.is_there():
            self.claim.take()
        missing = [name for name in self._contents if not (folder / name).exists()]
        for name in missing:
            with written_whole(folder / name) as unfinished:
                unfinished.write_bytes(self._contents[name])
        if missing:
            say(
                f"{folder} was deleted, moved or emptied while this run trains in it. The run goes on and writes its "
                "settings, history and checkpoint again; older checkpoints and pictures are lost.",
                err=True,
            )
        return bool(missing)

    def require_own(self) -> None:
        """Raises OSError if another folder was put in the folder's place, before anything is written into that."""
        if self.claim.folder.exists() and not self.claim.is_there():
            raise OSError(
                f"{self.claim.folder} was replaced by another folder while this run trained in it; nothing more was "
                "written."
            )


def require_empty(folder: Path) -> None:
    """Raises FileExistsError if a folder holds anything but what a killed process left unfinished."""
    if folder.exists() and not (folder.is_dir() and all(is_leftover(each) for each in folder.iterdir())):
        raise FileExistsError(
            f"{folder} exists already and is not an empty folder; choose another with --out, or go on with --resume."
        )


def require_outside(data: str, folder: Path) -> None:
    """Raises ValueError if a run's pictures would be images of its data from then on."""
    if data not in ("", "mnist") and Path(data).is_dir() and folder.resolve().is_relative_to(Path(data).resolve()):
        raise ValueError(
            f"The run folder must not lie in the folder of the images, {data}, where its pictures would be taken for "
            f"images; received {folder}. Choose another --out."
        )
