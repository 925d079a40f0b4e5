"""The settings of the rows that are to be measured are settings, and make models."""

from pathlib import Path

import pytest

from tfvae.reproduction import iwae
from tfvae.run import build
from tfvae.settings import Settings, read_yaml

ROWS = sorted((Path(__file__).parents[2] / "benchmarks/flow_rows").glob("*.yaml"))


@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_a_row_makes_a_model(path):
    settings = Settings(**read_yaml(path))
    model = build.model(settings, (28, 28, 1), 1)
    assert model.unit.is_likelihood
    assert (model.unit.bits_offset is None) == path.stem.startswith(("vae-plain", "vae-flow"))


def test_the_rows_of_one_table_differ_in_nothing_but_the_flow():
    plain, prior, posterior = (
        Settings(**read_yaml(path))
        for name in ("plain", "flow-prior", "flow-posterior")
        for path in ROWS
        if path.stem == f"vae-{name}"
    )
    flow = {"epochs", "flow_depth", "flow_hidden"}
    assert set(prior.differences(plain)) == {"prior", *flow}
    assert set(posterior.differences(plain)) == {"posterior", *flow}
    assert set(plain.differences(iwae.ROWS[0].settings)) <= {"epochs"}
