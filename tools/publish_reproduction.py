"""Take what `python -m reproduction` has finished into the repository: `python tools/publish_reproduction.py RUNS`.

RUNS is the command's --out. Results and pictures go to docs/reproduction, the page docs/reproduction.md is made of
them, and the weights of the tables' rows go to saved_models, each with its card. What is not there is named and left
out; but the folds of Frey Face that are done are taken as they are, since all of them take hours.

With --restore the other way round: the published rows of the tables and the folds of Frey Face come back into RUNS, so
that `python -m reproduction` keeps them, and starts other rows from their weights.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # reproduction/ is not installed

from reproduction.document import PARETO, document  # noqa: E402
from tfvae._support.files import read_json, write_json, written_whole  # noqa: E402

RESULTS = {
    "iwae/iwae.json": ("iwae/curves.png", "iwae/curves.svg"),
    "depth/depth.json": ("depth/curves.png", "depth/curves.svg"),
    "aevb/aevb.json": ("aevb/samples.png", "aevb/manifold.png"),
    "frey-face/frey_face.json": ("frey-face/manifold.png",),
    "pixels/pixels.json": ("pixels/curves.png", "pixels/curves.svg"),
}
"""The results, which are written when all of it is done, and the pictures that the page shows of each."""
TABLES = ("iwae/iwae.json", "depth/depth.json", "pixels/pixels.json")
"""The results of which each row has weights."""
FOLDS = "frey-face/folds"


def main(runs: Path, root: Path = ROOT) -> list[str]:
    """Publishes what is finished in `runs`; returns what is not."""
    missing = publish_results(runs, root / "docs" / "reproduction")
    draw_pareto(root / "docs" / "reproduction")
    page = document(root / "docs" / "reproduction")
    with written_whole(root / "docs" / "reproduction.md") as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    return missing + [each for table in TABLES for each in publish_weights(runs / table, root / "saved_models")]


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
    _copy_folds(runs, target, replace=True)
    return missing


def draw_pareto(published: Path) -> None:
    """Draws what time buys, of all rows that are published."""
    from reproduction import pareto
    from tfvae.callbacks.picture import write_figure

    if (figure := pareto.figure(published)) is not None:
        write_figure(figure, published / PARETO)


def publish_weights(table: Path, target: Path) -> list[str]:
    """Publishes the weights of a table's rows; returns the runs that are missing."""
    from reproduction import cards

    missing = []
    for name in (read_json(table) or {"rows": ()})["rows"]:
        try:
            cards.publish(table.parent / name, target / f"mnist-{name}")
        except FileNotFoundError as error:
            missing.append(str(error))
    return missing


def _copy_folds(source: Path, target: Path, replace: bool) -> None:
    for fold in sorted((source / FOLDS).glob("*.json")):
        (target / FOLDS).mkdir(parents=True, exist_ok=True)
        if replace or not (target / FOLDS / fold.name).exists():
            shutil.copy(fold, target / FOLDS)


def restore(runs: Path, root: Path = ROOT) -> None:
    """Puts the published rows of the tables and the folds back into `runs`, but for those that are there."""
    published = root / "docs" / "reproduction"
    _copy_folds(published, runs, replace=False)
    for table in TABLES:
        there, back = read_json(runs / table), read_json(published / table)
        if not back or not back["rows"]:
            continue
        write_json(runs / table, back | {"rows": back["rows"] | (there["rows"] if there else {})})
        for name in back["rows"]:
            if not (runs / table).with_name(name).exists():
                shutil.copytree(root / "saved_models" / f"mnist-{name}", (runs / table).with_name(name))


if __name__ == "__main__":
    *options, runs = sys.argv[1:] or [""]
    if options not in ([], ["--restore"]) or not runs or runs.startswith("-"):
        sys.exit("Usage: python tools/publish_reproduction.py [--restore] RUNS, the --out of `python -m reproduction`.")
    try:
        for each in restore(Path(runs)) or () if options else main(Path(runs)):
            print(f"Left out: {each}")
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
