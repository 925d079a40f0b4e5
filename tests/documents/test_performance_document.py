"""docs/performance.md says what the results of the benchmarks say."""

import report


def test_the_document_is_made_of_the_results():
    assert report.DOCUMENT.read_text() == report.document(), "run `python benchmarks/report.py`"


def test_aims_that_were_missed_are_said_to_be():
    results = [report.read(file.stem) for file in sorted(report.RESULTS.glob("*.json"))]
    aims = [target for result in results for target in result.get("targets", []) if target["bound"] is not None]
    for target in aims:
        less = target["less_is_better"]
        assert target["met"] == (target["result"] <= target["bound"] if less else target["result"] >= target["bound"])
    assert report.targets().count("**no**") == sum(not target["met"] for target in aims)
