"""A planted bug is tried again if it, its file, the test that notices it or a helper of that test has changed."""

import json

import contents
import pytest
from bugs import Bug

TEST = "tests/models/test_it.py::test_it[a-b]"
BUG = Bug("a bug", "tfvae/a.py", "old", "new", ("tests/models/test_it.py",))
FILES = {
    "tfvae/a.py": "old",
    "tfvae/b.py": "1",
    "tests/conftest.py": "import shared",
    "tests/models/test_it.py": "from used import that",
    "tests/helpers/used.py": "import deeper",
    "tests/helpers/deeper.py": "1",
    "tests/helpers/shared.py": "1",
    "tests/helpers/other.py": "1",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(contents, "ROOT", tmp_path)
    monkeypatch.setattr(contents, "TRIED", tmp_path / "tried.json")
    monkeypatch.setattr(contents, "SAMPLE", 0)
    contents._helpers.cache_clear()
    yield tmp_path
    contents._helpers.cache_clear()


def test_a_bug_that_was_caught_is_not_tried_again(tree):
    assert contents.to_try([BUG], {BUG.name: TEST}) == [BUG]
    contents.record([BUG], {BUG.name: contents.digest(BUG, TEST)})
    assert contents.to_try([BUG], {BUG.name: TEST}) == []


@pytest.mark.parametrize("name", FILES)
def test_what_it_was_tried_against_counts(tree, name):
    contents.record([BUG], {BUG.name: contents.digest(BUG, TEST)})
    (tree / name).write_text(f"{FILES[name]}\n# changed")
    assert bool(contents.to_try([BUG], {BUG.name: TEST})) == (name not in ("tfvae/b.py", "tests/helpers/other.py"))


def test_another_bug_or_test_is_tried(tree):
    contents.record([BUG], {BUG.name: contents.digest(BUG, TEST)})
    assert contents.to_try([BUG], {BUG.name: f"{TEST}[c]"})
    assert contents.to_try([BUG], {})
    changed = BUG._replace(new="newer")
    assert contents.to_try([changed], {BUG.name: TEST}) == [changed]


def test_a_sample_of_the_others_is_tried_too_and_changes_with_the_package(tree, monkeypatch):
    monkeypatch.setattr(contents, "SAMPLE", 2)
    bugs = [BUG._replace(name=str(number)) for number in range(40)]
    noticed = {bug.name: TEST for bug in bugs}
    contents.record(bugs, {bug.name: contents.digest(bug, TEST) for bug in bugs})
    first = contents.to_try(bugs, noticed)
    assert len(first) == 2
    assert contents.to_try(bugs, noticed) == first
    (tree / "tfvae/b.py").write_text("2")
    assert contents.to_try(bugs, noticed) != first


def test_bugs_that_are_gone_are_forgotten(tree):
    contents.record([BUG], {BUG.name: contents.digest(BUG, TEST)})
    contents.record([], {})
    assert json.loads((tree / "tried.json").read_text()) == {}
