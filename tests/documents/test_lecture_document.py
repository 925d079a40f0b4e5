"""docs/lecture.md points to what is there, and its numbers are those that the notebooks print.

A link's text says what it points to: to a test file, the name of a test in it; to a notebook, the id of one of its
cells; to a module, its path or a name that it defines. A number in bold stands in a paragraph or row that links to the
cell which printed it.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from places import ROOT

DOCUMENT = ROOT / "docs/lecture.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
_NUMBER = r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?"
_LINK = re.compile(r"(!?)\[`?([^\]`]*)`?\]\(([^)#]+)\)")
LINKS = [match.groups() for match in _LINK.finditer(TEXT) if not match[3].startswith("http")]


def target(link):
    return (DOCUMENT.parent / link).resolve()


def names(path):
    """Functions, classes and methods that a module defines."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def cells(path):
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def printed(cell):
    return "".join(output.text for output in cell.get("outputs", []) if output.get("name") == "stdout")


def blocks():
    """Rows of tables and paragraphs, which are what a number and its cell have to share."""
    for paragraph in re.split(r"\n\s*\n", TEXT):
        yield from paragraph.split("\n") if paragraph.startswith("|") else [paragraph.replace("\n", " ")]


def test_it_links_to_all_that_a_lecture_needs():
    kinds = [(picture, Path(link).suffix, target(link).relative_to(ROOT).parts[0]) for picture, _, link in LINKS]
    for kind in (("", ".py", "tfvae"), ("", ".py", "tests"), ("", ".ipynb", "notebooks"), ("!", ".png", "docs")):
        assert kinds.count(kind) >= 8, kind


@pytest.mark.parametrize(("picture", "text", "link"), sorted(set(LINKS)), ids=lambda value: value)
def test_what_a_link_points_to_is_there(picture, text, link):
    path = target(link)
    assert path.exists() and path.is_relative_to(ROOT)
    relative = path.relative_to(ROOT).as_posix()
    if path.suffix == ".ipynb":
        assert text == relative or text in cells(path)
    elif relative.startswith("tests/"):
        assert text.startswith("test_") and text in names(path)
    elif path.suffix == ".py":
        assert text == relative or text in names(path)


def test_every_test_is_written_as_a_link():
    assert not re.search(r"(?<!\[)`test_\w+`", TEXT)


def test_every_number_in_bold_was_printed_by_a_cell_that_is_named_beside_it():
    count = 0
    for block in blocks():
        numbers = re.findall(rf"\*\*({_NUMBER})(?: [^*]*|%)?\*\*", block)
        linked = [
            cells(target(link))[text]
            for _, text, link in _LINK.findall(block)
            if link.endswith(".ipynb") and not text.endswith(".ipynb")
        ]
        shown = set(re.findall(_NUMBER, " ".join(map(printed, linked))))
        for number in numbers:
            assert number in shown or f"+{number}" in shown or f"-{number}" in shown, (number, block)
        count += len(numbers)
    assert count >= 20
    assert TEXT.count("**") == 2 * count  # nothing else is in bold


def test_an_invented_number_would_be_noticed():
    """The numbers of a cell are few: one digit changed, and a number is not among them."""
    cell = cells(ROOT / "notebooks/02_objective.ipynb")["slips"]
    shown = set(re.findall(_NUMBER, printed(cell)))
    assert "-2.81" in shown and "-2.82" not in shown


def test_the_slips_are_all_there():
    (section,) = re.findall(r"^## Small slips.*?(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
    assert len([line for line in section.splitlines() if line.startswith("|")]) == 2 + 7


def test_no_notebook_is_left_out():
    linked = {target(link).name for _, _, link in LINKS if link.endswith(".ipynb")}
    assert linked == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
