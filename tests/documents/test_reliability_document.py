"""docs/reliability.md says what the results of the kills say, and names tests that there are."""

import re

import pytest

import fault_table
import kills
import report
from faults import COLLECTED, KINDS
from places import ROOT


def test_the_document_is_made_of_the_results():
    text = report.filled(kills.TEXT.read_text(), kills.MAKERS)
    assert kills.DOCUMENT.read_text() == text, "run `python benchmarks/kills.py --text`"


def test_every_test_that_it_names_is_there():
    named = re.findall(r"`(tests/[a-z_/]+\.py)::(\w+)`", kills.TEXT.read_text())
    assert len(named) > 20
    for path, name in named:
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"


def test_the_table_of_faults_counts_the_tests_that_are_marked(request):
    """Of the files that were collected; the whole suite collects all."""
    if any("::" in argument for argument in request.config.invocation_params.args):
        pytest.skip("single tests were asked for")
    items = request.config.stash[COLLECTED]
    files = {str(item.path.relative_to(ROOT)) for item in items}
    known = report.read("faults")["tests"]
    expected = {
        kind: {test: number for test, number in tests.items() if test.partition("::")[0] in files}
        for kind, tests in known.items()
    }
    assert fault_table.counted(items) == expected, "run `python benchmarks/fault_table.py`"


def test_every_kind_of_fault_is_produced_by_a_test():
    assert {kind for kind, tests in report.read("faults")["tests"].items() if tests} == set(KINDS)


def test_enough_kills_were_tried_and_all_runs_are_equal():
    found = report.read("kills")
    assert found["kills"] >= 50
    assert kills.totals(found["kinds"]) == {name: found[name] for name in kills.totals(found["kinds"])}
    assert found["runs_that_differ"] == 0
