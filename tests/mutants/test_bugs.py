"""The planted bugs can be planted: the lines and the tests that they name are there. (`make mutants` plants them.)"""

import pytest
from bugs import BUGS

from places import ROOT


def test_no_two_bugs_have_the_same_name():
    names = [bug.name for bug in BUGS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_line_to_replace_occurs_once_and_the_tests_exist(bug):
    assert (ROOT / bug.file).read_text(encoding="utf-8").count(bug.old) == 1
    assert bug.new != bug.old
    for test in bug.tests:
        assert (ROOT / test).is_file(), test
