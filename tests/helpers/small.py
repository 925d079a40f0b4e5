"""Assessments that take a second: fewer draws of everything."""

import math

from tfvae.evaluation import sections

FEW = {"_SIMULATED": 20, "_NAIVE_EXAMPLES": 10, "_NAIVE_DRAWS": 2**8, "_COMPARED": 20}


def few_draws(monkeypatch):
    for name, value in FEW.items():
        monkeypatch.setattr(sections, name, value)


def figures(report):
    """All numbers in a report, by path."""
    found, left = {}, [((), report)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left += [((*path, name), each) for name, each in value.items()]
        elif isinstance(value, (list, tuple)):
            left += [((*path, index), each) for index, each in enumerate(value)]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[path] = value
    assert all(math.isfinite(value) for value in found.values())
    return found
