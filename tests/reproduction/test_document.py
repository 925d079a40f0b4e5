"""The page of results: what it makes of made-up ones, and that the committed page is made of the committed ones."""

import copy
import re
import subprocess
import sys

import pytest

from papers import AEVB, AGAINST, FILES, FREY_FACE, IWAE, write
from places import ROOT
from reproduction import pareto
from reproduction.document import document

DOCS = ROOT / "docs"
COMMITTED = sorted((DOCS / "reproduction").glob("*/*.json"))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return document(write(tmp_path_factory.mktemp("results"), FILES))


def tables(page):
    """The rows of each table, a list of cells each."""
    found = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    return [[line.strip("| ").split(" | ") for line in table.splitlines()] for table in found]


def test_burdas_table_has_negative_log_likelihoods_with_their_errors(page):
    head, _, plain, weighted = tables(page)[0]
    assert head == [
        *("-log p(x), nats", "paper", "reruns", "tfvae", "S"),
        *("MC", "test set", "draw", "corrected", "active units", "aim"),
    ]
    reruns = "86.35 (one); 87.00 (another)"
    missed, met = "86.6 in 70 minutes: missed by 0.86 nats and 3 minutes", "85.0 in 80 minutes: met"
    assert plain == ["Plain", "86.76", reruns, "**87.46**", "5,432", "0.012", "0.235", "0.079", "87.33", "19", missed]
    assert weighted == ["Weighted", "-", "-", "**84.99**", "5,432", "0.012", "0.235", "-", "84.87", "19", met]


def test_each_row_says_how_it_was_made(page):
    _, _, plain, weighted = tables(page)[1]
    common = ["3", "`0123456789ab`", "73", "101", "1,173"]
    assert plain == ["Plain", "-", *common, "`the command --rows plain`"]
    assert weighted == ["Weighted", "Plain", *common, "`the command --rows weighted`"]


@pytest.mark.parametrize(
    ("against", "words"),
    [
        (
            AGAINST,
            "L_S is +0.67 +- 0.04 nats from it, image by image; "
            "of its samples 74.6% are recognised as digits, of the other's 51.2%.",
        ),
        (AGAINST | {"nats": -0.1, "recognised_shares": []}, "L_S is -0.10 +- 0.04 nats from it, image by image."),
    ],
)
def test_a_row_is_set_against_another(tmp_path, against, words):
    result = copy.deepcopy(IWAE)
    result["rows"]["weighted"]["against"] = against
    made = document(write(tmp_path, {"iwae/iwae.json": result}))
    assert f"- Weighted against Plain: {words}\n" in made


def test_levels_have_a_table_of_their_own_and_what_time_buys_a_picture(tmp_path, page):
    _, _, deep = tables(page)[2]
    assert (deep[0], deep[3], deep[-1]) == ("Deep", "**83.33**", "-")
    assert "What time buys" not in page
    (write(tmp_path, FILES) / "pareto.png").write_bytes(b"")
    headings = re.findall("^## (.*)", document(tmp_path), re.MULTILINE)
    assert headings[:3] == [
        "One stochastic layer on dynamically binarised MNIST",
        "Two stochastic layers, other priors, and pixels that see others",
        "What time buys",
    ]
    axes, beside = pareto.figure(tmp_path).axes
    front, *points = [line.get_xydata().tolist() for line in axes.lines]
    assert points == [[[101.4, 87.4567]], [[101.4, 84.994]], [[101.4, 83.3333]]]
    assert front == [[101.4, 83.3333]]
    assert [line.get_ydata().tolist() for line in beside.lines] == 2 * [[86.764], [86.354], [87.0]]


def test_a_row_that_cannot_be_set_against_another_says_why(tmp_path):
    result = copy.deepcopy(IWAE)
    result["rows"]["weighted"]["against"] = {"row": "plain", "reason": "only the weights of that row are here"}
    made = document(write(tmp_path, {"iwae/iwae.json": result}))
    assert "- Weighted was not set against Plain: only the weights of that row are here.\n" in made


def test_pictures_latents_and_folds_are_tabulated_with_their_standard_errors(page):
    _, _, two, seven = tables(page)[4]
    assert two == ["2", "-143.13 +- 0.46", "-137.99 +- 0.34", "2,048", "2", "`ba9876543210`", "1.6"]
    assert seven == ["7", *two[1:3], "not by 4,096: 29.8 nats below", "7", *two[5:]]
    _, _, first, second = tables(page)[5]
    assert first == ["first", "1322.96 +- 10.03", "1356.13 +- 8.99", "1321.22 +- 7.01", "-"]
    assert second == ["second", "-", "-1.01 +- 0.13", "-2.50 +- 0.25", "4.568"]


def test_flows_stand_beside_vaes_in_bits_per_dimension(page):
    _, _, flow, bound = tables(page)[6]
    figures = ["-1010.13", "1.23", "1,234,567", "45.7%", "`0123456789ab`"]
    assert flow == ["Flow", "1.06", "**1.859**", "exact", *figures]
    assert bound == ["Bound", "-", "**1.859**", "bound, S = 5,432", *figures]
    _, _, flow, _ = tables(page)[7]
    assert flow == ["Flow", "3", "73", "101", "1,173", "`tfvae of bits --rows flow`"]
    learned = (
        "its held-out loss was lowest after 2 of 3 passes; half of the test images have more than -1,002 nats, the "
        "lowest -54,321.\n"
    )
    cost = "with 1,234,567 parameters and 101 processor minutes"
    assert f"- Flow: +0.802 bits/dim from the published figure, {cost}; {learned}- Bound: {learned}" in page


def test_every_figure_of_the_text_comes_from_the_results(page):
    """All numbers outside the tables, in their order; 0.7 is the shape that weights are judged by, 255 the levels."""
    text = "\n".join(line for line in page.splitlines() if not line.startswith("|"))
    weights = ["1,234", "12,345", "0.7", "4,321", "-91.24", "-90.12"]
    expected = [
        *("12,345", "17", "1,357", *weights, *weights),
        *("12,345", "17", "1,357", *weights),
        *("2", "7", "6,789", "1", "97"),
        *("1,967", "561", "255", "0.00391"),
        *("8", "0.802", "1,234,567", "101", *("2", "3", "-1,002", "-54,321") * 2),
    ]
    assert re.findall(r"-?\d[\d,.]*\d|\d", text) == expected
    for words in ("An Abacus", "nats of the test", "nats a face", "Neighbours are alike.", "Chosen elsewhere."):
        assert words in text
    for words in ("weights", "pictures", "faces", "bits"):
        assert f"The paper of {words}" in text
    for command in (AEVB["command"], FREY_FACE["command"]):
        assert f"Made by `{command}`." in text


@pytest.mark.parametrize("name", FILES)
def test_results_that_are_missing_are_left_out(tmp_path, page, name):
    """And the other sections are as they were."""
    few = document(write(tmp_path, {other: result for other, result in FILES.items() if other != name}))
    left_out = re.findall(r"^## .*$", page, re.MULTILINE)[list(FILES).index(name)]
    assert left_out not in few
    assert few.count("\n## ") == len(FILES) - 1
    for section in few.split("\n## "):
        assert section.strip() in page


def test_no_results_are_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no results; `python -m reproduction iwae` makes some\.$"):
        document(tmp_path)


def test_a_result_of_another_version_is_a_sentence(tmp_path):
    old = copy.deepcopy(IWAE)
    del old["rows"]["weighted"]["simulated"]
    with pytest.raises(ValueError, match=r"iwae\.json .* of another version; make it again\. It has no 'simulated'\.$"):
        document(write(tmp_path, {"iwae/iwae.json": old}))


def test_the_page_needs_no_tensorflow():
    code = "import sys; from reproduction import document; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.skipif(not COMMITTED, reason="no results are committed yet")
def test_the_committed_page_is_made_of_the_committed_results():
    made = document(DOCS / "reproduction")
    assert (DOCS / "reproduction.md").read_text(encoding="utf-8") == made, "see `python -m reproduction --help`"
    pictures = re.findall(r"!\[.*\]\((.*)\)", made)
    assert pictures
    for picture in pictures:
        assert (DOCS / picture).is_file()
