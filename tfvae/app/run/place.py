"""The folder of a run while it trains: somebody may delete it."""

from __future__ import annotations

from tfvae._support.files import written_whole
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
