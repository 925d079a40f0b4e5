"""The settings of the rows that are to be measured are settings, and make models."""

from pathlib import Path

import pytest

from tfvae.run import build
from tfvae.settings import Settings, read_yaml

ROWS = sorted((Path(__file__).parents[2] / "benchmarks/flow_rows").glob("*.yaml"))


@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_a_row_makes_a_model(path):
    settings = Settings(**read_yaml(path))
    model = build.model(settings, (28, 28, 1), 1)
    assert model.unit.is_likelihood
    assert model.unit.bits_offset is not None
