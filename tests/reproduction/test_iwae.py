"""Burda's table: what its rows are."""

from reproduction import iwae
from tfvae.recipes import Specification

BURDAS = tuple(row for row in iwae.ROWS if row.against is None)


def test_rows_with_a_flow_differ_in_nothing_else_from_the_row_that_they_are_set_against():
    by_name = {row.name: row for row in iwae.ROWS}
    for row, part in ((by_name["vae-flow-prior"], "prior"), (by_name["vae-flow-posterior"], "posterior")):
        changed = row.settings.differences(by_name["vae-k1"].settings)
        assert (row.against, row.start) == ("vae-k1", None)
        assert set(changed) == {part, "epochs"}
        assert changed[part][0] == Specification("flow", {"depth": 4, "hidden": (128, 128)})


def test_the_table_is_burdas():
    """One stochastic layer: k = 1, 5 and 50 of table 1."""
    published = {row.name: row.published for row in BURDAS}
    assert published == {"vae-k1": 86.76, "iwae-k5": 85.54, "dreg-k5": None, "iwae-k50": 84.78}
    names = [row.name for row in iwae.ROWS]
    for row in BURDAS:
        options, objective = row.settings.model.options, row.settings.model.options["objective"]
        assert options["network"] == Specification("mlp", {"units": (200, 200), "activation": "tanh"})
        assert (row.settings.model.name, options["latent_size"]) == ("vae", 50)
        assert (row.settings.data, options["likelihood"].name) == ("mnist", "bernoulli")
        assert row.name.endswith(f"-k{objective.options['samples']}")
        assert objective.name == ("iwae" if objective.options["samples"] > 1 else "elbo")
        assert (objective.options.get("gradient") == "dreg") == row.name.startswith("dreg")
        assert row.start is None or row.start in names[: names.index(row.name)]
