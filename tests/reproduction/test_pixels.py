"""The table of bits per dimension: its rows are of 8-bit images, with the same held-out images."""

import pytest

from reproduction import pixels
from tfvae.app.run import build


@pytest.mark.parametrize("row", pixels.ROWS, ids=lambda row: row.name)
def test_a_row_has_bits_per_dimension(row):
    model = build.model(row.settings, (28, 28, 1), 1)
    assert model.unit.is_likelihood and model.unit.bits_offset is not None
    assert (row.settings.data, row.settings.validation_size) == ("mnist", 1000)
    assert model.exact_likelihood == (row.published is not None)
