"""Run the notebooks of this folder and keep their outputs: `python notebooks/build.py [NAME...]`, all without names.

Each runs in place from top to bottom, in an empty temporary folder. What depends on the machine is left out of the
file: metadata, timings and whatever was written to stderr. An absolute path in an output is an error. Pictures get a
palette of 64 colours, which makes them about five times smaller; those that are lines have an SVG beside the PNG.

With each notebook come its copies: the exercises, where it has answers to leave out, and the pictures that
docs/lecture.md shows. `python notebooks/build.py --copies [NAME...]` makes them anew without running anything.
"""

import base64
import copy
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).resolve().parent
EXERCISES = FOLDER / "exercises"
PICTURES = FOLDER.parent / "docs" / "images" / "lecture"
FAST = "TFVAE_FAST"
"""Environment variable: with 1, a notebook takes few images and epochs, for its test."""
COPIES = "--copies"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PNG, SVG = "image/png", "image/svg+xml"
FIGURE = "figure-"
"""Cells whose id begins like this end in a picture; the rest of the id is its name."""
_ABSOLUTE_PATH = re.compile(r"(?<![\w/.:<>)\]])/\w[\w.-]*/[\w.-]+|\b[A-Za-z]:\\\w")
_DATE = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_COLOURS = 64
_QUESTION, _END = "# Exercise:", "# End."
_ASSIGNED = re.compile(r"[\w, ]+(?= = )")


def run(notebook: nbformat.NotebookNode) -> None:
    """Execute a notebook in an empty folder; its outputs are replaced. An exception in a cell is raised here."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as settings:
        client = NotebookClient(
            notebook, timeout=None, kernel_name="python3", record_timing=False, coalesce_streams=True
        )
        client.execute(cwd=folder, env=os.environ | _with_svg(Path(settings)))


def _with_svg(folder: Path) -> dict[str, str]:
    """Environment variables that give pictures as PNG and as SVG, the same for the same numbers."""
    profile, style = folder / "profile_default", folder / "matplotlibrc"
    profile.mkdir()
    (profile / "ipython_kernel_config.py").write_text('c.InlineBackend.figure_formats = {"png", "svg"}\n')
    style.write_text("svg.hashsalt: tfvae\n")
    return {"IPYTHONDIR": str(folder), "MATPLOTLIBRC": str(style)}


def clean(notebook: nbformat.NotebookNode) -> None:
    """Leave out of a notebook what depends on the machine, and SVGs of what is not drawn by lines.

    Raises:
        ValueError: an output names an absolute path.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            found = [path for text in map(texts, cell.outputs) for path in _ABSOLUTE_PATH.findall(text)]
            if found:
                raise ValueError(f"The outputs name absolute paths: {', '.join(found)}")
            for output in cell.outputs:
                clean_picture(output)


def clean_picture(output: nbformat.NotebookNode) -> None:
    """Make the picture of an output small and free of dates."""
    data = output.get("data", {})
    if PNG in data:
        data[PNG] = with_palette(data[PNG])
    if SVG in data:
        if "<image" in data[SVG]:  # a grid of images, or thousands of points
            del data[SVG]
        else:
            data[SVG] = _DATE.sub("", data[SVG])
    if output.get("metadata"):
        output.metadata = nbformat.from_dict({})  # sizes, which the files know


def texts(output: nbformat.NotebookNode) -> str:
    """All text of an output, without its pictures."""
    data = output.get("data", {})
    return "\n".join([output.get("text", ""), *(str(data[kind]) for kind in data if not kind.startswith("image/"))])


def with_palette(png: str) -> str:
    """The same PNG file, in base64, with a palette; one that has a palette already stays as it is."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.mode == "P":
        return png
    smaller = io.BytesIO()
    picture.convert("RGB").quantize(_COLOURS).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def pictures(notebook: nbformat.NotebookNode) -> dict[str, bytes]:
    """The named pictures of a notebook as files, by file name."""
    found = {}
    for cell in notebook.cells:
        if cell.id.startswith(FIGURE):
            (data,) = [output.data for output in cell.outputs if PNG in output.get("data", {})]
            name = cell.id.removeprefix(FIGURE)
            found[f"{name}.png"] = base64.b64decode(data[PNG])
            if SVG in data:
                found[f"{name}.svg"] = data[SVG].encode()
    return found


def exercises(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """The notebook without outputs and answers, or None if it has no answers to leave out.

    An answer stands between a line that begins with "# Exercise:" and the line "# End."; what it assigns stays, as in
    `log_w = ...`.
    """
    blank = copy.deepcopy(notebook)
    count = 0
    for cell in blank.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.source, here = without_answers(cell.source)
            count += here
    if not count:
        return None
    blank.cells[0].source += f"\n\n**Exercises**: {count} answers are left out. Put your own in place of each `...`."
    return blank


def without_answers(source: str) -> tuple[str, int]:
    """A cell's source with its answers blanked, and how many there were."""
    lines: list[str] = []
    indent, count = None, 0
    for line in source.split("\n"):
        text = line.strip()
        if text.startswith(_QUESTION):
            indent, count = len(line) - len(line.lstrip()), count + 1
        elif text == _END:
            indent = None
        elif indent is not None:
            assigned = _ASSIGNED.match(line, indent)
            if assigned:
                lines.append(f"{line[:indent]}{assigned[0]} = ...")
            continue
        lines.append(line)
    if indent is not None:
        raise ValueError(f"An exercise has no line {_END!r}.")
    return "\n".join(lines), count


def write_copies(path: Path) -> None:
    """Write what is made of a notebook that has its outputs."""
    notebook = nbformat.read(path, as_version=4)
    blank = exercises(notebook)
    if blank is not None:
        EXERCISES.mkdir(exist_ok=True)
        nbformat.write(blank, EXERCISES / path.name)
    for name, content in pictures(notebook).items():
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / name).write_bytes(content)


def main(arguments: list[str]) -> None:
    os.environ.pop(FAST, None)
    names = [name for name in arguments if name != COPIES]
    paths = [FOLDER / f"{Path(name).stem}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb"))
    for path in paths:
        if COPIES not in arguments:
            notebook = nbformat.read(path, as_version=4)
            run(notebook)
            clean(notebook)
            nbformat.write(notebook, path)
            print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
        write_copies(path)


if __name__ == "__main__":
    main(sys.argv[1:])
