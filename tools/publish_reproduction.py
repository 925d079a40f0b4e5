"""Take what `tfvae reproduce` has finished into the repository: `python tools/publish_reproduction.py RUNS`.

RUNS is the command's --out. Results and pictures go to docs/reproduction, the page docs/reproduction.md is made of
them, and the weights of Burda's rows go to saved_models, each with its card. What is not there is named and left out.
"""

import shutil
import sys
from pathlib import Path

from tfvae.files import read_json, written_whole
from tfvae.reproduction.document import document

ROOT = Path(__file__).resolve().parents[1]
RESULTS = {
    "iwae/iwae.json": ("iwae/curves.png",),
    "aevb/aevb.json": ("aevb/samples.png", "aevb/manifold.png"),
    "frey-face/frey_face.json": ("frey-face/manifold.png",),
}
"""The results, which are written when all of it is done, and the pictures that the page shows of each."""


def main(runs: Path, root: Path = ROOT) -> list[str]:
    """Publishes what is finished in `runs`; returns what is not."""
    missing = publish_results(runs, root / "docs" / "reproduction")
    with written_whole(root / "docs" / "reproduction.md") as unfinished:
        unfinished.write_text(document(root / "docs" / "reproduction"), encoding="utf-8")
    return missing + publish_weights(runs / "iwae", root / "saved_models")


def publish_results(runs: Path, target: Path) -> list[str]:
    """Copies each result whose pictures are there too; returns the files that are missing."""
    missing = []
    for result, pictures in RESULTS.items():
        names = (result, *pictures)
        absent = [str(runs / name) for name in names if not (runs / name).exists()]
        missing += absent
        for name in () if absent else names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(runs / name, target / name)
    return missing


def publish_weights(folder: Path, target: Path) -> list[str]:
    """Publishes the weights of the rows in iwae.json; returns the runs that are missing."""
    from tfvae.reproduction import cards

    missing = []
    for name in (read_json(folder / "iwae.json") or {"rows": ()})["rows"]:
        try:
            cards.publish(folder / name, target / f"mnist-{name}")
        except FileNotFoundError as error:
            missing.append(str(error))
    return missing


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python tools/publish_reproduction.py RUNS, the folder that `tfvae reproduce` has filled.")
    try:
        for each in main(Path(sys.argv[1])):
            print(f"Left out: {each}")
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
