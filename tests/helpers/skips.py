"""A plugin of pytest by which a test fails that is skipped for a reason that is not listed here."""

import re
import sys

import pytest

ALLOWED = {
    "TFVAE_FREY_FACE names no file": "the Frey faces may not be published with the package",
    "only root can mount a disk|no disk can be mounted here": "full disks have to be mounted",
    "this file system takes UTF-8 names only": "names that are not UTF-8 need a file system that takes them",
    "emulated elsewhere": "Windows has other locks of files",
    "docker is not installed|the image .* is not here": "servers run in containers",
    "there is a GPU": "it is about machines without one",
    "(torch|jax|pythae|openvino) is not installed": "what benchmarks compare with is not installed in CI",
    "single tests were asked for": "the table of faults counts all tests",
}
"""Reasons of skips, each with why it is right."""
PYTHON_310 = {
    "ArviZ needs Python 3.11": "ArviZ has no version for Python 3.10",
    "check-jsonschema is not installed": "check-jsonschema has no version for Python 3.10 that knows the schema",
}
"""Further reasons on Python 3.10."""


def is_listed(reason):
    """Whether a test may be skipped for this reason."""
    allowed = ALLOWED | (PYTHON_310 if sys.version_info < (3, 11) else {})
    return any(re.search(pattern, reason) for pattern in allowed)


def _judge(report):
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not is_listed(reason):
            report.outcome = "failed"
            report.longrepr = (
                f"{reason}\n{report.nodeid} is skipped, and tests/helpers/skips.py does not list the reason."
            )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _judge((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _judge((yield))
