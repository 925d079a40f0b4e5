"""Run the notebooks of this folder and keep their outputs: `python notebooks/build.py [NAME...]`, all without names.

Each runs in place from top to bottom, in an empty temporary folder. What depends on the machine is left out of the
file: metadata, timings and whatever was written to stderr. An absolute path in an output is an error. Pictures get a
palette of 256 colours, which makes them about four times smaller.
"""

import base64
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
FAST = "TFVAE_FAST"
"""Environment variable: with 1, a notebook takes few images and epochs, for its test."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_ABSOLUTE_PATH = re.compile(r"(?<![\w/.:<>)\]])/\w[\w.-]*/[\w.-]+|\b[A-Za-z]:\\\w")


def run(notebook: nbformat.NotebookNode) -> None:
    """Execute a notebook in an empty folder; its outputs are replaced. An exception in a cell is raised here."""
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=None, kernel_name="python3", record_timing=False)
        client.execute(cwd=folder)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Leave out of a notebook what depends on the machine.

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
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = with_palette(output.data["image/png"])


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
    picture.convert("RGB").quantize(256).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def main(names: list[str]) -> None:
    os.environ.pop(FAST, None)
    paths = [FOLDER / f"{Path(name).stem}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb"))
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        run(notebook)
        clean(notebook)
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
