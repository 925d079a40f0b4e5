"""When a test runs: always (`make test`), in CI as well (`make slow`), or before a release only (`make long`).

Of several cases that cost a lot and differ little CI takes one or two, and `make long` the others.
"""

import pytest


def slow(*case):
    """A case of a parametrised test that runs in the slow suite only."""
    return pytest.param(*case, marks=pytest.mark.slow)


def long(*case):
    """A case of a parametrised test that runs in the long suite only."""
    return pytest.param(*case, marks=pytest.mark.long)


def first(number, cases):
    """So many of the cases wherever the test runs, and the others in the long suite."""
    cases = list(cases)
    return cases[:number] + _all_long(cases[number:])


def only(chosen, cases):
    """The chosen ones of the cases wherever the test runs, and the others in the long suite."""
    return [*chosen, *_all_long(case for case in cases if case not in chosen)]


def _all_long(cases):
    return [long(*case) if isinstance(case, tuple) else long(case) for case in cases]
